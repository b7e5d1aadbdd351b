"""The cheapest way to train whose ranking of a few architectures is that of a full training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite, isnan, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.compare.correlations import correlation
from nas.compare.text import table
from nas.errors import UsageError
from nas.seeding import numpy_generator
from nas.training.halving import Standing, cheapest, halved
from nas.training.ways import FULL, Array, Ways

RESAMPLES = 500
STATES = ("chosen", "meets it", "below", "left behind")
"""How a way came out: the last were never ranked on all architectures."""
SHOWN = 20
"""Rows of a table that is printed; the files have all."""
FEWEST = 3
"""Architectures with a full figure that an agreement needs."""


def proxified(ways: Ways, target: float, seed: int = 0) -> dict[str, Any]:
    """Halve the ways until the cheapest with Kendall's tau of at least `target` is known.

    The result is plain values: a row for each way, those that came furthest first, and the name of
    the one that is chosen, None if none meets the target. Raises UsageError if too few
    architectures have a full figure, or if these are all equal.
    """
    archs = len(ways.archs)
    costs = _costs(ways)

    def ask(names: Sequence[str], count: int) -> list[Standing]:
        full = ways.full(count)  # first, because nothing comes of the others without it
        values = ways.values(names, count)
        return [
            Standing(name, count, tau(own, _full(ways, own, full)), costs[name])
            for name, own in ((name, values[name]) for name in names)
        ]

    found = halved(ways.names, ask, archs, target)
    full = ways.full(archs)
    _check(full)
    again = ways.again(archs)
    best = cheapest(found, archs, target)
    rows = [_row(ways, each, target, best, full, seed) for each in found.values() if each]
    rows.sort(key=lambda row: (STATES.index(row["state"]), -row["archs"], costs[row["way"]]))
    return {
        "target": target,
        "archs": archs,
        "with_full": int((~np.isnan(full)).sum()),
        "chosen": best,
        "full": dict(ways.facts(FULL)) if FULL not in ways.names else {},
        "ceiling": None if again is None else _agreement(again, full, seed),
        "rows": rows,
    }


def tau(values: Array, full: Array) -> float:
    """Kendall's tau-b over the architectures (n,) with a full figure; NaN in `values` is last.

    It is NaN if fewer than `FEWEST` have one, or if one of both is constant.

    >>> round(tau(np.array([1.0, 2.0, 3.0, nan]), np.array([1.0, 3.0, 2.0, 0.0])), 4)
    0.6667
    """
    there = ~np.isnan(full)
    if there.sum() < FEWEST:
        return nan
    return correlation(values[there], full[there])[1]


def both(values: Array, full: Array) -> Array:
    """The full figures (n,) where there are both, else NaN."""
    return np.where(np.isnan(values), nan, full)


def _full(ways: Ways, values: Array, full: Array) -> Array:
    """The full figures that a way's figures are compared with."""
    return full if ways.gaps_are_last else both(values, full)


