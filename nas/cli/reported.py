"""The figure that a study compares: the score, a hypervolume, a metric, or a column of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

from nas.cli.build import build_space
from nas.cli.settings import SearchSettings
from nas.cli.tables import recorded_table, table_of
from nas.errors import UsageError, unknown
from nas.metric import METRICS
from nas.runs.truth import DIGESTS
from nas.searching.judging import SEVERAL

if TYPE_CHECKING:
    from nas.data.lookup import Column
    from nas.study.run import Figure, Run

Record = Mapping[str, Any]


def figure_named(
    settings: Sequence[SearchSettings],
    records: Sequence[Record],
    report: str | None,
    given: Column | None = None,
    runs: Sequence[Run] = (),
) -> Figure:
    """What is compared, by its name; it does not depend on the order of the searches.

    `records` are those of the searches, with the content of their tables, or their settings if
    they did not begin yet. `given` is a table that stands in place of theirs. Without a name it is
    the hypervolume of searches with several objectives, or else the target of their table, or else
    the score. Raises UsageError if there is no such figure.
    """
    from nas.study.front import by_hypervolume
    from nas.study.run import HYPERVOLUME, SCORE, by_metric, by_score

    name, lower = (report or "").removeprefix("-"), (report or "").startswith("-")
    aims = {_objectives(each) for each in settings}
    several = next(iter(aims)) if len(aims) == 1 else ()
    if several and (report == HYPERVOLUME or (report is None and given is None)):
        references = {each.reference for each in settings}
        reference = references.pop() if len(references) == 1 else None
        return by_hypervolume(runs, several, reference)
    metrics = [
        each for each in settings[0].metrics if all(each in other.metrics for other in settings)
    ]
    if report == SCORE:
        return by_score()
    if name in metrics and name in METRICS:
        return by_metric(name, lower=True)
    tables = [given] if given is not None else _tables(settings, records)
    if report is None and not (len(tables) == 1 and len({e.space.name for e in settings}) == 1):
        return by_score()
    if not tables:
        what = "figure of these searches, which have no table (table=NAME gives one),"
        raise unknown(what, name, [SCORE, *([HYPERVOLUME] if several else []), *metrics])
    try:
        return _true(_one(tables, settings), report, settings)
    except UsageError:
        if name not in metrics or len({each.sha256 for each in tables}) > 1:
            raise
        return by_metric(name, lower)  # a column that was measured; the file may be gone


def _objectives(settings: SearchSettings) -> tuple[str, ...]:
    """The several objectives of a search; empty if it has one."""
    if len(settings.objective) > 1:
        return settings.objective
    several = settings.ranking.name == SEVERAL and not settings.objective
    return tuple(settings.proxy.members) if several and settings.proxy.together else ()


def _tables(settings: Sequence[SearchSettings], records: Sequence[Record]) -> list[Column]:
    """The tables of the searches with their targets; each once."""
    found: dict[tuple[str, str | None], Column] = {}
    for each, record in zip(settings, records, strict=True):
        column = _column(each, record)
        if column is not None:
            found.setdefault((column.sha256, column.target), column)
    return [*found.values()]


def _column(settings: SearchSettings, record: Record) -> Column | None:
    """The target in the table of a search, or in that of its proxy; None without a table."""
    from nas.data.lookup import Column

    if settings.table is not None:
        return recorded_table(settings, record) if DIGESTS in record else table_of(settings)
    names = ("table", "target", "data_dir", "duplicates", "foreign")
    for choice in settings.proxy.members.values():
        if choice.options.get("table") is not None:
            given = {name: choice.options.get(name) for name in names}
            return Column.of(**{name: value for name, value in given.items() if value is not None})
    return None


def _one(tables: Sequence[Column], settings: Sequence[SearchSettings]) -> Column:
    """The one table of all searches; UsageError if there are several."""
    if len({each.sha256 for each in tables}) > 1:
        names = sorted({str(each.path) for each in tables})
        told = f"tables, {', '.join(names)}" if len(names) > 1 else f"contents of {names[0]}"
        raise UsageError(
            f"a reported column is of one table, and these searches have several {told}: give "
            f"them one, table=NAME"
        )
    spaces = sorted({each.space.name for each in settings})
    if len(spaces) > 1:
        raise UsageError(
            f"the searches are of several spaces, {', '.join(spaces)}, and a table is of one: "
            f"report=NAME compares a metric"
        )
    return tables[0]


def _true(column: Column, report: str | None, settings: Sequence[SearchSettings]) -> Figure:
    """A column of the table as a figure, whose best is known."""
    from nas.study.run import Figure

    wanted = column if report is None else column.with_target(report)
    figures = wanted.figures(build_space(settings[0].space))
    best = figures.own(figures.ordered[-1]) if figures.ordered else nan
    return Figure(
        figures.column,
        lambda trial: figures.own(figures.cell(trial.arch).value),
        figures.target.startswith("-"),
        best,
    )
