"""Table: the figure that a table of a benchmark has, so that a search finds its true best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from nas import PROXIES, Candidate, NoScore, NotApplicableError, Proxy, Space
from nas.batch import Batch

if TYPE_CHECKING:
    from nas.data.lookup import Column


@PROXIES.register("table")
class Table(Proxy):
    """Looks a trained figure up in a table of a benchmark: the truth, and no guess.

        score = figure of the column `target` in `table`,   or its negative for `-target`.

    `table` is a file, or a name in the folder `data_dir` (null: NAS_DATA, or else the user's data
    folder), `target` a column (null: the first column of figures). On the command line they are
    those of `nas search table=… target=…`. An architecture's own row counts, or else one with the
    same canonical form: then there is a note. One without a figure has no score. `duplicates`:
    error, or mean for rows of the same architecture; `foreign`: error, or drop for rows that are
    not in the space. The file is read once a process, and nothing is built.
    """

    faster_on_cpu = True
    from_file = True
    decides = True

    def __init__(
        self,
        table: str | None = None,
        target: str | None = None,
        data_dir: str | None = None,
        duplicates: Literal["error", "mean"] = "error",
        foreign: Literal["error", "drop"] = "error",
    ) -> None:
        from nas.data.lookup import Column  # which loads polars

        known = None if table is None else Column.of(table, target, data_dir, duplicates, foreign)
        self.column = known

    def check_space(self, space: Space) -> None:
        """Raise UsageError if no table is given, or if it is not one of the space."""
        self._of().figures(space)

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The candidate's figure; a `NoScore` if the table has none. The batch is not used."""
        figures = self._of().figures(candidate.space)
        cell = figures.cell(candidate.arch)
        if not cell.own:
            batch.notes.add(f"figures of {figures.table} from rows with the same canonical form")
        return NoScore(cell.reason) if cell.reason else cell.value

    def _of(self) -> Column:
        if self.column is None:
            raise NotApplicableError(
                "proxy=table needs a table: give table=NAME or table=FILE, and target=COLUMN"
            )
        return self.column
