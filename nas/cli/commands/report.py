"""`nas report`: prints the summary of a search again, from its folder alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from nas.cli.arguments import names_a_path
from nas.cli.composition import positional, run_hydra
from nas.cli.settings import ReportSettings
from nas.errors import UsageError
from nas.storage.files import path_of


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
    from nas.cli.build import build_metrics, build_ranking, build_space
    from nas.cli.finals import read
    from nas.cli.questions import question, recorded
    from nas.runs.folder import CONFIG, read_elapsed, read_record, read_trials
    from nas.runs.summary import rendered, summarise

    search = recorded(read_record(folder)[0], folder / CONFIG)
    space = build_space(search.space)
    history = read_trials(folder, space, search.metrics)
    ranking = build_ranking(search.ranking, search.proxy, search.metrics)
    elapsed = read_elapsed(folder)
    held = read(search, history, ranking, space, folder, elapsed)
    summary = summarise(history, space, ranking, search.metrics, question(search), *held, elapsed)
    if settings.json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        print(rendered(summary, build_metrics(search.metrics)))