def interval(values: Array, full: Array, seed: int) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of `tau` over the architectures; NaN without tau."""
    if isnan(tau(values, full)):
        return nan, nan
    there = ~np.isnan(full)
    one, other = _signs(values[there]), _signs(full[there])
    agreeing, count = one * other, int(there.sum())
    rows = numpy_generator("proxify", seed).integers(count, size=(RESAMPLES, count))
    taus = []
    for each in rows:
        pairs = np.ix_(each, each)
        untied = np.count_nonzero(one[pairs]) * np.count_nonzero(other[pairs])
        if untied:  # else all figures are equal, and there is no agreement
            taus.append(float(agreeing[pairs].sum(dtype=np.int64)) / untied**0.5)
    low, high = np.quantile(taus, [0.025, 0.975])
    return float(low), float(high)


def _signs(values: Array) -> NDArray[np.int8]:
    """Which of every two values is larger (n, n): 1, 0 or -1; NaN is the smallest."""
    _, codes = np.unique(np.where(np.isnan(values), -inf, values), return_inverse=True)
    signs: NDArray[np.int8] = np.sign(codes[:, None] - codes[None, :]).astype(np.int8)
    return signs


def _costs(ways: Ways) -> dict[str, float]:
    """What decides which way is cheaper: the costs, or the order where one is not known."""
    costs = {name: ways.cost(name) for name in ways.names}
    if any(map(isnan, costs.values())):
        return {name: float(place) for place, name in enumerate(costs)}
    return costs


def _check(full: Array) -> None:
    known = full[~np.isnan(full)]
    if len(known) < FEWEST:
        raise UsageError(
            f"{len(known)} of {len(full)} architectures have a figure of the full training, and a "
            f"ranking needs {FEWEST}: give a larger sample="
        )
    if known.min() == known.max():
        raise UsageError(
            f"the full training gives {known[0]:g} for all {len(known)} architectures, which is "
            f"no ranking: train longer, or give a larger sample= or more data"
        )


def _row(
    ways: Ways,
    standings: Sequence[Standing],
    target: float,
    best: str | None,
    full: Array,
    seed: int,
) -> dict[str, Any]:
    """A way as plain values."""
    last = standings[-1]
    count = last.archs
    values = ways.values([last.name], count)[last.name]
    cost = ways.cost(last.name)
    whole = count == len(full)
    state = "meets it" if last.meets(target) else "below"
    compared = _full(ways, values, full[:count])
    left_out = int((np.isnan(compared) & ~np.isnan(full[:count])).sum())
    return {
        "way": last.name,
        "archs": count,
        **_agreement(values, compared, seed),
        **({} if ways.gaps_are_last else {"left_out": left_out}),
        "taus": {str(each.archs): _known(each.tau) for each in standings},
        "cost": _known(cost),
        "speed_up": _known(1 / cost if cost else nan),
        "state": "chosen" if last.name == best else state if whole else "left behind",
        **ways.facts(last.name),
    }


def _agreement(values: Array, full: Array, seed: int) -> dict[str, float | None]:
    """Tau and its interval as plain values."""
    low, high = interval(values, full, seed)
    return {"tau": _known(tau(values, full)), "low": _known(low), "high": _known(high)}


def _known(value: float) -> float | None:
    return float(value) if isfinite(value) else None


NOTHING = "–"


def rendered(result: Mapping[str, Any], title: str) -> str:
    """The result as text: a row for each way."""
    rows = result["rows"]
    timed = any(row.get("seconds") for row in rows)
    everywhere = any("tau_of_all" in row for row in rows)
    heads = ["way", "archs", "τ", "95 %", "cost", "speed-up"]
    heads += ["seconds", "speed-up in time"] if timed else []
    heads += ["τ of all rows"] if everywhere else []
    whole = result["full"].get("seconds")
    lines = []
    for row in rows[:SHOWN]:
        cells = [row["way"], str(row["archs"]), _number(row["tau"], ".3f"), _ends(row)]
        cells += [_number(row["cost"], ".1%"), _number(row["speed_up"], ".3g", "x")]
        if timed:
            own = row["seconds"]
            cells += [_number(own, ".3g"), _number(whole / own if whole else None, ".3g", "x")]
        cells += [_number(row["tau_of_all"], ".3f")] if everywhere else []
        lines.append([*cells, row["state"]])
    notes = [
        f"note    {row['way']}: {row['failed']} have no figure: {row['reason']}"
        for row in [{"way": FULL, **result["full"]}, *rows]
        if row.get("failed")
    ]
    notes += [
        f"note    {row['way']}: {row['left_out']} of {row['archs']} architectures have no figure "
        f"and are left out"
        for row in rows
        if row.get("left_out")
    ]
    notes += [f"note    {each}" for each in dict.fromkeys(r.get("remark") for r in rows) if each]
    more = [f"  … and {len(rows) - SHOWN} more"] if len(rows) > SHOWN else []
    if (ceiling := result["ceiling"]) is not None:
        most = f"{_number(ceiling['tau'], '.3f')} {_ends(ceiling)}"
        notes.append(f"ceiling the full training agrees with itself under another seed: τ {most}")
    if all(row["cost"] is None for row in rows):
        notes.append(
            "cost    not known, so the order of columns= says what is cheaper: give "
            "costs={COLUMN: …} for each column and the full one"
        )
    return "\n".join([title, table([*heads, ""], lines), *more, *notes])


def _number(value: float | None, form: str, unit: str = "") -> str:
    return NOTHING if value is None else f"{value:{form}}{unit}"


def _ends(row: Mapping[str, Any]) -> str:
    if row["low"] is None:
        return NOTHING
    return f"[{row['low']:.2f}, {row['high']:.2f}]"
