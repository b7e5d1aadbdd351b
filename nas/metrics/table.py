"""A column of a table as a metric: what others measured, such as a latency."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nas.candidate import Candidate
from nas.errors import UsageError, unknown
from nas.metric import METRICS, Metric
from nas.proxy import NoScore
from nas.space import Space

if TYPE_CHECKING:
    from nas.batch import Batch
    from nas.data.lookup import Column


class TableColumn(Metric):
    """A column of a table of figures, looked up for every architecture.

    `table` is a file, or a name in `data_dir` (None: NAS_DATA, or else the user's data folder).
    The architecture's own row counts, or else one with the same canonical form. `duplicates` and
    `foreign` say what to do with rows that are there twice, or not in the space. Raises UsageError
    if there is no such file.
    """

    def __init__(
        self,
        table: str | Path | Column,
        column: str,
        data_dir: str | None = None,
        duplicates: Literal["error", "mean"] = "error",
        foreign: Literal["error", "drop"] = "error",
    ) -> None:
        from nas.data.lookup import Column  # which loads polars

        if isinstance(table, Column):
            self.column = table.with_target(column)
        else:
            self.column = Column.of(table, column, data_dir, duplicates, foreign)

    def check_space(self, space: Space) -> None:
        """Raise UsageError if the table is not one of the space, or lacks the column."""
        self.column.figures(space)

    def measure(self, candidate: Candidate, batch: Batch) -> float:
        """The figure in the table, a `NoScore` if there is none; the batch does not matter."""
        cell = self.column.figures(candidate.space).cell(candidate.arch)
        return NoScore(cell.reason) if cell.reason else cell.value


def check_clear(
    names: Collection[str], table: Column | None, proxies: Collection[str] = ()
) -> None:
    """Raise UsageError if a name is that of a column of the table, and of a metric or proxy."""
    columns = [] if table is None else table.table.figures
    for name in names:
        if table is not None and name in columns and (name in METRICS or name in proxies):
            what = "proxy" if name in proxies else "metric"
            raise UsageError(
                f"{name} is a {what} and a column of {table.path}: leave it out, or give the "
                f"column another name, nas convert {table.path.name} 'columns={{NEW: {name}}}'"
            )


def measure_named(name: str, table: Column | None, **options: Any) -> Metric:
    """The metric of a name, or else the column of the table; UsageError if it is neither."""
    if table is None or name in METRICS:
        return METRICS.build(name, **options)
    found = table.table
    if name not in found.figures and name not in found.spoiled:
        raise unknown(f"metric or column of {table.path}", name, [*METRICS, *found.figures])
    if options:
        raise UsageError(f"metric.{name} is a column of a table, which has no options")
    return TableColumn(table, name)


def lower_is_better(measures: Mapping[str, Metric], table: Column | None) -> set[str]:
    """The metrics of which the user has said so: also by target=-COLUMN of the table at hand."""
    found = {name for name, metric in measures.items() if metric.sign < 0}
    target = "" if table is None else table.target or ""
    if target.startswith("-") and isinstance(measures.get(target[1:]), TableColumn):
        found.add(target[1:])
    return found


def is_column(metric: Metric, name: str, table: Column | None) -> bool:
    """Whether a metric is the column of this name of the table."""
    own = metric.column if isinstance(metric, TableColumn) else None
    return own is not None and table is not None and own == table.with_target(name)
