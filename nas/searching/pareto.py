"""The Pareto front of a search, its hypervolume, and how that grew over the trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas import dominance
from nas.dominance import hypervolume
from nas.errors import UsageError
from nas.figures import figure
from nas.trial import Trial

__all__ = ["Front", "front_of", "growth", "hypervolume"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Front:
    """The trials that no other trial dominates, from the best by the first objective down."""

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


def front_of(
    trials: Sequence[Trial], objectives: Sequence[str], reference: Sequence[float] | None = None
) -> Front:
    """The front of the trials that have all objectives; of equal points the first trial counts.

    An objective is the name of a score or a metric of the trials; higher is better. Without a
    `reference` the point is the worst figure of these trials in every objective. Raises UsageError
    for a reference that is not one finite number an objective.
    """
    names = tuple(objectives)
    table = np.array([[figure(trial, name) for name in names] for trial in trials])
    points = table.reshape(len(trials), len(names))
    whole = np.flatnonzero(np.isfinite(points).all(axis=1))
    points = points[whole]
    if reference is None:
        origin = points.min(axis=0) if len(points) else np.zeros(len(names))
    else:
        origin = _checked(reference, names)
    _, firsts = np.unique(points, axis=0, return_index=True)
    firsts = firsts[dominance.fronts(points[firsts]) == 0]
    order = firsts[np.argsort(-points[firsts, 0], kind="stable")]
    volumes = growth(points, origin)
    steps = np.flatnonzero(np.diff(volumes, prepend=0.0) > 0)
    return Front(
        names,
        [trials[whole[place]] for place in order],
        points[order],
        origin,
        reference is not None,
        float(volumes[-1]) if len(volumes) else 0.0,
        [(trials[whole[step]].number, float(volumes[step])) for step in steps],
    )


def _checked(reference: Sequence[float], names: Sequence[str]) -> Array:
    """The reference as an array; raises UsageError if it does not fit the objectives."""
    origin = np.array(reference, float)
    if origin.shape != (len(names),) or not np.isfinite(origin).all():
        raise UsageError(
            f"reference={list(reference)} must be a finite number for each of the "
            f"{len(names)} objectives {', '.join(names)}"
        )
    return origin


def growth(points: Array, reference: Array) -> Array:
    """The hypervolume of the first 1, 2, … of the points (n, objectives); higher is better.

    It is computed anew only where a point is above the reference and not dominated so far.
    """
    volumes = np.zeros(len(points))
    front = np.empty((0, points.shape[1]))
    volume = 0.0
    for place, point in enumerate(points):
        if (point > reference).all() and not (front >= point).all(axis=1).any():
            front = np.vstack([front[~(front <= point).all(axis=1)], point])
            volume = hypervolume(front, reference)
        volumes[place] = volume
    return volumes
