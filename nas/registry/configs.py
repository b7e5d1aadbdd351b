"""The folders of configs, and the combinations of plugins that are configs and no plugins."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from nas.registry.plugins import plugins
from nas.storage.yaml_files import read_yaml


def conf_dir() -> Path:
    """The configs' folder: `nas/conf` where installed, `conf` in a checkout."""
    here = Path(__file__).resolve().parent.parent
    return here / "conf" if (here / "conf").is_dir() else here.parent / "conf"


def entries(config: object) -> list[tuple[str, str]]:
    """The entries of a config's defaults list."""
    listed = config.get("defaults") if isinstance(config, dict) else None
    mappings = [entry for entry in listed or [] if isinstance(entry, dict)]
    return [(str(key), str(value)) for entry in mappings for key, value in entry.items()]


def placed(kind: str, defaults: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The plugins of a kind that a defaults list combines, by the place it gives them."""
    found = {}
    for key, value in defaults:
        place = re.fullmatch(rf"/?{kind}@(?:_global_\.)?{kind}\.(\w[\w-]*)", key)
        if place:
            found[place[1]] = value
    return found


def combination(kind: str, name: str) -> tuple[str, ...]:
    """The names of the plugins that the config `name` combines; empty if it is no combination."""
    folders = [conf_dir(), *(plugin.conf for plugin in plugins() if plugin.conf is not None)]
    files = [folder / kind / f"{name}.yaml" for folder in folders]
    file = next((each for each in files if each.is_file()), None)
    return () if file is None else tuple(placed(kind, entries(read_yaml(file))).values())
