"""The folders of configs, ours and plugins', and the names in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from nas.errors import UsageError
from nas.registry.plugins import origin, plugins

GROUPS = ("space", "proxy", "strategy", "batch", "ranking", "executor")


def conf_dir() -> Path:
    """The configs' folder: `nas/conf` where installed, `conf` in a checkout."""
    here = Path(__file__).resolve().parent.parent
    return here / "conf" if (here / "conf").is_dir() else here.parent / "conf"


def conf_dirs(argv: Sequence[str] = ()) -> dict[Path, str]:
    """Every folder of configs, and whose it is: ours, plugins' and that of --config-dir."""
    folders = {conf_dir(): "nas"}
    for plugin in plugins():
        if plugin.conf is not None:
            folders.setdefault(plugin.conf, plugin.module)
    for argument, following in pairwise([*argv, ""]):
        flag, _, value = argument.partition("=")
        if flag in ("--config-dir", "-cd"):
            folders.setdefault(Path(value or following).absolute(), flag)
    return folders


def check_names(folders: Mapping[Path, str]) -> None:
    """UsageError where two configs have one name: Hydra would silently take the first."""
    found: dict[tuple[str, str], Path] = {}
    for folder in folders:
        for group in GROUPS:
            for path in sorted((folder / group).glob("*.yaml")):
                other = found.setdefault((group, path.stem), path)
                if other.resolve() != path.resolve():
                    owners = [folders[each.parent.parent] for each in (other, path)]
                    one, two = (origin(owner) or owner for owner in owners)
                    raise UsageError(
                        f"{group}={path.stem} has two configs: {other} ({one}) and {path} ({two})"
                    )


def quoted(value: str) -> str:
    """A text as Hydra's grammar takes it."""
    return value if re.fullmatch(r"[\w./:-]+", value) else "'" + value.replace("'", r"\'") + "'"
