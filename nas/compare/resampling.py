"""The figures of resamples that `nas.compare.correlations` takes its intervals from.

`Plain` has SciPy rank the drawn rows. `nas.compare.weighted` computes several resamples at once in
compiled code from how often each row was drawn; its figures are the same but for rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nas.compare.gain import BEST, gained, ndcg_of
from nas.compare.ranks import Array, Codes, Rows, coefficients, dense

Part = tuple[str, bool, str]
"""A proxy, whether only the true top tenth counts, and whose scored rows count (empty: all)."""


@dataclass(frozen=True)
class Scored:
    """Rows in ascending order of their truth, and the codes of their scores; 0 is no score."""

    codes: Mapping[str, Codes]
    values: Array
    baseline: str

    @cached_property
    def truth(self) -> Codes:
        """The codes of the truth."""
        return dense(self.values)

    @cached_property
    def top(self) -> NDArray[np.bool_]:
        """Whether each row is in the true top tenth; rows that tie with its last are."""
        truth = self.truth
        top: NDArray[np.bool_] = truth >= truth[-ceil(len(truth) / 10)]
        return top

    @cached_property
    def parts(self) -> dict[str, tuple[Part, ...]]:
        """For each proxy what is correlated: all rows and the top, each by both `RULES`.

        The last two are the baseline over the same rows as the first two.
        """
        parts: dict[str, tuple[Part, ...]] = {}
        for name, codes in self.codes.items():
            own = "" if codes.all() else name  # if all are scored both rules are the same
            parts[name] = (
                *((name, False, own), (name, False, ""), (name, True, own), (name, True, "")),
                *((self.baseline, False, own), (self.baseline, False, "")),
            )
        return parts

    def chosen(self, part: Part) -> NDArray[np.bool_]:
        """Which rows count for a part."""
        _, top, scored = part
        rows = self.top if top else np.ones_like(self.top)
        return rows & (self.codes[scored] > 0) if scored else rows

    def figures(self, found: Mapping[Part, Array], gain: Mapping[str, Array]) -> Array:
        """All figures of all resamples, (figures, resamples).

        `found` has rho and tau of each part, (2, resamples), and `gain` nDCG, (resamples,). For
        each proxy come these of all rows, of the top and the differences to the baseline, by both
        `RULES`; then nDCG of each proxy; then its differences.
        """
        rows = []
        for parts in self.parts.values():
            own = [found[part] for part in parts]
            rows += [*own[:4], own[0] - own[4], own[1] - own[5]]
        each = np.stack([gain[name] for name in self.codes])
        return np.concatenate([*rows, each, each - gain[self.baseline]])


class Figures(Protocol):
    """Computes `Scored.figures` of resamples, given as the indices of their rows."""

    def __call__(self, drawn: Rows) -> Array:
        """Of resamples (resamples, n): (figures, resamples)."""


@dataclass(frozen=True)
class Plain:
    """One resample after the other: SciPy ranks the drawn rows."""

    scored: Scored

    def __call__(self, drawn: Rows) -> Array:
        return np.concatenate([self._of(np.sort(rows)) for rows in drawn], axis=1)

    def _of(self, rows: Rows) -> Array:
        scored = self.scored
        true, found = scored.truth[rows], {}
        codes = {name: each[rows] for name, each in scored.codes.items()}
        for part in {part for parts in scored.parts.values() for part in parts}:
            kept = scored.chosen(part)[rows]
            found[part] = np.array([coefficients(codes[part[0]][kept], true[kept])]).T
        truth = gained(scored.values[rows], BEST)
        gain = {name: np.array([ndcg_of(each, truth)]) for name, each in codes.items()}
        return scored.figures(found, gain)
