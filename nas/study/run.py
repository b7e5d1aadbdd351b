"""A search of a study, and the figure that a study compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

from nas.arch import Arch
from nas.ranking import Ranking
from nas.study.variants import SCALE
from nas.trial import Trial

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


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
    over: bool = True
    """Whether the search is over; else it may still find more."""


class Whole(Protocol):
    """A figure of the front of a search with several objectives."""

    @property
    def reference(self) -> Mapping[str, float]:
        """The point that it is measured from, by objective."""

    @property
    def given(self) -> bool:
        """Whether somebody gave the reference; else it is the worst of all scored trials."""

    def so_far(self, run: Run) -> Array:
        """The figure after each trial (trials,); NaN before the first score."""

    def front(self, run: Run) -> list[list[int]]:
        """The architectures that no other one of the search dominates."""


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
    scale: Sequence[str] = ("space",)
    """The settings that the figure depends on: where one differs, figures do not compare."""
    whole: Whole | None = None
    """What a figure is that is of a whole search and not of one trial."""

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
HYPERVOLUME = "hypervolume"


def by_score(lower: bool = False) -> Figure:
    """The score of the trials."""
    return Figure(SCORE, lambda trial: trial.score, lower, scale=SCALE)


def by_metric(name: str, lower: bool = False) -> Figure:
    """A metric that was measured for the trials."""
    return Figure(name, lambda trial: float(trial.metrics.get(name, nan)), lower)
