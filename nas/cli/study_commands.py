"""What a study was asked for: its commands and the searches that they plan, kept in its folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from nas.storage.files import replace_file

ASKED = "commands.json"
"""A list with an entry for each command that worked in the folder."""


@dataclass(frozen=True)
class Asked:
    """The commands of a study, and how many searches it has with those that are not begun."""

    commands: Sequence[str] = ()
    planned: int = 0


class _Entry(TypedDict):
    command: str
    searches: list[str]


def keep(folder: Path, command: str, searches: Sequence[str]) -> None:
    """Record a command in its study's folder, with the names of the folders of its searches.

    It takes the place of those whose searches it has too: it went on, with more seeds or trials.
    """
    before = _read(folder)
    kept = [
        each
        for each in before
        if each["command"] != command and not {*each["searches"]} <= {*searches}
    ]
    entry: _Entry = {"command": command, "searches": [*searches]}
    if [*kept, entry] != before:
        text = json.dumps([*kept, entry], ensure_ascii=False, indent=1)
        replace_file(folder / ASKED, text + "\n")


def asked_of(folders: Sequence[Path]) -> Asked:
    """What the study of these searches was asked for; nothing where no folder of a study says."""
    parents = {path.parent for path in folders}
    if len(parents) != 1:
        return Asked()
    (folder,) = parents
    entries = _read(folder)
    names = {name for entry in entries for name in entry["searches"]}
    return Asked([entry["command"] for entry in entries], len(names | {p.name for p in folders}))


def _read(folder: Path) -> list[_Entry]:
    """The entries of a folder; none where the file is missing or is not what was written."""
    try:
        found = json.loads((folder / ASKED).read_text(encoding="utf-8"))
        return [
            {"command": str(each["command"]), "searches": [str(n) for n in each["searches"]]}
            for each in found
        ]
    except (OSError, ValueError, RecursionError, TypeError, KeyError):
        return []
