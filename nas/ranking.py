"""How the trials of a set compare: one number a trial, higher is better, -inf without a score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf, isnan
from typing import TYPE_CHECKING, Literal

from nas.errors import UsageError
from nas.figures import over, partly_scored, weighted
from nas.registry import Registry
from nas.trial import Trial

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

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
def rank_sum(
    trials: Sequence[Trial],
    *,
    weights: Mapping[str, float] | None = None,
    missing: Literal["out", "last"] = "out",
) -> list[float]:
    """Sum over proxies of log(rank / n), n the set's size (AZ-NAS, arXiv:2403.19232).

    The best trial of a proxy has rank n; ties share the mean of their ranks. `weights` are the
    factors of proxies (1 by default) and of metrics (0 by default) by name; under a negative one
    the lowest value has rank n. A trial that lacks one of the figures gets -inf and does not count
    in the ranks; with `missing="last"` it only is behind all that have this figure, and it gets
    -inf if it has none of them. Raises UsageError if there are not two figures or more.
    """
    import numpy as np

    def summed(values: Array) -> Array:
        higher = values * np.sign(factors)
        ranks = shares(np.where(np.isnan(higher), -inf, higher))
        return np.asarray((np.log(ranks) * np.abs(factors)).sum(axis=1))

    names, factors = weighted("rank_sum", trials, weights)
    return over(trials, names, summed, partly=missing == "last")


@RANKINGS.register("median_rank")
def median_rank(trials: Sequence[Trial]) -> list[float]:
    """Median over proxies of rank / n: one proxy that is wrong about a trial changes little.

    Ranks, missing scores and errors as in `rank_sum`.
    """
    import numpy as np

    names, _ = weighted("median_rank", trials, None)
    return over(trials, names, lambda values: np.median(shares(values), axis=1))


@RANKINGS.register("share_sum")
def share_sum(trials: Sequence[Trial]) -> list[float]:
    """Sum over proxies of score / largest absolute score of the set (FreeREA, arXiv:2207.05135).

    A trial that lacks one proxy's score gets -inf. Errors as in `rank_sum`.
    """
    import numpy as np

    def summed(values: Array) -> Array:
        largest = np.abs(values).max(axis=0)
        return np.asarray((values / np.where(largest == 0, 1.0, largest)).sum(axis=1))

    names, _ = weighted("share_sum", trials, None)
    return over(trials, names, summed)


@RANKINGS.register("pareto")
def pareto(trials: Sequence[Trial]) -> list[float]:
    """Non-dominated sort, then crowding distance (NSGA-II, Deb et al. 2002): no objective is lost.

    `nas.dominance.values` has the formula. Missing scores and errors as in `rank_sum`.
    """
    from nas.dominance import values

    names, _ = weighted("pareto", trials, None)
    return over(trials, names, values)


def shares(values: Array) -> Array:
    """Rank / n in every column (n, columns): the highest value has 1, ties share their mean."""
    from scipy.stats import rankdata

    ranks: Array = rankdata(values, axis=0) / len(values)
    return ranks


def ranked(trials: Sequence[Trial], ranking: Ranking) -> list[Trial]:
    """The different trials with a value, from the best to the worst, the earlier first."""
    return [trial for trial, _ in valued(trials, ranking)]


def valued(trials: Sequence[Trial], ranking: Ranking) -> list[tuple[Trial, float]]:
    """The trials of `ranked`, each with the value that the ranking gives it."""
    different = _different(trials, ranking)
    scored = [trial for trial in different if partly_scored(trial) or not isnan(trial.score)]
    values = ranking(scored)
    if len(values) != len(scored):
        raise UsageError(f"the ranking gives {len(values)} values for {len(scored)} trials")
    there = [place for place, value in enumerate(values) if value > -inf]
    order = sorted(there, key=lambda place: (-values[place], place))
    return [(scored[place], values[place]) for place in order]


def unranked(trials: Sequence[Trial], ranking: Ranking) -> list[Trial]:
    """The trials, copies left out, to which the ranking gives no value."""
    there = {trial.number for trial in ranked(trials, ranking)}
    return [each for each in trials if each.copy_of is None and each.number not in there]


def _different(trials: Sequence[Trial], ranking: Ranking) -> list[Trial]:
    """The trials that are no copies.

    A ranking with `objectives` sees an architecture's own metrics, so a copy is another one for it
    where a metric differs.
    """
    if not getattr(ranking, "objectives", ()):
        return [trial for trial in trials if trial.copy_of is None]
    found: dict[tuple[object, ...], Trial] = {}
    for trial in trials:
        original = trial.number if trial.copy_of is None else trial.copy_of
        found.setdefault((original, *trial.metrics.items()), trial)
    return [*found.values()]
