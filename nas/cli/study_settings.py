"""The settings of `nas study` and `nas report`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from nas.cli.checks import column, table
from nas.cli.settings import SearchSettings, Settings, data_folder, flag, name_of, typed, whole


@dataclass(frozen=True)
class StudySettings(SearchSettings):
    """The settings of `nas study`: those of its searches, and its own."""

    seeds: Annotated[int, whole(1)]
    report: Annotated[str | None, column]

    def search(self, seed: int, out: str) -> SearchSettings:
        """The settings of one of its searches, which runs in one process."""
        own = {"seed": seed, "out": out, "executor": {"name": "serial"}}
        kept = {name: value for name, value in self.record.items() if name not in STUDY}
        return typed(SearchSettings, {**kept, **own})


STUDY = ("seeds", "report")
"""The settings of a study that are not of its searches."""


@dataclass(frozen=True)
class ReportSettings(Settings):
    """The settings of `nas report`."""

    json: Annotated[bool, flag]
    report: Annotated[str | None, column]
    table: Annotated[str | None, table]
    data_dir: Annotated[str | None, data_folder]
    out: Annotated[str | None, name_of("a folder", optional=True)]
    open: Annotated[bool, flag]
