"""Options of plugins: calls with options that a user gave, checked against the signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from nas.errors import UsageError

T = TypeVar("T")


def construct(kind: str, name: str, make: Callable[..., T], *args: object, **options: object) -> T:
    """Call `make(*args, **options)`; options that do not fit its signature raise a UsageError."""
    parameters = list(inspect.signature(make).parameters.values())[len(args) :]
    allowed = {parameter.name: parameter for parameter in parameters}
    # mypy minds __init__ of what might be an instance
    hints = _hints(make.__init__ if isinstance(make, type) else make)  # type: ignore[misc]
    for option, value in options.items():
        if option not in allowed:
            listed = ", ".join(f"{p.name}={p.default}" for p in parameters) or "none"
            raise UsageError(f"{kind} {name} has no option '{option}'; its options: {listed}")
        hint = hints.get(option, Any)
        if not accepts(hint, value):
            raise UsageError(f"{kind}.{option}={value} must be {described(hint)}")
    missing = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty and parameter.name not in options
    ]
    if missing:
        raise UsageError(f"{kind} {name} needs {kind}.{missing[0]}=…")
    try:
        return make(*args, **options)
    except UsageError:
        raise
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{kind} {name}: {error}") from error


def _hints(function: Any) -> dict[str, Any]:
    """Type hints by parameter; those of names that only a type checker imports are left out."""
    hints: dict[str, Any] = {}
    for name, annotation in getattr(function, "__annotations__", {}).items():
        one = SimpleNamespace(__annotations__={name: annotation})
        with suppress(NameError):
            hints |= get_type_hints(one, getattr(function, "__globals__", None))
    return hints


def accepts(hint: Any, value: object) -> bool:
    """Whether a config's value fits a type hint; an int is a float, a bool is no int."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(accepts(part, value) for part in get_args(hint))
    if origin is Literal:
        return value in get_args(hint)
    if hint is None or hint is type(None):
        return value is None
    if hint in (int, float) and isinstance(value, bool):
        return False
    if hint is float:
        return isinstance(value, int | float)
    if hint is Any or not isinstance(hint, type):
        return True
    try:
        return isinstance(value, hint)
    except TypeError:  # a protocol
        return True


WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def described(hint: Any) -> str:
    """A type hint in words."""
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(described(part) for part in get_args(hint))
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if hint is None or hint is type(None):
        return "null"
    return WORDS.get(hint, str(hint))
