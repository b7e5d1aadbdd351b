"""Plugins by name: a mapping from registered names to classes, filled on first use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar

from nas.errors import NameTakenError, UsageError, unknown
from nas.registry.options import T, construct
from nas.registry.plugins import VARIABLE, failures, located

NAME = re.compile(r"\w+(-\w+)*")
"""What names are like, which are those of files and words of the command line, too."""

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
        if folder.parent != Path(__file__).resolve().parent.parent.parent:
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


def _place(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__
