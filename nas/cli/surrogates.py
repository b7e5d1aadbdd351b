"""The surrogate that a command has at hand: its targets are metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nas.candidate import Candidate
from nas.errors import UsageError
from nas.metric import Metric
from nas.scoring.measures import with_more

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
    from nas.surrogates.metric import targets_at_hand

    found = with_more(names, targets_at_hand(surrogate), table)
    for name, each in found.items():
        if isinstance(each, Metric) and options.get(name):
            raise UsageError(f"metric.{name} is a target of a surrogate, which has no options")
    return found
