"""The front of each search of a study: its hypervolume above one point for all searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from nas.figures import figure
from nas.searching.judging import Judging
from nas.searching.pareto import checked, front_of, growth
from nas.study.run import HYPERVOLUME, Figure, Run
from nas.study.variants import SCALE
from nas.trial import Trial

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

EQUAL = tuple(name for name in SCALE if name != "ranking")
"""Settings without which hypervolumes do not compare: a front is the same by any ranking."""


@dataclass(frozen=True)
class Volume:
    """The hypervolume of searches with the same objectives, as a figure of whole searches."""

    reference: Mapping[str, float]
    """The point that it is measured from, by objective."""
    given: bool
    """Whether somebody gave the reference; else it is the worst of all scored trials."""

    def so_far(self, run: Run) -> Array:
        """The hypervolume after each trial (trials,); NaN before the first score."""
        points = points_of(run, [*self.reference])
        whole = np.isfinite(points.sum(axis=1))
        origin = np.array([*self.reference.values()])
        volumes = growth(np.where(whole[:, None], points, -np.inf), origin)
        volumes[~np.logical_or.accumulate(whole)] = nan
        return volumes

    def front(self, run: Run) -> list[list[int]]:
        """The architectures that no other one of the search dominates."""
        found = front_of(_seen(run), [*self.reference], [*self.reference.values()])
        return [list(trial.arch) for trial in found.trials]


def by_hypervolume(
    runs: Sequence[Run], objectives: Sequence[str], reference: Sequence[float] | None = None
) -> Figure:
    """The hypervolume of searches by the same objectives, higher is better.

    Without a `reference` all are measured from the worst of all their scored trials in each
    objective. Raises UsageError for a reference that is not one finite number an objective.
    """
    if reference is not None:
        origin = checked(reference, objectives)
    else:
        points = np.vstack(
            [np.empty((0, len(objectives))), *(points_of(r, objectives) for r in runs)]
        )
        scored = points[np.isfinite(points).all(axis=1)]
        origin = scored.min(axis=0) if len(scored) else np.zeros(len(objectives))
    point = dict(zip(objectives, origin.tolist(), strict=True))
    volume = Volume(point, reference is not None)
    return Figure(HYPERVOLUME, lambda _: nan, scale=EQUAL, whole=volume)


def points_of(run: Run, objectives: Sequence[str]) -> Array:
    """The objectives of each trial (trials, objectives); NaN where there is none."""
    table = [[figure(trial, name) for name in objectives] for trial in _seen(run)]
    return np.array(table, float).reshape(len(run.trials), len(objectives))


def _seen(run: Run) -> Sequence[Trial]:
    if not isinstance(run.ranking, Judging):
        return run.trials
    return [run.ranking.seen(trial) for trial in run.trials]
