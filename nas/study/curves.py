"""How good the best architecture so far is after every trial, over the seeds of a variant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import TYPE_CHECKING

import numpy as np

from nas.ranking import valued
from nas.seeding import numpy_generator
from nas.study.run import Run
from nas.trial import Trial

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

RESAMPLES = 2000
CHECKS = 50
"""A ranking that needs the whole set is asked after so many parts of a search."""
POINTS = 400
"""A curve has at most so many points."""
INTERVAL = "95 % percentile bootstrap interval over the seeds"


@dataclass(frozen=True)
class Curve:
    """The mean over seeds after some trials, with its interval; NaN where there is none."""

    trials: NDArray[np.int64]
    """After how many trials (points,)."""
    mean: Array
    low: Array
    high: Array
    count: NDArray[np.int64]
    """How many searches have a figure there."""


def incumbents(run: Run) -> list[Trial | None]:
    """The trial that the search would return after each trial; None before the first score."""
    found: list[Trial | None] = []
    best: Trial | None = None
    if run.value is not None:
        highest = nan
        for trial in run.trials:
            value = run.value(trial)
            if not isnan(value) and (best is None or value > highest):
                best, highest = trial, value
            found.append(best)
        return found
    total = len(run.trials)
    ends = sorted({-(-total * part // CHECKS) for part in range(1, CHECKS + 1)} - {0})
    for end in ends:
        while len(found) < end - 1:
            found.append(best)
        best = next((trial for trial, _ in valued(run.trials[:end], run.ranking)), None)
        found.append(best)
    return found


def so_far(run: Run, figure: Callable[[Trial], float]) -> Array:
    """A figure of the best so far after each trial (trials,); NaN before the first score."""
    known: dict[int, float] = {}
    values = np.full(len(run.trials), np.nan)
    for place, trial in enumerate(incumbents(run)):
        if trial is not None:
            if trial.number not in known:
                known[trial.number] = figure(trial)
            values[place] = known[trial.number]
    return values


def curve(rows: Sequence[Array]) -> Curve:
    """The mean of several searches' figures; a search that is shorter keeps its last one."""
    longest = max(len(row) for row in rows)
    table = np.full((len(rows), longest), np.nan)
    for place, row in enumerate(rows):
        table[place, : len(row)] = row
        if len(row):
            table[place, len(row) :] = row[-1]
    places = np.unique(np.linspace(0, longest - 1, min(longest, POINTS)).round().astype(int))
    table = table[:, places]
    low, high = interval(table)
    return Curve(places + 1, mean(table), low, high, (~np.isnan(table)).sum(axis=0))


def mean(table: Array) -> Array:
    """The mean over the rows that have a figure, of each column of (searches, columns)."""
    there = ~np.isnan(table)
    with np.errstate(invalid="ignore"):
        means: Array = np.where(there, table, 0.0).sum(axis=0) / there.sum(axis=0)
    return means


def interval(table: Array) -> tuple[Array, Array]:
    """The ends of the 95 % interval of `mean`: 2,000 resamples of the rows, the same every time.

    Both are NaN in a column where fewer than two rows have a figure.
    """
    count = len(table)
    there = ~np.isnan(table)
    draws = numpy_generator("study", count).multinomial(count, [1 / count] * count, RESAMPLES)
    with np.errstate(invalid="ignore"):
        means = draws @ np.where(there, table, 0.0) / (draws @ there.astype(float))
    ends = np.full((2, table.shape[1]), np.nan)
    enough = there.sum(axis=0) > 1
    if enough.any():
        ends[:, enough] = np.nanpercentile(means[:, enough], [2.5, 97.5], axis=0)
    return ends[0], ends[1]
