"""How the trials of a set compare: one number each, higher is better, -inf without a score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf, isnan
from typing import Any

from nas.errors import UsageError, unknown
from nas.trial import Trial

Ranking = Callable[[Sequence[Trial]], Sequence[float]]
"""A value for every trial of a set, comparable within that set alone."""


def by_score(trials: Sequence[Trial]) -> list[float]:
    """The trial's own score: of several proxies their weighted sum."""
    return [-inf if isnan(trial.score) else trial.score for trial in trials]


def rank_sum(trials: Sequence[Trial]) -> list[float]:
    """Sum over proxies of log(rank / n), n the set's size (AZ-NAS, arXiv:2403.19232).

    The best of a proxy has rank n, ties share the mean of their ranks. A trial that lacks one
    proxy's score has none; the ranks are among the others.
    """
    if trials and not any(trial.scores for trial in trials):
        raise UsageError("ranking=rank_sum compares several proxies: give proxy=[one,other]")
    import numpy as np
    from scipy.stats import rankdata

    whole = [place for place, trial in enumerate(trials) if not isnan(trial.score)]
    values = np.full(len(trials), -inf)
    if whole:
        table = np.array([list(trials[place].scores.values()) for place in whole])
        values[whole] = np.log(rankdata(table, axis=0) / len(whole)).sum(axis=1)
    return [float(value) for value in values]


def make_ranking(config: Mapping[str, Any]) -> Ranking:
    """The ranking that a config names."""
    if config["name"] not in RANKINGS:
        raise unknown("ranking", str(config["name"]), RANKINGS)
    return RANKINGS[config["name"]]


RANKINGS: dict[str, Ranking] = {"score": by_score, "rank_sum": rank_sum}
"""The rankings by the names of the config group `ranking`."""
