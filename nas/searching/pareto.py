"""The Pareto front of a search, its hypervolume, and how that grew over the trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nas import dominance
from nas.dominance import hypervolume
from nas.errors import UsageError
from nas.figures import figure
from nas.ranking import Ranking, pareto
from nas.searching.judging import Judging
from nas.trial import Trial

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Front:
    """The trials that no other trial dominates, from the best by the first objective down.

    Ties are broken by the second objective, then by the third and so on; of trials with equal
    figures the front has the earliest.
    """

    objectives: tuple[str, ...]
    """Names of the figures; higher is better."""
    trials: Sequence[Trial]
    points: Array
    """The figures of these trials (trials, objectives)."""
    reference: Array
    """The point that the hypervolume is measured from (objectives,)."""
    given: bool
    """Whether somebody gave the reference; else it is the worst scored trial's in each."""
    hypervolume: float
    growth: Sequence[tuple[int, float]]
    """Number of each trial that made the hypervolume grow, and the hypervolume after it."""
    seen: Sequence[Trial]
    """All trials that have a figure for every objective."""
    cloud: Array
    """The figures of those (seen, objectives)."""

    def values(self, number: int) -> dict[str, float] | None:
        """The figures of the trial of this number by name; None if it lacks one."""
        for trial, point in zip(self.seen, self.cloud.tolist(), strict=True):
            if trial.number == number:
                return dict(zip(self.objectives, point, strict=True))
        return None


def front(
    trials: Sequence[Trial], ranking: Ranking, reference: Sequence[float] | None = None
) -> Front | None:
    """The front of a search with several objectives; None for a search with one.

    The objectives are those of the ranking, or with `ranking=pareto` the scores of all proxies.
    Errors as in `front_of`.
    """
    names = objectives(ranking, trials)
    if len(names) < 2:
        return None
    seen = [ranking.seen(trial) for trial in trials] if isinstance(ranking, Judging) else trials
    return front_of(seen, names, reference)


def objectives(ranking: Ranking, trials: Sequence[Trial]) -> tuple[str, ...]:
    """The names of the several objectives of a search; empty if it has one."""
    if isinstance(ranking, Judging):
        if ranking.objectives:
            return tuple(formula.text for formula in ranking.objectives)
        ranking = ranking.ranking
    bare = ranking.func if isinstance(ranking, partial) else ranking
    scores = next((trial.scores for trial in trials if trial.scores), {})
    return tuple(scores) if bare is pareto else ()


def front_of(
    trials: Sequence[Trial], names: Sequence[str], reference: Sequence[float] | None = None
) -> Front:
    """The front of the trials that have the figures of all names; higher is better.

    A name is that of a score or a metric of the trials. Of equal points the first trial counts.
    Without a `reference` the point is the worst figure of these trials in every objective. Raises
    UsageError for a reference that is not one finite number an objective.
    """
    there, points = _points(trials, names)
    if reference is not None:
        origin = checked(reference, names)
    else:
        origin = points.min(axis=0) if len(points) else np.zeros(len(names))
    best = _undominated(points)
    volumes = growth(points, origin)
    steps = np.flatnonzero(np.diff(volumes, prepend=0.0) > 0)
    return Front(
        tuple(names),
        [there[place] for place in best],
        points[best],
        origin,
        reference is not None,
        float(volumes[-1]) if len(volumes) else 0.0,
        [(there[step].number, float(volumes[step])) for step in steps],
        there,
        points,
    )


def newest(trials: Sequence[Trial], ranking: Ranking) -> Trial | None:
    """The trial that came last into the front of a search with several objectives."""
    names = objectives(ranking, trials)
    seen = [ranking.seen(trial) for trial in trials] if isinstance(ranking, Judging) else trials
    there, points = _points(seen, names)
    return max((there[place] for place in _undominated(points)), key=_number, default=None)


def _number(trial: Trial) -> int:
    return trial.number


def _points(trials: Sequence[Trial], names: Sequence[str]) -> tuple[list[Trial], Array]:
    """The trials that have all figures, and these (trials, names)."""
    table = np.array([[figure(trial, name) for name in names] for trial in trials])
    points = table.reshape(len(trials), len(names))
    whole = np.flatnonzero(np.isfinite(points).all(axis=1))
    return [trials[int(place)] for place in whole], points[whole]


def _undominated(points: Array) -> list[int]:
    """The places of the points of the front, each point once, in `dominance.order`."""
    _, firsts = np.unique(points, axis=0, return_index=True)
    firsts = firsts[dominance.fronts(points[firsts]) == 0]
    return [int(place) for place in firsts[dominance.order(points[firsts])]]


def checked(reference: Sequence[float], names: Sequence[str]) -> Array:
    """The reference as an array; raises UsageError if it does not fit the objectives."""
    origin = np.array(reference, float)
    if origin.shape != (len(names),) or not np.isfinite(origin).all():
        there = ", ".join(names) or "none"
        raise UsageError(
            f"reference={[float(each) for each in reference]} must have a finite number for each "
            f"of several objectives, and those are: {there}"
        )
    return origin


def growth(points: Array, reference: Array) -> Array:
    """The hypervolume of the first 1, 2, … of the points (n, objectives); higher is better.

    It is computed anew only where a point is above the reference and not dominated so far.
    """
    volumes = np.zeros(len(points))
    top = np.empty((0, points.shape[1]))
    volume = 0.0
    for place, point in enumerate(points):
        if (point > reference).all() and not (top >= point).all(axis=1).any():
            top = np.vstack([top[~(top <= point).all(axis=1)], point])
            volume = hypervolume(top, reference)
        volumes[place] = volume
    return volumes
