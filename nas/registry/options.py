"""Options of plugins: the user's values are checked against the plugin's signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from nas.errors import UsageError

T = TypeVar("T")
LARGEST = 2**63 - 1
"""The largest whole number that an option may be: tensors have no larger ones."""


@dataclass(frozen=True)
class Choice:
    """A plugin that a user chose by its name, with its options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


def construct(
    kind: str, name: str, make: Callable[..., T], given: int, /, *args: object, **options: object
) -> T:
    """Call `make(*args, **options)`; raises UsageError if the options do not fit its signature.

    The first `given` parameters of `make` are not options.
    """
    check(kind, name, make, given, options)
    try:
        return make(*args, **_as_hinted(make, options))
    except UsageError:
        raise
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{kind} {name}: {error}") from error


def check(
    kind: str, name: str, make: Callable[..., Any], given: int, options: Mapping[str, object]
) -> None:
    """Raise UsageError if the options do not fit `make`; they follow `given` arguments."""
    parameters = _parameters(kind, name, make, given)
    allowed = {parameter.name: parameter for parameter in parameters}
    hints = _hints(make)
    for option, value in options.items():
        if option not in allowed:
            listed = ", ".join(f"{p.name}={p.default}" for p in parameters) or "none"
            raise UsageError(f"{kind} {name} has no option '{option}'; its options: {listed}")
        hint = hints.get(option, Any)
        if not accepts(hint, value):
            raise UsageError(f"{kind}.{option}={value} must be {described(hint)}")
        if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
            raise UsageError(f"{kind}.{option}={value} is too large: at most {LARGEST}")
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name not in options:
            raise UsageError(f"{kind} {name} needs {kind}.{parameter.name}=…")


def _as_hinted(make: Callable[..., Any], options: Mapping[str, object]) -> dict[str, object]:
    """The options; a list, which is what a config has, becomes a tuple where the hint is one."""
    hints = _hints(make)
    return {
        name: tuple(value) if isinstance(value, list) and _is_tuple(hints.get(name)) else value
        for name, value in options.items()
    }


def _is_tuple(hint: Any) -> bool:
    """Whether a hint is a tuple, or has one among its possibilities."""
    if get_origin(hint) in (Union, UnionType):
        return any(map(_is_tuple, get_args(hint)))
    return tuple in (hint, get_origin(hint))


def defaults(kind: str, name: str, make: Callable[..., Any], given: int) -> dict[str, Any]:
    """The options of `make` with their defaults; `???` if an option has no default."""
    return {
        parameter.name: "???" if parameter.default is parameter.empty else parameter.default
        for parameter in _parameters(kind, name, make, given)
    }


def types(kind: str, name: str, make: Callable[..., Any], given: int) -> dict[str, str]:
    """What each option of `make` takes, in words; empty where it has no type."""
    hints = _hints(make)
    return {
        parameter.name: described(hints[parameter.name]) if parameter.name in hints else ""
        for parameter in _parameters(kind, name, make, given)
    }


def _parameters(
    kind: str, name: str, make: Callable[..., Any], given: int
) -> list[inspect.Parameter]:
    """The parameters that are options; raises UsageError if `make` takes fewer than `given`."""
    signature = inspect.signature(make)
    parameters = list(signature.parameters.values())
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    try:
        signature.bind_partial(*[None] * given)
    except TypeError:
        raise UsageError(
            f"{kind} {name} must take {given} arguments before its options, and takes {signature}"
        ) from None
    return [parameter for parameter in parameters[given:] if parameter.kind not in variadic]


def _hints(make: Any) -> dict[str, Any]:
    """Type hints by parameter, without hints whose names only a type checker imports."""
    # mypy rejects __init__ on a value that could be an instance
    function = inspect.unwrap(make.__init__ if isinstance(make, type) else make)  # type: ignore[misc]
    hints: dict[str, Any] = {}
    for name, annotation in getattr(function, "__annotations__", {}).items():
        one = SimpleNamespace(__annotations__={name: annotation})
        with suppress(NameError):
            hints |= get_type_hints(one, getattr(function, "__globals__", None))
    return hints


def accepts(hint: Any, value: object) -> bool:
    """Whether a config's value fits a type hint; an int fits float, a bool does not fit int.

    >>> accepts(float, 3), accepts(int, True), accepts(int | None, None)
    (True, False, True)
    >>> accepts(tuple[int, int], [3, 4]), accepts(list[str], "a")
    (True, False)
    """
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(accepts(part, value) for part in get_args(hint))
    if origin is Literal:
        return value in get_args(hint)
    if hint is None or hint is type(None):
        return value is None
    if origin is tuple and isinstance(value, list | tuple):
        parts = get_args(hint)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return all(accepts(parts[0], each) for each in value)
        return len(parts) == len(value) and all(map(accepts, parts, value))
    if origin is list:
        return isinstance(value, list) and all(accepts(get_args(hint)[0], each) for each in value)
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
    """A type hint in words.

    >>> described(int | None)
    'a whole number or null'
    """
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(described(part) for part in get_args(hint))
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if get_origin(hint) in (tuple, list):
        parts = get_args(hint)
        if get_origin(hint) is list or parts[-1] is Ellipsis:
            return f"a list, each {described(parts[0])}"
        return f"a list of {len(parts)}, each {described(parts[0])}"
    if hint is None or hint is type(None):
        return "null"
    return WORDS.get(hint, str(hint))
