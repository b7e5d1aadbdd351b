"""The architectures of a comparison one by one, as its charts need them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars
from numpy.typing import NDArray
from scipy.stats import rankdata

from nas.compare.sample import Comparison, columns_of
from nas.errors import UsageError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """Scores, true figures and costs of the compared architectures, in the order of scores.csv."""

    scores: Mapping[str, Array]
    """Every proxy's scores (n,) by its name; NaN if there is none."""
    truth: Array | None = None
    """The true figures (n,), with the table's own sign."""
    costs: Mapping[str, Array] = field(default_factory=dict)
    """What is limited (n,), by name; NaN if it is not known."""

    @staticmethod
    def of(comparison: Comparison) -> Points:
        """Those of a comparison that was just made."""
        values = comparison.values
        truth = None if values is None else comparison.sign * values
        return Points(comparison.scores, truth, comparison.costs)

    @staticmethod
    def read(path: Path, result: Mapping[str, Any]) -> Points:
        """Those in the file scores.csv that belongs to a result.

        Raises UsageError if the file cannot be read or belongs to another result. Files of earlier
        versions have no costs.
        """
        proxies = [str(row["proxy"]) for row in result["rows"]]
        costs = [str(each["name"]) for each in result.get("under", [])]
        target = result["truth"]["target"] if "truth" in result else None
        try:
            table = polars.read_csv(path, infer_schema=False)
        except (OSError, polars.exceptions.PolarsError) as error:
            raise UsageError(f"{path} cannot be read: {error}") from error
        whole = columns_of(proxies, costs, target)
        if table.columns != whole:
            whole, costs = columns_of(proxies, [], target), []
        if table.columns != whole or len(table) != result["n"]:
            raise UsageError(f"{path} has other architectures or proxies than the comparison")
        figures = {name: _numbers(table[name]) for name in whole[1:]}
        names = iter(whole[1:])
        scores = {proxy: figures[next(names)] for proxy in proxies}
        limited = {cost: figures[next(names)] for cost in costs}
        return Points(scores, None if target is None else figures[next(names)], limited)


def _numbers(column: polars.Series) -> Array:
    found: Array = column.cast(polars.Float64, strict=False).fill_null(np.nan).to_numpy()
    return found


def by_rank(values: Array) -> Array:
    """Where each value is among those that are known, from 0 to 100; equal ones are at one place.

    NaN stays NaN. The middle of n values is at 50.
    """
    places = np.full(len(values), np.nan)
    known = ~np.isnan(values)
    if known.any():
        places[known] = 100 * (rankdata(values[known]) - 0.5) / known.sum()
    return places


def ticks(values: Array) -> list[tuple[float, str]]:
    """The marks of an axis by rank: the values at the ends, at the quarters and in the middle."""
    known = values[~np.isnan(values)]
    if not len(known):
        return []
    quarters = (0, 25, 50, 75, 100)
    return [
        (place, shown(float(np.percentile(known, place, method="nearest")))) for place in quarters
    ]


def shown(value: float) -> str:
    """A number in few characters."""
    text = f"{value:.3g}" if abs(value) < 10 or abs(value) >= 1e5 else f"{value:.4g}"
    return text.replace("e+0", "e").replace("e-0", "e-").replace("e+", "e").replace("-", "−")


def spread(truth: Array, count: int) -> NDArray[np.intp]:
    """The places of `count` architectures at equal steps in the order of the truth, or of all."""
    order = np.argsort(truth, kind="stable")
    if len(order) <= count:
        return np.arange(len(order))
    chosen: NDArray[np.intp] = np.sort(order[np.linspace(0, len(order) - 1, count).astype(int)])
    return chosen
