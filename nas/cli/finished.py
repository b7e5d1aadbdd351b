"""What a search found, from its folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nas.cli.build import build_ranking, build_space
from nas.cli.finals import read
from nas.cli.questions import question, recorded
from nas.cli.settings import SearchSettings
from nas.errors import UsageError
from nas.runs.folder import CONFIG, read_record, read_trials
from nas.runs.summary import summarise
from nas.space import Arch, Space


class Finished(NamedTuple):
    """A search's settings and space, and the summary of its trials so far."""

    settings: SearchSettings
    space: Space
    summary: Mapping[str, Any]

    @property
    def best(self) -> Arch:
        """The architecture that the search returns; raises UsageError if none has a score."""
        if self.summary["tuple"] is None:
            raise UsageError("the run has no architecture with a score")
        return tuple(self.summary["tuple"])


def finished(folder: Path) -> Finished:
    """The run in a folder; raises UsageError if there is none. Writes nothing."""
    search = recorded(read_record(folder)[0], folder / CONFIG)
    space = build_space(search.space)
    history = read_trials(folder, space, search.metrics)
    ranking = build_ranking(search.ranking, search.proxy, search.metrics)
    held = read(search, history, ranking, space, folder)
    summary = summarise(history, space, ranking, search.metrics, question(search), *held)
    return Finished(search, space, summary)
