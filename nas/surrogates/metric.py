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

    `path` is the folder that `nas fit` wrote, `target` the column. The figure is the column's own;
    of one that was fitted as -column no objective may look for more. Raises UsageError if it has
    no such column. An architecture outside of the range of the fit gets a note.
    """

    def __init__(self, path: str | Path | Saved, target: str) -> None:
        self.saved = path if isinstance(path, Saved) else Saved.of(path)
        self.target = target
        signs = self.saved.targets
        if target not in signs:
            raise unknown(f"target of the surrogate in {path}", target, signs)
        self.sign = signs[target]

    def check_space(self, space: Space) -> None:
        """Raise UsageError if the surrogate is of another space."""
        self.saved.surrogate(space)

    def measure(self, candidate: Candidate, batch: Batch) -> float:
        """The prediction, as the table has the column; the batch does not matter."""
        surrogate = self.saved.surrogate(candidate.space)
        value, outside = surrogate.judged(candidate.arch, self.target)
        return Measured(value, {}, f"{OUTSIDE} {outside}") if outside else value


def targets_at_hand(folder: str | Path | None) -> dict[str, Metric]:
    """The targets of a surrogate as metrics, by name; none for None. UsageError if it is none."""
    if folder is None:
        return {}
    saved = Saved.of(folder)
    return {name: SurrogateTarget(saved, name) for name in saved.targets}
