"""How well a surrogate predicts rows that it was not fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from nas.compare.correlations import correlation
from nas.errors import UsageError
from nas.seeding import numpy_generator
from nas.surrogates.forest import Array
from nas.surrogates.model import FEWEST, Ensemble

FIGURES = ("r2", "kendall", "spearman", "mae")
"""The coefficient of determination, Kendall's tau-b, Spearman's rho, the mean absolute error."""
RANGES = {"r2": (-inf, 1.0), "kendall": (-1.0, 1.0), "spearman": (-1.0, 1.0), "mae": (0.0, inf)}
"""Where each of them lies; an interval ends there."""
SPLITS = 3
"""With fewer splits than this an interval would say nothing, and there is none."""
LEAST = 20
PARTS = (8, 4, 2)
"""The learning curve has these parts of the rows, and all of them."""
Rows = NDArray[np.intp]


def figures(predicted: Array, true: Array) -> dict[str, float]:
    """The `FIGURES` of predictions (rows,); NaN where the true values are all equal."""
    spread = float(((true - true.mean()) ** 2).sum())
    error = float(((predicted - true) ** 2).sum())
    spearman, kendall = correlation(predicted, true)
    mae = float(np.abs(predicted - true).mean())
    r2 = 1 - error / spread if spread else float("nan")
    return {"r2": r2, "kendall": kendall, "spearman": spearman, "mae": mae}


def quality(
    features: Array, values: Array, splits: int, held_out: float, curve: bool, seed: int = 0
) -> dict[str, Any]:
    """The figures on held-out rows, over random splits; plain values.

    In every split a share `held_out` of the rows is kept apart, but `LEAST` rows if that is more
    and a quarter allows it. A model is fitted to the rest, with `curve` to an eighth, a quarter
    and a half of the rest as well. Every figure has its mean over the splits and a 95 % interval
    of the mean by Student's t (None for fewer than `SPLITS`), which is somewhat narrow, because
    splits share rows. Empty without splits. Errors as of `check_rows`.
    """
    if not splits:
        return {}
    check_rows(len(values), splits, held_out)
    apart = _apart(len(values), held_out)
    rest = len(values) - apart
    sizes = sorted({rest // part for part in PARTS if curve and rest // part >= FEWEST} | {rest})
    found: dict[int, list[dict[str, float]]] = {size: [] for size in sizes}
    for split in range(splits):
        order = numpy_generator("split", seed, split).permutation(len(values))
        for size, each in found.items():
            each.append(_tested(features, values, order[apart:][:size], order[:apart], split))
    lines = [{"rows": size, **_together(each)} for size, each in found.items()]
    return {"splits": splits, "held_out": apart, **lines[-1], "curve": lines}


def check_rows(rows: int, splits: int, held_out: float, what: str = "") -> None:
    """Raise UsageError if splits of so many rows leave too few to fit a model to."""
    if not splits or rows - _apart(rows, held_out) >= FEWEST:
        return
    enough = rows
    while enough - _apart(enough, held_out) < FEWEST:
        enough += 1
    raise UsageError(
        f"{rows} rows{what} are too few to hold out some and tell the quality of a surrogate: "
        f"{enough} or more do with held_out={held_out:g}, or splits=0 does not tell it"
    )


def _apart(rows: int, held_out: float) -> int:
    """How many of the rows a split holds out."""
    return max(round(held_out * rows), min(LEAST, rows // 4), 2)


def _tested(
    features: Array, values: Array, seen: Rows, unseen: Rows, seed: int
) -> dict[str, float]:
    model = Ensemble.fit(features[seen], values[seen], seed)
    return figures(model.predict(features[unseen])[0], values[unseen])


def _together(found: Sequence[dict[str, float]]) -> dict[str, Any]:
    """The mean of every figure over the splits, with its interval; None for what is undefined."""
    return {name: _interval([each[name] for each in found], *RANGES[name]) for name in FIGURES}


def _interval(values: Sequence[float], least: float, most: float) -> dict[str, float | None]:
    mean = float(np.mean(values))
    if not np.isfinite(mean):
        return {"value": None, "low": None, "high": None}
    if len(values) < SPLITS:
        return {"value": mean, "low": None, "high": None}
    half = float(t.ppf(0.975, len(values) - 1)) * float(np.std(values, ddof=1)) / sqrt(len(values))
    return {"value": mean, "low": max(mean - half, least), "high": min(mean + half, most)}
