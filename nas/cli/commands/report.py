"""`nas report`: prints the summary of a search again, from its folder alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.arguments import names_a_path
from nas.cli.composition import positional, run_hydra
from nas.cli.settings import ReportSettings
from nas.errors import UsageError
from nas.storage.files import path_of

if TYPE_CHECKING:
    from nas.metric import Metric


def main(argv: Sequence[str]) -> None:
    """Print the summary of the run in the folder that the arguments name."""
    words, rest = positional(argv, names_a_path)  # a sweep's have =

    def task(settings: ReportSettings) -> None:
        if len(words) != 1:
            raise UsageError(f"report needs one run's folder, not {len(words)}: nas report RUN")
        run(path_of(words[0]), settings)

    run_hydra("report", ReportSettings, task, rest)


def run(folder: Path, settings: ReportSettings) -> None:
    """Print the summary of the run as text or JSON."""
    from nas.cli.build import build_space
    from nas.cli.finals import read
    from nas.cli.judging import judging
    from nas.cli.questions import question, recorded
    from nas.cli.tables import figures_or_note, recorded_table, titles
    from nas.runs.folder import CONFIG, OWN, read_best, read_elapsed, read_record, read_trials
    from nas.runs.summary import summarise
    from nas.runs.warmup import read_outcome
    from nas.space import SPACES

    record = read_record(folder)[0]
    search = recorded(record, folder / CONFIG)
    table = recorded_table(search, record)
    if OWN in record and search.space.name not in SPACES:  # of the program that searched
        _show(read_best(folder), titles(search, table), settings)
        return
    space = build_space(search.space)
    history = read_trials(folder, space, search.metrics)
    ranking = judging(search)
    elapsed = read_elapsed(folder)
    held = read(search, history, ranking, space, folder, elapsed)
    whole = question(search, read_outcome(search.warmup, space, folder))
    asked = space, ranking, search.metrics, whole
    true = figures_or_note(table, space)
    summary = summarise(history, *asked, *held, elapsed, true)
    _show(summary, titles(search, table), settings)


def _show(
    summary: Mapping[str, Any], metrics: Mapping[str, Metric], settings: ReportSettings
) -> None:
    from nas.runs.summary import rendered

    if settings.json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        print(rendered(summary, metrics))
