"""The surrogate that a command has at hand: its targets are metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nas.candidate import Candidate
from nas.errors import UsageError
from nas.metric import METRICS, Metric

if TYPE_CHECKING:
    from nas.batch import Batch
    from nas.data.lookup import Column


class TargetTitle(Metric):
    """A target of a surrogate as a report shows it; its files are not read."""

    def measure(self, candidate: Candidate, batch: Batch) -> float:
        """Not to be called: a report measures nothing."""
        raise NotImplementedError("a report measures nothing")


def targets_of(surrogate: str | None) -> list[str]:
    """The targets of a surrogate's folder; none without one. UsageError if it is none."""
    if surrogate is None:
        return []
    from nas.surrogates.saved import Saved

    return [*Saved.of(surrogate).targets]


def with_targets(
    names: Sequence[str],
    surrogate: str,
    table: Column | None,
    options: Mapping[str, Mapping[str, Any]],
) -> dict[str, Metric | str]:
    """The names of metrics, with the metric in place of what is a target of the surrogate.

    Raises UsageError for a name of two things, and for options of a target.
    """
    from nas.surrogates.metric import SurrogateTarget
    from nas.surrogates.saved import Saved

    saved = Saved.of(surrogate)
    columns = [] if table is None else table.table.figures
    found: dict[str, Metric | str] = {}
    for name in names:
        if name not in saved.targets:
            found[name] = name
            continue
        if name in METRICS or name in columns:
            what = "metric" if name in METRICS else "column of the table"
            raise UsageError(
                f"{name} is a {what} and a target of the surrogate in {surrogate}: leave one out"
            )
        if options.get(name):
            raise UsageError(f"metric.{name} is a target of a surrogate, which has no options")
        found[name] = SurrogateTarget(saved, name)
    return found
