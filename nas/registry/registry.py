"""Plugins by name: classes or functions, imported on first use."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from inspect import isfunction
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar

from nas.errors import NameTakenError, UsageError, unknown
from nas.registry.configs import combination
from nas.registry.options import Choice, check, construct, defaults, types
from nas.registry.plugins import VARIABLE, failures, located, unreadable

NAME = re.compile(r"\w+(-\w+)*")
"""The pattern of a name, which is also a file's name and a word of the command line."""

T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., Any])


class Registry(Mapping[str, Any], Generic[T]):
    """The plugins of one kind, ours and other people's, imported on first use."""

    def __init__(
        self,
        kind: str,
        home: str,
        base: type[T] | None = None,
        *,
        given: int = 0,
        of_function: Callable[[Callable[..., Any]], type[T]] | None = None,
    ) -> None:
        """The registry of the plugins in `home`, which is a module or a package with modules.

        Plugins inherit from `base`; without a base they are functions or other callables. The
        first `given` arguments of a plugin are not options that a user sets. With `of_function` a
        plugin may also be a function, of which this makes a class that inherits from `base`.
        """
        self.kind, self.home, self.base, self.given = kind, home, base, given
        self.of_function = of_function
        self._plugins: dict[str, Any] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[C], C]:
        """A decorator that registers a plugin under `name`.

        Raises NameTakenError if another plugin has the name, ValueError if the name has other
        characters than a name may have, and TypeError if the plugin is not of this kind.
        """
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is no name for a {self.kind}: use letters, digits, _ and -"
            )

        def file(plugin: C) -> C:
            made: Any = plugin
            if self.of_function is not None and isfunction(plugin):
                made = self.of_function(plugin)
            self._check(name, made)
            other = self._plugins.get(name)
            if other is not None and _place(other) != _place(made):  # the same place: reloaded
                raise NameTakenError(
                    f"the {self.kind} '{name}' exists twice: "
                    f"in {located(other.__module__)} and in {located(made.__module__)}"
                )
            self._plugins[name] = made
            return plugin

        return file

    def _check(self, name: str, plugin: object) -> None:
        if self.base is None:
            if not callable(plugin) or not hasattr(plugin, "__qualname__"):
                raise TypeError(f"the {self.kind} '{name}' is {plugin!r}, and must be a function")
        elif not isinstance(plugin, type) or not issubclass(plugin, self.base):
            raise TypeError(
                f"the {self.kind} '{name}' is {plugin!r}, and must be a class that inherits from "
                f"{self.base.__name__}{', or a function' if self.of_function else ''}"
            )

    def knows(self, name: str) -> bool:
        """Whether a plugin of this name is registered already; nothing is imported."""
        return name in self._plugins

    def only_ours(self) -> bool:
        """Whether everything that is registered already is from `home`; nothing is imported."""
        modules = (plugin.__module__ for plugin in self._plugins.values())
        return all(f"{module}.".startswith(f"{self.home}.") for module in modules)

    def load(self) -> None:
        """Import our plugins and those of other packages, once.

        Modules whose names begin with _ hold no plugins. If a module registers a plugin and then
        raises an error, the plugin does not count.
        """
        if self._loaded:
            return
        self.check_home()
        home = import_module(self.home)
        for module in iter_modules(getattr(home, "__path__", [])):
            if not module.name.startswith("_"):
                import_module(f"{self.home}.{module.name}")
        failed = [f"{plugin.module}." for plugin in failures()]
        for name, plugin in list(self._plugins.items()):
            if f"{plugin.__module__}.".startswith(tuple(failed)):
                del self._plugins[name]
        self._loaded = True

    def check_home(self) -> None:
        """Raise UsageError if Python finds another package under our name; it is not run."""
        spec = find_spec(self.home)
        found = Path(spec.origin).resolve() if spec is not None and spec.origin else None
        ours = Path(__file__).resolve().parents[2].joinpath(*self.home.split("."))
        if found not in (ours / "__init__.py", ours.with_suffix(".py")):
            place = found.parent if found and found.name == "__init__.py" else found
            raise UsageError(
                f"the package '{self.home}' was found in {place}, which is not epsilon-nas's: "
                f"rename that, or start nas in another folder"
            )

    def __getitem__(self, name: str) -> Any:
        self.load()
        if name not in self._plugins:
            raise self._missing(name)
        return self._plugins[name]

    def _missing(self, name: str, hint: str = "") -> UsageError:
        """The error for a name under which nothing is registered."""
        if parts := combination(self.kind, name):
            *first, last = parts
            return UsageError(
                f"'{name}' is no {self.kind} but a combination of {', '.join(first)} and {last}, "
                f"which are ranked together within a set: give the list of these names "
                f"(as the only one that scores, {self.kind}={name} on the command line)"
            )
        notes = [
            f"the plugin {plugin} cannot be imported: {why}" for plugin, why in failures().items()
        ]
        notes += unreadable()
        sentence = str(unknown(self.kind, name, self._plugins))
        return UsageError("; ".join([sentence, *([hint] if hint else []), *notes]))

    def __contains__(self, name: object) -> bool:
        self.load()
        return name in self._plugins

    def __iter__(self) -> Iterator[str]:
        self.load()
        return iter(sorted(self._plugins))

    def __len__(self) -> int:
        self.load()
        return len(self._plugins)

    def build(self, name: str, /, *args: object, **options: object) -> T:
        """Make the plugin `name`; raises UsageError that names a wrong option."""
        made: T = construct(self.kind, name, self[name], self.given, *args, **options)
        return made

    def bound(self, choice: Choice) -> Callable[..., T]:
        """The plugin with its options fixed; it is called later with its other arguments."""
        plugin = self[choice.name]
        check(self.kind, choice.name, plugin, self.given, choice.options)
        return partial(plugin, **choice.options) if choice.options else plugin

    def defaults(self, name: str) -> dict[str, Any]:
        """The plugin's options with their defaults, from its signature; `???` for no default."""
        return defaults(self.kind, name, self[name], self.given)

    def types(self, name: str) -> dict[str, str]:
        """What each of the plugin's options takes, in words, from its signature."""
        return types(self.kind, name, self[name], self.given)

    def configured(self, choice: Choice, *args: object) -> T:
        """Make the plugin that a config names; raises UsageError if there is no such plugin."""
        if choice.name not in self:
            for plugin, why in failures().items():
                folder = plugin.conf
                if folder is not None and (folder / self.kind / f"{choice.name}.yaml").exists():
                    raise UsageError(
                        f"the {self.kind} '{choice.name}' is of the plugin {plugin}, which cannot "
                        f"be imported: {why}"
                    )
            raise self._missing(
                choice.name,
                f"a config has this name, but nothing is registered under it: install the package "
                f"that does so, or name its module in the environment, {VARIABLE}=MODULE",
            )
        return self.build(choice.name, *args, **choice.options)


def _place(plugin: Any) -> tuple[str, str]:
    """The file of a plugin and its name there; a script that is run has another module's name."""
    module = plugin.__module__
    return getattr(sys.modules.get(module), "__file__", None) or module, plugin.__qualname__
