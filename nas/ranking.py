"""How the trials of a set compare: one number a trial, higher is better, -inf without a score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf, isnan

from nas.errors import UsageError
from nas.registry import Registry
from nas.trial import Trial

Ranking = Callable[[Sequence[Trial]], Sequence[float]]
"""Gives every trial of a set a value; values of different sets do not compare."""

RANKINGS: Registry[Sequence[float]] = Registry("ranking", "nas.ranking", given=1)
"""The rankings by name; a ranking takes the trials, and its options as keyword arguments."""


@RANKINGS.register("score")
def by_score(
    trials: Sequence[Trial], *, weights: Mapping[str, float] | None = None
) -> list[float]:
    """The trial's own score; with several proxies it is the sum of their scores.

    `weights` are the factors of the proxies in that sum. A trial's score contains them already
    (`nas.scoring.objective`).
    """
    return [-inf if isnan(trial.score) else trial.score for trial in trials]


@RANKINGS.register("rank_sum")
def rank_sum(trials: Sequence[Trial]) -> list[float]:
    """Sum over proxies of log(rank / n), n the set's size (AZ-NAS, arXiv:2403.19232).

    The best trial of a proxy has rank n; ties share the mean of their ranks. A trial that lacks
    one proxy's score gets -inf and does not count in the ranks. Raises UsageError if the trials
    have the scores of one proxy only.
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


def ranked(trials: Sequence[Trial], ranking: Ranking) -> list[Trial]:
    """The trials with a score and no copies, from the best to the worst, the earlier first."""
    scored = [trial for trial in trials if trial.copy_of is None and not isnan(trial.score)]
    values = ranking(scored)
    if len(values) != len(scored):
        raise UsageError(f"the ranking gives {len(values)} values for {len(scored)} trials")
    order = sorted(range(len(scored)), key=lambda place: (-values[place], place))
    return [scored[place] for place in order]
