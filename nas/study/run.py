"""A search of a study, and the figure that a study compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from operator import attrgetter
from typing import Any

from nas.arch import Arch
from nas.ranking import Ranking
from nas.trial import Trial


@dataclass(frozen=True)
class Run:
    """One search: what it was asked for, and its trials."""

    settings: Mapping[str, Any]
    """The record of the search: plain values by the names of the options."""
    seed: int
    trials: Sequence[Trial]
    ranking: Ranking
    value: Callable[[Trial], float] | None = attrgetter("score")
    """A trial's own value, by which trials compare; None if the ranking needs the whole set."""
    winner: Arch | None = None
    """The winner of the search's finals; None without finals."""


@dataclass(frozen=True)
class Figure:
    """What is compared: a figure of the architecture that a search would return."""

    name: str
    of: Callable[[Trial], float]
    """The figure of a trial, as it is written; NaN if there is none. See `in_run`."""
    lower: bool = False
    """Whether a lower one is better."""
    best: float = nan
    """The best that there is, if that is known: then there is a regret."""

    @property
    def sign(self) -> int:
        """The factor under which a higher figure is better."""
        return -1 if self.lower else 1

    def in_run(self, run: Run) -> Callable[[Trial], float]:
        """The figure of a run's trials: of the score it is what that search goes by."""
        return run.value if self.is_score and run.value is not None else self.of

    @property
    def is_score(self) -> bool:
        """Whether it is the score that the searches go by."""
        return self.name == SCORE


SCORE = "score"


def by_score(lower: bool = False) -> Figure:
    """The score of the trials."""
    return Figure(SCORE, lambda trial: trial.score, lower)


def by_metric(name: str, lower: bool = False) -> Figure:
    """A metric that was measured for the trials."""
    return Figure(name, lambda trial: float(trial.metrics.get(name, nan)), lower)
