"""Plugins of other packages: entry points or the environment name them.

An entry point of the group `nas.plugins` names a package, or the environment variable NAS_PLUGINS
names a module; it registers its classes when it is imported. Its configs are in a folder `conf`,
inside the package or beside the module. The folder is found without running code of the plugin.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import NameTakenError, UsageError
from nas.version import __version__

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

GROUP, VARIABLE = "nas.plugins", "NAS_PLUGINS"
OURS = ("nas", "spaces", "proxies", "strategies")


@dataclass(frozen=True)
class Plugin:
    """A module that registers classes, and the distribution whose entry point names it."""

    module: str
    distribution: Distribution | None = field(default=None, compare=False)

    @cached_property
    def origin(self) -> str:
        """The distribution with its version, or the variable that names the module."""
        return VARIABLE if self.distribution is None else _titled(self.distribution)

    @cached_property
    def spec(self) -> ModuleSpec | None:
        """Where the module is, found without importing it or its package; None if absent."""
        name, *parts = self.module.split(".")
        try:
            spec = find_spec(name)
        except Exception:  # an empty name, or a finder's error: the import reports it
            return None
        for part in parts:
            if spec is None or spec.submodule_search_locations is None:
                return None
            name = f"{name}.{part}"
            spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
        return spec

    @cached_property
    def conf(self) -> Path | None:
        """The folder of the plugin's configs, if there is one."""
        spec = self.spec
        if spec is None:
            return None
        places = [Path(place) for place in spec.submodule_search_locations or ()]
        if not places and spec.has_location and spec.origin:
            places = [Path(spec.origin).parent]
        folders = [place.absolute() / "conf" for place in places]
        return next((folder for folder in folders if folder.is_dir()), None)

    def __str__(self) -> str:
        return f"{self.module} ({self.origin})"


def _titled(distribution: Distribution) -> str:
    try:
        return f"{distribution.name} {distribution.version}"
    except Exception:  # a broken installation; its plugin may still work
        return "a distribution without metadata"


@cache
def _points() -> tuple[list[EntryPoint], dict[str, str]]:
    """The entry points of our group, and the distributions whose own cannot be read, and why.

    Of two distributions of one name the first on the path counts, as for Python itself.
    """
    from importlib.metadata import distributions

    points: list[EntryPoint] = []
    broken: dict[str, str] = {}
    seen = set[str]()
    for distribution in distributions():
        place = str(getattr(distribution, "_path", distribution))
        try:  # each look at the name reads the whole of a file: look once
            name = re.sub(r"[-_.]+", "-", str(distribution.name)).lower()
        except Exception:  # a broken installation
            name = place
        if name in seen:
            continue
        seen.add(name)
        try:
            points += distribution.entry_points.select(group=GROUP)
        except Exception as error:  # whatever is in another package's file, the others work
            why = " ".join(str(error).split())
            title = place if name == place else _titled(distribution)
            broken[title] = f"its entry_points.txt cannot be read ({type(error).__name__}: {why})"
    return points, broken


def unreadable() -> list[str]:
    """The distributions whose entry points cannot be read, each with the reason."""
    return [f"{title}: {why}" for title, why in _points()[1].items()]


@cache
def plugins() -> tuple[Plugin, ...]:
    """The plugins, those of entry points first; this imports none of them.

    Raises UsageError if two distributions name the same module.
    """
    found: dict[str, Plugin] = {}
    for point in sorted(_points()[0], key=lambda point: point.value):
        plugin = Plugin(re.split(r"[:\[]", point.value)[0].strip(), point.dist)
        other = found.setdefault(plugin.module, plugin)
        if other is not plugin and other.origin != plugin.origin:
            raise UsageError(
                f"two distributions have the plugin '{plugin.module}', {other.origin} and "
                f"{plugin.origin}: uninstall one of them"
            )
    for name in os.environ.get(VARIABLE, "").split(","):
        if name.strip():
            found.setdefault(name.strip(), Plugin(name.strip()))
    return tuple(found.values())


@cache
def failures() -> Mapping[Plugin, str]:
    """Import every plugin; returns those that cannot be imported, with the reason in one line.

    A NameTakenError is raised on: neither of the two plugins is the right one.
    """
    failed = {}
    for plugin in plugins():
        try:
            import_module(plugin.module)
        except NameTakenError:
            raise
        except (Exception, SystemExit) as error:  # the other plugins must still work
            lines = str(error).strip().splitlines()
            failed[plugin] = f"{type(error).__name__}: {lines[0]}" if lines else repr(error)
    return failed


def origin(module: str) -> str:
    """The distribution of a module, with its version; empty if the module is from none."""
    from importlib.metadata import distributions

    top = module.partition(".")[0]
    if top in OURS:
        return f"epsilon-nas {__version__}"
    own = [plugin for plugin in plugins() if plugin.module.partition(".")[0] == top]
    within = [plugin for plugin in own if f"{module}.".startswith(f"{plugin.module}.")]
    if within:
        return max(within, key=lambda plugin: len(plugin.module)).origin
    for plugin in own:
        if plugin.distribution is not None:
            return plugin.origin
    for each in distributions():
        if top in _tops(each):
            return _titled(each)
    return VARIABLE if own else ""


def _tops(distribution: Distribution) -> set[str]:
    """The top-level modules of a distribution.

    `importlib.metadata.packages_distributions` makes an object of every installed file for it.
    """
    if declared := (distribution.read_text("top_level.txt") or "").split():
        return {*declared}
    record = distribution.read_text("RECORD")
    names = record.splitlines() if record is not None else map(str, distribution.files or ())
    firsts = {name.partition(",")[0].partition("/")[0] for name in names}
    return {first.removesuffix(".py") for first in firsts}


def located(module: str) -> str:
    """A module with its distribution, or else with its file."""
    found = origin(module)
    if found in ("", VARIABLE):
        file = getattr(sys.modules.get(module), "__file__", None) or ""
        found = ", ".join(part for part in (found, file) if part)
    return f"{module} ({found})" if found else module
