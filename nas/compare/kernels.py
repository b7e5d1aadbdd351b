"""Compiled code that counts pairs and ranks of rows for several bootstrap resamples at once.

A resample says how often each row is there. These counts lie side by side for `LANES` resamples,
so that one instruction of the processor handles several. Numbers of pairs are floats: float64 has
whole numbers exactly up to 2^53, the pairs of 130 million rows.

The functions make no arrays and use no function of NumPy: compiling these would take three times
as long as compiling the functions themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])
Counts = NDArray[np.int32]
"""How often each row (n,) is in each of `LANES` resamples."""
Numbers = NDArray[np.int32]
Floats = NDArray[np.float64]

LANES = 16
"""How many resamples are handled at once: their counts of one row fill a line of the cache."""

TOTAL, TIED_X, TIED_Y, TIED_BOTH, SWAPPED, SQUARES_X, SQUARES_Y, PRODUCTS = range(8)
"""The rows of what `count_pairs` finds."""
BEFORE, RUN, GROUP, PART = range(4)
"""The rows of the memory that it works in."""


compiler = partial(njit, nogil=True, error_model="numpy")


def compiled(function: Function) -> Function:
    """Compile a function at its first call, and keep it on disk if a folder can be written to."""
    try:
        return cast(Function, compiler(cache=True)(function))
    except RuntimeError:  # neither the package's folder nor the user's can be written to
        return cast(Function, compiler()(function))


def inner(function: Function) -> Function:
    """Compile a function that only compiled ones call; it cannot be called from Python."""
    return cast(Function, compiler(no_cpython_wrapper=True)(function))


@inner
def _rank(
    counts: Counts, rows: Numbers, xs: Numbers, ranks: Floats, work: Floats, found: Floats
) -> None:
    """The rank of every code of x, and what depends on x alone."""
    for i in range(rows.size):
        for lane in range(LANES):
            ranks[xs[i], lane] += counts[rows[i], lane]
            found[TOTAL, lane] += counts[rows[i], lane]
    for code in range(1, len(ranks)):
        for lane in range(LANES):
            count = ranks[code, lane]
            rank = 2 * work[BEFORE, lane] + count - found[TOTAL, lane]
            found[TIED_X, lane] += count * (count - 1) / 2
            found[SQUARES_X, lane] += count * rank * rank
            work[BEFORE, lane] += count
            ranks[code, lane] = rank


@inner
def _close(end: bool, work: Floats, found: Floats) -> None:
    """Add a run of rows with equal x and y; at the `end` of those with equal y also these."""
    for lane in range(LANES):
        run = work[RUN, lane]
        found[TIED_BOTH, lane] += run * (run - 1) / 2
        work[RUN, lane] = 0
    if end:
        for lane in range(LANES):
            count = work[GROUP, lane]
            rank = 2 * work[BEFORE, lane] + count - found[TOTAL, lane]
            found[TIED_Y, lane] += count * (count - 1) / 2
            found[SQUARES_Y, lane] += count * rank * rank
            found[PRODUCTS, lane] += rank * work[PART, lane]
            work[BEFORE, lane] += count
            work[GROUP, lane] = 0
            work[PART, lane] = 0


@compiled
def count_pairs(
    counts: Counts,
    rows: Numbers,
    xs: Numbers,
    ys: Numbers,
    ranks: Floats,
    tree: Numbers,
    above: Numbers,
    work: Floats,
    found: Floats,
) -> None:
    """What Kendall's tau-b and Spearman's rho need of some `rows` (m,), into `found`.

    Their codes `xs` and `ys` (m,) are from 1 on, without gaps. The rows are sorted by y, and where
    that is equal by x. `found` (8, `LANES`) receives the number of rows; the pairs with equal x,
    those with equal y, those with both, and those in opposite order; the sums of the squares of
    x's ranks, of y's ranks, and of their products. Ranks are mean ranks; here they are twice their
    distance from the mean, which is a whole number. The other arrays are memory to work in:
    `ranks` and `tree` (codes of x + 1, `LANES`), `above` (`LANES`,), `work` (4, `LANES`). All but
    `above` must be 0, as `found` must.

    Pairs in opposite order are counted with a binary indexed tree over the codes of x, from the
    largest down (Fenwick, "A new data structure for cumulative frequency tables", 1994). When a
    row comes, the tree has the rows before it. Of these, those with a larger x have a smaller y,
    because rows with an equal y come in ascending x.
    """
    _rank(counts, rows, xs, ranks, work, found)
    for lane in range(LANES):
        work[BEFORE, lane] = 0
    size = len(tree)
    for i in range(rows.size):
        row, x = rows[i], xs[i]
        for lane in range(LANES):
            above[lane] = 0
        place = size - 1 - x
        while place > 0:
            for lane in range(LANES):
                above[lane] += tree[place, lane]
            place -= place & -place
        for lane in range(LANES):
            count = float(counts[row, lane])
            found[SWAPPED, lane] += count * above[lane]
            work[RUN, lane] += count
            work[GROUP, lane] += count
            work[PART, lane] += count * ranks[x, lane]
        place = size - x
        while place < size:
            for lane in range(LANES):
                tree[place, lane] += counts[row, lane]
            place += place & -place
        end = i + 1 == rows.size or ys[i + 1] != ys[i]
        if end or xs[i + 1] != x:
            _close(end, work, found)
