"""When a search ends: its budget, its time, and how long it goes on without a better score."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isfinite, isnan
from typing import Literal, get_args

from nas.errors import UsageError
from nas.ranking import Ranking, by_score, ranked
from nas.searching.judging import Judging
from nas.trial import Trial

Count = Literal["trials", "scored"]
"""What a budget counts: all trials, or those whose score is new, neither missing nor a copy."""
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
BARREN = 1000
"""With count=scored a search ends after so many trials in a row without a new score."""


@dataclass(frozen=True)
class Limits:
    """What a search may spend; the first limit that is reached ends it."""

    budget: int
    count: Count = "trials"
    patience: int | None = None
    """It ends after so many trials in a row without a better score; None: never."""
    timeout: float | None = None
    """Seconds, those of earlier runs in the same folder included; None for no end."""

    def __post_init__(self) -> None:
        """Raises UsageError for what is no limit."""
        for name in ("budget", "patience"):
            value = getattr(self, name)
            if (value is not None or name == "budget") and (type(value) is not int or value < 1):
                raise UsageError(f"{name}={value} must be a whole number of at least 1")
        if self.count not in get_args(Count):
            raise UsageError(f"count={self.count} must be trials or scored")
        seconds_of(self.timeout)

    def used(self, trials: Sequence[Trial]) -> int:
        """How much of the budget some trials have used."""
        return len(trials) if self.count == "trials" else sum(map(is_new, trials))

    def left(self, trials: Sequence[Trial]) -> int:
        """How much of the budget some trials have left."""
        return self.budget - self.used(trials)

    def check(self, history: Sequence[Trial], where: object = "the history") -> None:
        """Raise UsageError if a history has used more than the budget already."""
        if (used := self.used(history)) > self.budget:
            what = "trials" if self.count == "trials" else "scored trials"
            raise UsageError(
                f"{where} holds {used} {what} already, more than budget={self.budget}"
            )

    def ended(self, history: Sequence[Trial], ranking: Ranking, spent: float = 0.0) -> str:
        """Why a search with this history has ended after `spent` seconds; empty if it goes on."""
        watch = Watch(self, ranking)
        for trial in history:
            watch.tell(trial)
        return watch.ended(spent)


@dataclass
class Watch:
    """How far a search is; it is told every trial, the recorded ones too.

    What it says depends on the trials alone, but for the time: so a search that was interrupted
    ends where one ends that was not.
    """

    limits: Limits
    ranking: Ranking
    trials: list[Trial] = field(default_factory=list)
    scored: int = 0
    latest: int = -1
    """Number of the last trial with a new score."""
    best: Trial | None = None
    """With a ranking by score: the first trial with the highest score."""

    def tell(self, trial: Trial) -> None:
        """Count a trial."""
        self.trials.append(trial)
        if is_new(trial):
            self.scored, self.latest = self.scored + 1, trial.number
            if self.best is None or trial.score > self.best.score:
                self.best = trial

    def ended(self, spent: float = 0.0) -> str:
        """Why the search has ended, in words that follow "the search ended"; else empty."""
        limits, total = self.limits, len(self.trials)
        used = total if limits.count == "trials" else self.scored
        if used >= limits.budget:
            return f"with its budget={limits.budget}"
        if limits.patience is not None and self._stale(limits.patience):
            return f"by patience={limits.patience}: so many trials brought no better score"
        if limits.count == "scored" and total - 1 - self.latest >= BARREN:
            return f"because {BARREN:,} trials in a row brought no new score"
        if limits.timeout is not None and spent >= limits.timeout:
            return f"by timeout={limits.timeout:g} s"
        return ""

    def _stale(self, patience: int) -> bool:
        """Whether the best trial is so many trials back.

        A ranking of sets is asked only after every tenth of the patience, because it takes as long
        as there are trials.
        """
        total = len(self.trials)
        if own_scores(self.ranking):
            best = self.best
        else:
            if total < patience or total % max(1, patience // 10):
                return False
            best = self._latest_best()
        return total - 1 - (-1 if best is None else best.number) >= patience

    def _latest_best(self) -> Trial | None:
        """The trial that ranks highest; with several objectives the last one of the front."""
        from nas.searching.pareto import newest, objectives

        if len(objectives(self.ranking, self.trials)) > 1:
            return newest(self.trials, self.ranking)
        return next(iter(ranked(self.trials, self.ranking)), None)


def is_new(trial: Trial) -> bool:
    """Whether the trial has a score that no earlier trial had."""
    return trial.copy_of is None and not isnan(trial.score)


def seconds_of(value: object) -> float | None:
    """A time as seconds: a positive number, or one with a unit s, m or h; None stays None.

    >>> seconds_of("1.5h"), seconds_of(90)
    (5400.0, 90.0)
    """
    if value is None:
        return None
    found = re.fullmatch(r"(\d+\.?\d*|\.\d+)(?:e[+-]?\d+)? *([smh]?)", str(value))
    if not isinstance(value, bool) and found:
        number = str(value)[: found.start(2)] if found[2] else str(value)
        seconds = float(number) * UNITS[found[2] or "s"]
        if seconds > 0 and isfinite(seconds):
            return seconds
    raise UsageError(
        f"timeout={value} must be a time over 0: seconds, or a number with s, m or h, such as 10m"
    )


def own_scores(ranking: Ranking) -> bool:
    """Whether the ranking is by the trials' own scores, which compare without the others."""
    if isinstance(ranking, Judging):  # infeasible trials have no score
        return not ranking.objectives and own_scores(ranking.ranking)
    return (ranking.func if isinstance(ranking, partial) else ranking) is by_score
