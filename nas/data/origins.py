"""Where a table comes from: one that `nas table` wrote has its settings beside it."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import UsageError
from nas.space import SPACES
from nas.storage.yaml_files import read_yaml

if TYPE_CHECKING:
    from nas.space import Space

SETTINGS = "config.yaml"
WRITTEN = "table"
"""The command that leaves its settings beside the table, and how its table is called."""


def check_origin(path: Path, space: Space) -> None:
    """Raise UsageError if `nas table` trained networks of another space, or of other options.

    The same decisions are another network there, whose figures say nothing of this one. A table
    without such settings beside it is of the space that it is used for.
    """
    trained = _trained(path.resolve())
    if trained is None or repr(trained) == repr(space):
        return
    if type(trained) is not type(space):
        raise UsageError(f"{path} has figures of {trained!r}, and not of {space!r}")
    there, here = _options(trained), _options(space)
    other = [name for name in there if there[name] != here.get(name)]
    own = " ".join(f"space.{name}={_written(there[name])}" for name in other)
    now = " ".join(f"space.{name}={_written(here.get(name))}" for name in other)
    raise UsageError(
        f"{path} has figures of networks with {own or repr(trained)}, and {now or repr(space)} "
        f"makes others: give {own or 'the options of that space'}"
    )


def _trained(path: Path) -> Space | None:
    """The space of the settings beside a table; None where there are none, or no such space."""
    if path.name.partition(".")[0] != WRITTEN:
        return None
    try:
        found = read_yaml(path.with_name(SETTINGS))
    except (UsageError, FileNotFoundError):
        return None
    chosen = found.get("space") if isinstance(found, dict) else None
    if not isinstance(chosen, dict) or found.get("command") != WRITTEN:
        return None
    options = {str(name): value for name, value in chosen.items() if name != "name"}
    name = str(chosen.get("name"))
    return SPACES.build(name, **options) if name in SPACES else None


def _options(space: Space) -> dict[str, Any]:
    """The fields of a space; none if it has none."""
    if not is_dataclass(space):
        return {}
    return {each.name: getattr(space, each.name) for each in fields(space)}


def _written(value: object) -> str:
    """A value as it is typed."""
    return json.dumps(value, default=str)
