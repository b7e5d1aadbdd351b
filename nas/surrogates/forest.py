"""Regression trees as arrays: they are summed without the package that has grown them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAVES = 8
"""A tree has so many leaves at most: a byte has a bit for each."""
BLOCK = 32
"""So many rows are summed at a time: their bytes stay in the processor's cache."""
LOWEST = np.array([LEAVES - 1, *((each & -each).bit_length() - 1 for each in range(1, 256))])
"""The place of the lowest bit of every byte."""


@dataclass(frozen=True)
class Forest:
    """Trees with at most `LEAVES` leaves, numbered from left to right, one row a tree.

    A row of features ends in the first leaf that no node rules out (QuickScorer, Lucchese et al.
    2015). Nothing follows pointers, so damaged arrays give wrong numbers and no endless loop.
    """

    feature: NDArray[np.int32]
    """(trees, LEAVES - 1): the feature that a node looks at, -1 for no node."""
    threshold: Array
    """(trees, LEAVES - 1): a feature above it rules out the node's left leaves."""
    left: NDArray[np.uint8]
    """(trees, LEAVES - 1): these leaves, one bit each."""
    value: NDArray[np.float32]
    """(trees, LEAVES): what a leaf gives; the digits that are saved."""

    def leaves(self, features: Array) -> NDArray[np.intp]:
        """The leaf of every row (rows, features) in every tree: (rows, trees)."""
        tables = self._tables
        alive = np.full((len(features), len(self.value)), 255, np.uint8)
        for place, (thresholds, masks) in tables.items():
            above = np.searchsorted(thresholds, features[:, place], side="left")
            alive &= masks[above]
        found: NDArray[np.intp] = LOWEST[alive]
        return found

    def values(self, features: Array, groups: int = 1) -> Array:
        """The sums of `groups` equal parts of the trees for every row: (rows, groups)."""
        places = np.arange(len(self.value)) * LEAVES
        flat = self.value.ravel()
        found = np.empty((len(features), groups))
        for start in range(0, len(features), BLOCK):
            leaves = self.leaves(features[start : start + BLOCK])
            each = flat[leaves + places].reshape(len(leaves), groups, -1)
            found[start : start + BLOCK] = each.sum(axis=-1, dtype=np.float64)
        return found

    @property
    def _tables(self) -> dict[int, tuple[Array, NDArray[np.uint8]]]:
        """For every feature that counts: its thresholds, and what is left of each tree.

        The masks (thresholds + 1, trees) are those of a value above so many thresholds. They are
        computed once.
        """
        known: dict[int, Any] | None = self.__dict__.get("_known")
        if known is None:
            known = {int(each): self._table(int(each)) for each in np.unique(self.feature)}
            known.pop(-1, None)
            object.__setattr__(self, "_known", known)
        return known

    def _table(self, feature: int) -> tuple[Array, NDArray[np.uint8]]:
        trees, nodes = np.nonzero(self.feature == feature)
        at = self.threshold[trees, nodes]
        thresholds = np.unique(at)
        masks = np.full((len(thresholds) + 1, len(self.value)), 255, np.uint8)
        ruled = np.invert(self.left[trees, nodes])
        np.bitwise_and.at(masks, (np.searchsorted(thresholds, at) + 1, trees), ruled)
        return thresholds, np.bitwise_and.accumulate(masks, axis=0)
