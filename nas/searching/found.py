"""What came of a search in Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nas.searching.finals import Standings
from nas.space import Space
from nas.trial import Trial


@dataclass(frozen=True)
class Found:
    """What came of a search."""

    space: Space
    trials: Sequence[Trial]
    favourite: Trial
    """The first of the trials that rank highest; its score is NaN if no trial has a score."""
    finals: Standings | None = None
    """The places of the finalists, from the winner down."""

    @property
    def best(self) -> Trial:
        """The winner of the finals, or without finals the favourite."""
        if self.finals is None or not self.finals.decisive:
            return self.favourite
        first = self.finals.finalists[0].arch
        return next(trial for trial in self.trials if trial.arch == first)

    @property
    def arch(self) -> str:
        """The best architecture in the space's notation."""
        return self.space.format(self.best.arch)
