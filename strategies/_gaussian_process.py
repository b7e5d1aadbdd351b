"""A Gaussian process over architectures: what is expected of new ones, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import inf

import numpy as np
from numpy.typing import NDArray

from nas import Arch, Space

Array = NDArray[np.float64]

RATES = (0.6, 1.2, 2.4, 4.8, 9.6)
"""How fast the covariance falls from equal architectures to those that differ in everything."""
NOISES = (0.003, 0.03, 0.1, 0.3)
"""Variances of the noise, as shares of the kernel's at distance 0."""
TRENDS = (0.0, 0.3, 3.0)
"""Variances of the slope on a proxy's score."""


@dataclass(frozen=True)
class Rows:
    """Architectures as numbers: squared distances of rows are distances of architectures."""

    options: Array
    """(n, bits): ½ |a - b|² is the mean over the decisions of whether they differ."""
    orders: Array
    """(n, bits): |a - b|² is the mean over the decisions of how many options are between."""
    trend: Array
    """(n, 0 or 2): a proxy's score as a normal quantile, and whether there is none."""

    def __len__(self) -> int:
        return len(self.options)

    def taken(self, places: slice) -> Rows:
        """Some of the rows."""
        return Rows(self.options[places], self.orders[places], self.trend[places])


class Encoding:
    """Architectures of a space as rows; the canonical form counts as much as the tuple itself."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.forms: dict[Arch, Arch] = {}

    def form(self, arch: Arch) -> Arch:
        """The canonical form, which is looked for only once."""
        if arch not in self.forms:
            self.forms[arch] = self.space.canonical(arch)
        return self.forms[arch]

    def rows(self, archs: Sequence[Arch], trend: Array | None = None) -> Rows:
        """The rows of architectures (n), with their `trend` (n, 2) if there is a proxy."""
        both = [[*arch, *self.form(arch)] for arch in archs]
        counts = [*self.space.choices] * 2
        taken = np.array(both, dtype=np.intp).reshape(len(archs), len(counts))
        options, orders = [], []
        for place, count in enumerate(counts):
            column = taken[:, place, None]
            options.append((column == np.arange(count)).astype(float))
            steps = np.arange(1, count)
            orders.append((column >= steps) / max(count - 1, 1) ** 0.5)
        share = max(len(counts), 1) ** 0.5
        return Rows(
            np.hstack(options) / share,
            np.hstack(orders) / share,
            np.zeros((len(archs), 0)) if trend is None else trend,
        )


@dataclass(frozen=True)
class Kernel:
    """exp(-rate · distance), and a linear trend on the proxy's score."""

    rate: float = RATES[2]
    ordered: bool = False
    """Whether options that are near each other in number are alike."""
    trend: float = 0.0
    noise: float = NOISES[1]

    def between(self, one: Rows, other: Rows) -> Array:
        """The covariances (n, m) of two sets of architectures, without noise."""
        distance = _squared(one.options, other.options) / 2
        if self.ordered:
            distance = (distance + _squared(one.orders, other.orders)) / 2
        return np.exp(-self.rate * distance) + self.trend * (one.trend @ other.trend.T)

    def diagonal(self, rows: Rows) -> Array:
        """The variances (n,)."""
        return 1 + self.trend * np.asarray((rows.trend**2).sum(axis=1))


def chosen(rows: Rows, values: Array) -> Kernel:
    """The kernel of the grid under which the values (n,) are the most likely.

    The likelihood is the marginal one, with the best scale (Rasmussen & Williams 2006, eq. 5.8).
    """
    best, found = inf, Kernel()
    trends = TRENDS if rows.trend.shape[1] else (0.0,)
    for rate, ordered, trend in product(RATES, (False, True), trends):
        kernel = Kernel(rate, ordered, trend)
        powers, basis = np.linalg.eigh(kernel.between(rows, rows))
        squares = (basis.T @ values) ** 2
        for noise in NOISES:
            variances = np.maximum(powers, 0) + noise
            scale = max(float((squares / variances).mean()), 1e-12)
            loss = len(values) * np.log(scale) + np.log(variances).sum()
            if loss < best:
                best, found = float(loss), replace(kernel, noise=noise)
    return found


class GaussianProcess:
    """The posterior of values (n,) at rows, under a kernel whose scale is fitted to them."""

    def __init__(self, kernel: Kernel, rows: Rows, values: Array) -> None:
        self.kernel, self.rows = kernel, rows
        covariance = kernel.between(rows, rows) + kernel.noise * np.eye(len(rows))
        self.whitening = np.linalg.inv(np.linalg.cholesky(covariance))
        self.weights = self.whitening.T @ (self.whitening @ values)
        self.scale = max(float(values @ self.weights) / len(rows), 1e-12)

    def predict(self, rows: Rows) -> tuple[Array, Array]:
        """Means and standard deviations (n,) of the values without noise."""
        shared = self.kernel.between(rows, self.rows)
        known = ((shared @ self.whitening.T) ** 2).sum(axis=1)
        spread = np.sqrt(np.maximum(self.kernel.diagonal(rows) - known, 1e-12) * self.scale)
        return shared @ self.weights, spread

    def sample(self, rows: Rows, normal: Array) -> Array:
        """One function of the posterior at rows (n,), made of independent N(0, 1) numbers (n,)."""
        shared = self.kernel.between(rows, self.rows)
        known = shared @ self.whitening.T
        rest = self.kernel.between(rows, rows) - known @ known.T
        powers, basis = np.linalg.eigh((rest + rest.T) / 2)
        drawn = basis @ (np.sqrt(np.maximum(powers, 0)) * normal)
        return np.asarray(shared @ self.weights + self.scale**0.5 * drawn)


def _squared(one: Array, other: Array) -> Array:
    """Squared distances (n, m) of rows."""
    lengths = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None]
    return np.asarray(np.maximum(lengths - 2 * one @ other.T, 0))


def quantiles(values: Sequence[float] | Array) -> Array:
    """The normal quantiles of the ranks of values (n,), in which only their order counts."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ranks = rankdata(np.asarray(values, dtype=float))
    return np.asarray(ndtri((ranks - 0.5) / max(len(ranks), 1)))


def improvement(means: Array, spreads: Array, best: float) -> Array:
    """The expected improvement (n,) over the best value (Jones et al. 1998, eq. 15)."""
    from scipy.special import ndtr

    steps = (means - best) / spreads
    density = np.exp(-(steps**2) / 2) / (2 * np.pi) ** 0.5
    return np.asarray(spreads * (steps * ndtr(steps) + density))
