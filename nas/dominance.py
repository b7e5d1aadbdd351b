"""How points of several objectives compare: fronts, crowding, hypervolume; higher is better."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

HUGE = 1e150
"""Figures beyond it count as it where distances are computed, so that nothing overflows."""


def fronts(points: Array) -> NDArray[np.int64]:
    """The front of each of the points (n, objectives): 0 for those that no point dominates.

    A point dominates another if it is nowhere worse and somewhere better. Front k has the points
    that are not dominated once the fronts before it are left out (Deb et al. 2002, section III.A).
    Equal points are in the same front.
    """
    import numpy as np
    from moocore import pareto_rank  # type: ignore[import-untyped]

    found: NDArray[np.int64] = np.zeros(len(points), np.int64)
    if len(points) > 1:
        found[:] = pareto_rank(points, maximise=True)
    return found


def crowding(points: Array) -> Array:
    """How lonely each point (n, objectives) of one front is (Deb et al. 2002, section III.B).

    It is the sum over the objectives of the distance between the two next points, in units of the
    objective's range in the front; infinite at both ends of an objective. Of equal points the
    first has the distance and the others have 0, because they add nothing.
    """
    import numpy as np

    bounded = np.clip(points, -HUGE, HUGE)
    unique, first = np.unique(bounded, axis=0, return_index=True)
    distance = np.zeros(len(unique))
    for column in unique.T:
        order = np.argsort(column, kind="stable")
        values = column[order]
        span = values[-1] - values[0]
        if span > 0:
            distance[order[1:-1]] += (values[2:] - values[:-2]) / span
        distance[order[[0, -1]]] = np.inf
    found = np.zeros(len(points))
    found[first] = distance
    return found


def values(points: Array) -> Array:
    """One number for each of the points (n, objectives): −front + ½ · c / (1 + c).

    c is the crowding distance in the point's front. So a point of a better front has the higher
    value, and in one front the lonelier point. Of each front the first one in `order` has
    −front + ¾ instead, more than all others of the front have.
    """
    import numpy as np

    front = fronts(points)
    found = -front.astype(float)
    for place in range(int(front.max(initial=-1)) + 1):
        there = np.flatnonzero(front == place)
        distance = crowding(points[there])
        with np.errstate(invalid="ignore"):
            share = np.where(np.isinf(distance), 1.0, distance / (1 + distance))
        found[there] += share / 2
        found[there[order(points[there])[0]]] = 0.75 - place
    return found


def order(points: Array) -> NDArray[np.int64]:
    """The places of the points (n, objectives) from the best by the first objective down.

    Ties are broken by the second objective, then by the third and so on; of equal points the
    earlier is first.
    """
    import numpy as np

    # the last key of lexsort counts most, and it keeps the order of equal points
    return np.lexsort(-points.T[::-1]).astype(np.int64)


def hypervolume(points: Array, reference: Array) -> float:
    """The volume that the points (n, objectives) dominate above the reference (objectives,).

    Its unit is the product of the objectives' units. Points that are not above the reference in
    every objective add nothing (Zitzler & Thiele 1999).
    """
    from moocore import hypervolume as volume

    above = points[(points > reference).all(axis=1)]
    return float(volume(above, ref=reference, maximise=True)) if len(above) else 0.0
