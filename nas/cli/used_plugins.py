"""What a shell has to set before a command: NAS_PLUGINS, where a run used such a plugin."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from nas.cli.config_files import GROUPS, conf_dirs
from nas.cli.kinds import registries
from nas.registry.plugins import VARIABLE, origin


def setting(record: Mapping[str, Any]) -> str:
    """NAS_PLUGINS=VALUE and a space if a plugin of that variable is in a record, else nothing.

    A plugin is there if the record has its name, or that of a config that it brings.
    """
    value = os.environ.get(VARIABLE, "")
    if not value.strip():
        return ""
    folders = [folder for folder, owner in conf_dirs().items() if origin(owner) == VARIABLE]
    for name in {*_texts(record)}:
        own = any(
            name in plugins and origin(plugins[name].__module__) == VARIABLE
            for plugins in registries().values()
        )
        files = (folder / group / f"{name}.yaml" for folder in folders for group in GROUPS)
        if own or ("/" not in name and any(map(os.path.isfile, files))):
            return f"{VARIABLE}={shlex.quote(value)} "
    return ""


def _texts(value: Any) -> Iterator[str]:
    """All texts in plain values, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield str(key)
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
