"""The format of a run's folder, and the versions of the packages that made it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from nas.errors import UsageError
from nas.version import __version__

FORMAT, VERSIONS = "format", "versions"
"""The keys of both in a run's record."""
LATEST = 2
"""The format that is written. Old folders without a format are read, too."""
PACKAGES = ("torch", "numpy")


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that scores depend on."""
    own = {"python": platform.python_version(), "epsilon-nas": __version__}
    return own | {name: _version(name) for name in PACKAGES}


def differences(made_by: Mapping[str, str]) -> list[str]:
    """The packages that have another version now, one phrase each."""
    now = versions()
    return [
        f"{name} {made_by[name]}, and goes on with {now[name]}"
        for name in now
        if name in made_by and made_by[name] != now[name]
    ]


def check_format(found: object, folder: Path) -> int:
    """The format of a folder, `LATEST` for None; raises UsageError for an unknown format."""
    if found is None:
        return LATEST
    if type(found) is not int or not 1 <= found <= LATEST:
        raise UsageError(
            f"the run in {folder} has the format {found}, and this version reads formats up to "
            f"{LATEST}: use the version of epsilon-nas that made it, or a later one"
        )
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
