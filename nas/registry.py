"""Plugins by name: a mapping from registered names to classes, filled on first use."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import SimpleNamespace, UnionType
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from nas.errors import NameTakenError, UsageError, unknown
from nas.plugins import VARIABLE, failures, located

NAME = re.compile(r"\w+(-\w+)*")
"""What names are like, which are those of files and words of the command line, too."""

T = TypeVar("T")
C = TypeVar("C")


class Registry(Mapping[str, type[T]], Generic[T]):
    """The plugins of one kind, of its sibling package and of others, imported on first use."""

    def __init__(self, kind: str, package: str, base: type) -> None:
        self.kind = kind
        self.base = base
        self.package = package
        self._classes: dict[str, type[T]] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[type[C]], type[C]]:
        """Class decorator that files a plugin under `name`.

        NameTakenError where another class has it; ValueError or TypeError where it is no name, or
        the plugin no class.
        """

        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is no name for a {self.kind}: use letters, digits, _ and -"
            )

        def file(cls: type[C]) -> type[C]:
            if not isinstance(cls, type) or not issubclass(cls, self.base):
                raise TypeError(
                    f"the {self.kind} '{name}' is {cls!r}, and must be a class that inherits from "
                    f"{self.base.__name__}"
                )
            other = self._classes.get(name)
            if other is not None and _place(other) != _place(cls):  # or it is read again
                raise NameTakenError(
                    f"the {self.kind} '{name}' exists twice: "
                    f"in {located(other.__module__)} and in {located(cls.__module__)}"
                )
            self._classes[name] = cls  # type: ignore[assignment]  # C is a T, being a `base`
            return cls

        return file

    def load(self) -> None:
        """Import every module of the package, once, and the plugins of others.

        Modules that begin with _ hold no plugin; what a plugin's module registered before it
        failed is none, either.
        """
        if self._loaded:
            return
        package = import_module(self.package)
        folder = Path(package.__path__[0]).resolve()
        if folder.parent != Path(__file__).resolve().parent.parent:
            raise UsageError(
                f"the package '{self.package}' was found in {folder}, which is not epsilon-nas's: "
                f"rename that folder or leave the one it lies in"
            )
        for module in iter_modules(package.__path__):
            if not module.name.startswith("_"):
                import_module(f"{self.package}.{module.name}")
        failed = [f"{plugin.module}." for plugin in failures()]
        for name, cls in list(self._classes.items()):
            if f"{cls.__module__}.".startswith(tuple(failed)):
                del self._classes[name]
        self._loaded = True

    def __getitem__(self, name: str) -> type[T]:
        self.load()
        if name not in self._classes:
            raise self._missing(name)
        return self._classes[name]

    def _missing(self, name: str, hint: str = "") -> UsageError:
        """The error for a name that nothing is registered under."""
        notes = [
            f"the plugin {plugin} cannot be imported: {why}" for plugin, why in failures().items()
        ]
        sentence = str(unknown(self.kind, name, self._classes))
        return UsageError("; ".join([sentence, *([hint] if hint else []), *notes]))

    def __contains__(self, name: object) -> bool:
        self.load()
        return name in self._classes

    def __iter__(self) -> Iterator[str]:
        self.load()
        return iter(sorted(self._classes))

    def __len__(self) -> int:
        self.load()
        return len(self._classes)

    def build(self, name: str, *args: object, **options: object) -> T:
        """An instance of the plugin `name`; wrong options raise a `UsageError` saying which."""
        return construct(self.kind, name, self[name], *args, **options)

    def configured(self, config: Mapping[str, Any], *args: object) -> T:
        """An instance from a config: `name` says which plugin, the rest are its options."""
        options = dict(config)
        name = str(options.pop("name"))
        if name not in self:
            for plugin, why in failures().items():
                if plugin.conf is not None and (plugin.conf / self.kind / f"{name}.yaml").exists():
                    raise UsageError(
                        f"the {self.kind} '{name}' is of the plugin {plugin}, which cannot be "
                        f"imported: {why}"
                    )
            raise self._missing(
                name,
                f"a config has this name, but nothing is registered under it: install the package "
                f"that does so, or name its module in the environment, {VARIABLE}=MODULE",
            )
        return self.build(name, *args, **options)


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


def _place(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


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
