"""`nas report`: the summary of a search, or the table of a sweep, again from the folder alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.arguments import names_a_path
from nas.cli.composition import positional, run_hydra
from nas.cli.study_settings import ReportSettings
from nas.errors import UsageError
from nas.storage.files import path_of, working_in

if TYPE_CHECKING:
    from nas.cli.studying import Searches
    from nas.data.lookup import Column
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
    """Print the summary of the run, or the table of a sweep's runs, as text or JSON."""
    from nas.cli.build import build_space
    from nas.cli.finals import read
    from nas.cli.judging import judging
    from nas.cli.questions import is_of_program, question, recorded
    from nas.cli.studying import searches_in
    from nas.cli.tables import figures_or_note, recorded_table, titles
    from nas.runs.folder import CONFIG, read_best, read_elapsed, read_record, read_trials
    from nas.runs.summary import summarise
    from nas.runs.warmup import read_outcome

    if folders := searches_in(folder):
        _show_study(folders, settings)
        return
    for option in ("report", "table", "out"):
        if getattr(settings, option) is not None:
            raise UsageError(f"{option}= is for a sweep or a study, and {folder} is neither")
    record = read_record(folder)[0]
    search = recorded(record, folder / CONFIG)
    table = recorded_table(search, record)
    if is_of_program(record):
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


def _show_study(folders: Sequence[Path], settings: ReportSettings) -> None:
    """Print the one table of the searches in a folder, and write its files if that is asked."""
    from nas.cli.studying import check_folder, read_searches, study_of, write_study
    from nas.study.text import rendered

    if settings.out is not None:
        check_folder(path_of(settings.out, "out="))
    found = read_searches(folders)
    study = study_of(found, settings.report, _table(settings, found))
    print(json.dumps(study, ensure_ascii=False) if settings.json else rendered(study))
    if settings.out is None:
        return
    out = path_of(settings.out, "out=")
    with working_in(out):
        names = write_study(study, out)
    if not settings.json:
        print(f"files   {out}: {', '.join(names)}")


def _table(settings: ReportSettings, found: Searches) -> Column | None:
    """The table that is given for the report, read as the searches read theirs."""
    from nas.data.lookup import Column

    if settings.table is None:
        return None
    rules = found.settings[0].duplicates, found.settings[0].foreign
    return Column.of(settings.table, None, settings.data_dir, *rules)


def _show(
    summary: Mapping[str, Any], metrics: Mapping[str, Metric], settings: ReportSettings
) -> None:
    from nas.runs.summary import rendered

    if settings.json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        print(rendered(summary, metrics))
