"""The pages of searches: written when a search ends, and again from its folder alone."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.build import build_space
from nas.cli.finals import read
from nas.cli.judging import judging
from nas.cli.questions import is_of_program, question, recorded
from nas.cli.repeating import again
from nas.cli.tables import figures_or_note, recorded_table, titles
from nas.cli.used_plugins import setting
from nas.errors import UsageError
from nas.ranking import Ranking, by_score
from nas.report.run import Run
from nas.report.search import search_page
from nas.report.writing import PAGE, write
from nas.runs.folder import (
    BEST,
    CONFIG,
    HISTORY,
    read_best,
    read_elapsed,
    read_record,
    read_trials,
    write_best,
)
from nas.runs.front import write_front
from nas.runs.summary import summarise
from nas.runs.warmup import read_outcome
from nas.scoring.objective import ProxyObjective
from nas.searching.history import History
from nas.storage.files import working_in
from nas.trial import Trial

if TYPE_CHECKING:
    from nas.data.lookup import Figures


def read_run(folder: Path, figures: bool = True) -> Run:
    """The search in a folder, with the summary that its trials give.

    `figures`: with the true figures of its table. Raises UsageError where there is no search. Of a
    space that only its own program knows the summary is the recorded one; if that is of other
    trials, it is a UsageError too.
    """
    record, made_by = read_record(folder)
    search = recorded(record, folder / CONFIG)
    table = recorded_table(search, record)
    about: dict[str, Any] = {"versions": made_by, "record": record}
    about |= {"metrics": titles(search, table), "repeat": again(search.record)}
    about["before"] = setting(record)
    if is_of_program(record):
        summary = read_best(folder)
        with History.read(folder / HISTORY) as history:
            _check_count(folder, summary, len(history))
            return Run(folder, summary, history.trials, by_score, whole=False, **about)
    space = build_space(search.space)
    history = read_trials(folder, space, search.metrics)
    ranking = judging(search)
    elapsed = read_elapsed(folder)
    held = read(search, history, ranking, space, folder, elapsed)
    whole = question(search, read_outcome(search.warmup, space, folder))
    true = figures_or_note(table, space) if figures else None
    asked = space, ranking, search.metrics, whole
    summary = summarise(history, *asked, *held, elapsed, true)
    over = search.limits.ended(history, ranking, elapsed) and not held.unfinished
    about["go_on"] = "" if over else going_on(search.record, folder)
    about |= {"space": space, "true": true, "whole": table is None or true is not None}
    return Run(folder, summary, history.trials, ranking, **about)


def _check_count(folder: Path, summary: Mapping[str, Any], count: int) -> None:
    """Raise UsageError if the recorded summary is of other trials than the history has."""
    counts = summary.get("trials")
    there = counts.get("total") if isinstance(counts, Mapping) else None
    if there != count:
        raise UsageError(
            f"{folder / BEST} is of {there} trials and {HISTORY} has {count}: run the program "
            f"that searched again, because only it knows the space or what is looked for"
        )


def renewed(folder: Path) -> Run:
    """The search in a folder; its result is written again if its history says another one.

    A search that was killed leaves no result, or that of an earlier search with fewer trials. The
    result stays while a search works in the folder, which writes its own, and where a part of what
    the search had is not here. One that cannot be written is a note.
    """
    read_record(folder)  # raises where there is no run
    with ExitStack() as stack:
        free = True
        try:
            stack.enter_context(working_in(folder))
        except UsageError:
            free = False
        found = read_run(folder)
        if free and found.whole and _result(found.summary) != _result(_recorded(folder)):
            try:
                write_best(folder, found.summary)
                write_front(folder, found.trials, found.ranking, found.summary)
            except UsageError as error:
                print(f"note: the result stays as it was: {error}", file=sys.stderr)
        return found


def _recorded(folder: Path) -> Mapping[str, Any]:
    """The result in a folder; empty if there is none."""
    try:
        return read_best(folder)
    except UsageError:
        return {}


def _result(summary: Mapping[str, Any]) -> str:
    """What came of a search, to be compared."""
    return json.dumps([summary.get(name) for name in ("tuple", "trials", "finals")])


def going_on(record: Mapping[str, Any], folder: Path) -> str:
    """The command that goes on with a search in its folder; empty for one from Python."""
    words = again(record)
    return f"{words} {shlex.quote(f'out={folder}')}" if words else ""


def leave_page(
    folder: Path,
    objective: ProxyObjective,
    ranking: Ranking,
    trials: Sequence[Trial],
    summary: Mapping[str, Any],
    true: Figures | None,
    stopped: bool,
) -> None:
    """Write the page of a search that has ended or was stopped; a failure is a note."""

    def page() -> Any:
        record, made_by = read_record(folder)
        run = Run(
            folder,
            summary,
            trials,
            ranking,
            objective.measures,
            made_by,
            objective.space,
            true,
            record,
            again(record),
            go_on=going_on(record, folder) if stopped else "",
            before=setting(record),
        )
        return search_page(run)

    write(page, folder / PAGE)
