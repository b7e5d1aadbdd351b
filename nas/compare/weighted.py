"""The figures of resamples from how often each row was drawn, several resamples at once."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from math import floor, isqrt

import numpy as np
from numpy.typing import NDArray

from nas.compare.gain import BEST, FLOOR, gains_between
from nas.compare.kernels import (
    LANES,
    PRODUCTS,
    SQUARES_X,
    SQUARES_Y,
    SWAPPED,
    TIED_BOTH,
    TIED_X,
    TIED_Y,
    TOTAL,
    Counts,
    count_pairs,
)
from nas.compare.ranks import Array, Codes, Rows
from nas.compare.resampling import Part, Scored
from nas.scoring.executors.groups import cores


@dataclass(frozen=True)
class Weighted:
    """Computes `Scored.figures`; blocks of `LANES` resamples go to threads, one for each core."""

    scored: Scored

    def __call__(self, drawn: Rows) -> Array:
        blocks = [drawn[start : start + LANES] for start in range(0, len(drawn), LANES)]
        self.pairs, self.descending, self.truth  # noqa: B018  (once, before there are threads)
        with ThreadPoolExecutor(min(cores(), len(blocks))) as pool:
            return np.concatenate([*pool.map(self._of, blocks)], axis=1)

    def _of(self, drawn: Rows) -> Array:
        counts = np.zeros((len(self.scored.values), LANES), np.int32)
        for lane, rows in enumerate(drawn):
            counts[:, lane] = np.bincount(rows, minlength=len(counts))
        found = {
            part: each.correlated(counts)[:, : len(drawn)] for part, each in self.pairs.items()
        }
        gain = ndcgs(counts[:, : len(drawn)], self.scored.values, self.descending, self.truth)
        return self.scored.figures(found, gain)

    @cached_property
    def pairs(self) -> dict[Part, Pairs]:
        """What is correlated, prepared once for all resamples."""
        scored = self.scored
        parts = {part for parts in scored.parts.values() for part in parts}
        return {
            part: Pairs.of(scored.codes[part[0]], scored.truth, scored.chosen(part))
            for part in parts
        }

    @cached_property
    def descending(self) -> dict[str, Descending]:
        """The rows from each proxy's best score down."""
        return {name: Descending.of(codes) for name, codes in self.scored.codes.items()}

    @cached_property
    def truth(self) -> Descending:
        """The rows from the best truth down."""
        return Descending.of(self.scored.truth)


@dataclass(frozen=True)
class Pairs:
    """Rows in the order of `kernels.count_pairs`, with their codes."""

    rows: NDArray[np.int32]
    xs: Codes
    ys: Codes

    @staticmethod
    def of(xs: Codes, ys: Codes, chosen: NDArray[np.bool_]) -> Pairs:
        """The chosen rows, with codes that have no gaps."""
        rows = np.flatnonzero(chosen)
        rows = rows[np.lexsort((xs[rows], ys[rows]))]
        dense = (np.unique(each[rows], return_inverse=True)[1] + 1 for each in (xs, ys))
        return Pairs(rows.astype(np.int32), *(each.astype(np.int32) for each in dense))

    def correlated(self, counts: Counts) -> Array:
        """Spearman's rho and Kendall's tau-b of every resample: (2, `LANES`).

        NaN where one of the two is constant, or where there are fewer than two rows.
        """
        found = np.zeros((8, LANES))
        if len(self.rows):
            shape = int(self.xs.max()) + 1, LANES
            ranks, tree, above = (
                np.zeros(shape),
                np.zeros(shape, np.int32),
                np.zeros(LANES, np.int32),
            )
            work = np.zeros((4, LANES))
            count_pairs(counts, self.rows, self.xs, self.ys, ranks, tree, above, work, found)
        pairs = found[TOTAL] * (found[TOTAL] - 1) / 2
        untied_x, untied_y = pairs - found[TIED_X], pairs - found[TIED_Y]
        more = untied_x - found[TIED_Y] + found[TIED_BOTH] - 2 * found[SWAPPED]
        with np.errstate(invalid="ignore"):
            rho = found[PRODUCTS] / np.sqrt(found[SQUARES_X] * found[SQUARES_Y])
            tau = more / np.sqrt(untied_x) / np.sqrt(untied_y)
        both: Array = np.clip(np.stack([rho, tau]), -1, 1)
        return both


@dataclass(frozen=True)
class Descending:
    """Rows from the largest code down; equal codes make a group."""

    rows: Rows
    starts: Rows
    """Where in `rows` each group starts, and where the last one ends."""

    @staticmethod
    def of(codes: Codes) -> Descending:
        """The rows of all codes."""
        rows = np.argsort(-codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[rows], prepend=-1, append=-1))
        return Descending(rows, starts)

    def dcg(self, counts: Counts, values: Array, low: Array, high: Array) -> Array:
        """The DCG of the `BEST` best drawn rows of each resample, (resamples,)."""
        groups = np.searchsorted(self.starts, first(counts, self.rows, BEST))
        starts, rows = self.starts[:groups], self.rows[: self.starts[groups]]
        drawn = counts[rows]
        gain = drawn * gains_between(values[rows, np.newaxis], low, high)
        sums, numbers = np.add.reduceat(gain, starts), np.add.reduceat(drawn, starts)
        last = np.cumsum(numbers, axis=0)
        discounts = DISCOUNTS[np.minimum(last, BEST)] - DISCOUNTS[np.minimum(last - numbers, BEST)]
        found: Array = (sums * discounts / np.maximum(numbers, 1)).sum(axis=0)
        return found


DISCOUNTS = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(1, BEST + 1) + 1))])
"""The discounts of the first 0, 1, …, `BEST` places summed."""


def first(counts: Counts, rows: Rows, number: int) -> int:
    """How many of the first `rows` surely have `number` drawn rows of each resample, or all."""
    size = number + 8 * isqrt(number) + 1  # of so many rows a draw has hardly ever fewer
    while size < len(rows) and counts[rows[:size]].sum(axis=0).min() < number:
        size *= 2
    return min(size, len(rows))


def ndcgs(
    counts: Counts, values: Array, proxies: Mapping[str, Descending], truth: Descending
) -> dict[str, Array]:
    """`gain.ndcg` of each proxy in each resample (column) of `counts`; values (n,) ascend."""
    smallest, low, high = spread(counts, values)
    best = truth.dcg(counts, values, low, high)
    best[smallest == high] = np.nan  # the truth is constant
    return {
        name: np.minimum(1, each.dcg(counts, values, low, high) / best)
        for name, each in proxies.items()
    }


def spread(counts: Counts, values: Array) -> tuple[Array, Array, Array]:
    """The minimum, the quantile `FLOOR` and the maximum of the drawn of the ascending `values`.

    The quantile is interpolated as `numpy.quantile` does.
    """
    number = int(counts[:, 0].sum())
    place = (number - 1) * FLOOR
    before = floor(place)
    rows = np.arange(len(values))
    below = counts[: first(counts, rows, min(before + 2, number))].cumsum(axis=0, dtype=np.int32)

    def at(order: int) -> Array:
        """The value that is larger than `order` others."""
        found: Array = values[(below <= order).sum(axis=0)]
        return found

    one, other = at(before), at(min(before + 1, number - 1))
    share = place - before
    low = one + (other - one) * share if share < 0.5 else other - (other - one) * (1 - share)
    back = rows[::-1]
    high = values[back[(counts[back[: first(counts, back, 1)]] > 0).argmax(axis=0)]]
    return at(0), low, high
