"""A surrogate's prediction as a metric, such as a latency or a throughput."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.candidate import Candidate
from nas.errors import unknown
from nas.metric import Measured, Metric
from nas.space import Space
from nas.surrogates.saved import Saved

if TYPE_CHECKING:
    from nas.batch import Batch

OUTSIDE = "the surrogate was fitted to no architecture with such a"


class SurrogateTarget(Metric):
    """What a surrogate says of a column of the table that it was fitted to.

    `path` is the folder that `nas fit` wrote, `target` the column. Raises UsageError if it has no
    such column. An architecture outside of the range of the fit gets a note.
    """

    def __init__(self, path: str | Path | Saved, target: str) -> None:
        self.saved = path if isinstance(path, Saved) else Saved.of(path)
        self.target = target
        if target not in self.saved.targets:
            raise unknown(f"target of the surrogate in {path}", target, self.saved.targets)

    def check_space(self, space: Space) -> None:
        """Raise UsageError if the surrogate is of another space."""
        self.saved.surrogate(space)

    def measure(self, candidate: Candidate, batch: Batch) -> float:
        """The prediction, as the table has the column; the batch does not matter."""
        surrogate = self.saved.surrogate(candidate.space)
        value, outside = surrogate.judged(candidate.arch, self.target)
        return Measured(value, {}, f"{OUTSIDE} {outside}") if outside else value
