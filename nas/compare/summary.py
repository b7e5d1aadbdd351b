"""The results of a comparison as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import nan
from statistics import median
from typing import Any

import numpy as np

from nas.compare.correlations import (
    BEST,
    COEFFICIENTS,
    FEWEST,
    RULES,
    Array,
    agreement,
    best_of,
    correlated,
    correlation,
    found_by,
    ndcg,
)
from nas.compare.sample import Comparison
from nas.errors import UsageError
from nas.scoring.attempt import described

SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""The values of N in best-of-N."""
DRAWS = 500
"""The number of draws in best-of-N."""


def summarised(
    comparison: Comparison, baseline: str, resamples: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """The comparison's figures as plain data; an undefined or unknown figure is None."""
    scores = comparison.scores
    rows = [_costs(comparison, name, values) for name, values in scores.items()]
    names = list(scores)
    result: dict[str, Any] = {
        "n": len(comparison.archs),
        "rows": rows,
        "agreement": {"proxies": names, "spearman": agreement(scores)},
    }
    if comparison.truth is None or comparison.values is None:
        return result
    values, sign = comparison.values, comparison.sign
    if baseline not in scores:
        raise UsageError(f"differences are to the baseline {baseline}, which is not scored")
    figures, behind = correlated(scores, values, baseline, resamples, seed)
    picked = best_of({**scores, "": values}, values, SIZES, DRAWS, seed)
    for row in rows:
        name = row["proxy"]
        row |= _correlated(figures[name], scores[name], values, baseline)
        row |= _found(comparison, scores[name])
        row |= _fitted(comparison, name, scores[name])
        row["best_of"] = _signed(picked[name], sign)
        row["behind"] = behind.get(name)
        if (repeats := _repeats(comparison, name)) is not None:
            row["repeats"] = repeats
    result["interval"] = f"95 % percentile bootstrap over rows, {resamples} resamples"
    result["truth"] = {
        "target": comparison.truth.target,
        "notes": comparison.truth.notes,
        "mean": sign * float(values.mean()),
        "sd": float(values.std(ddof=1)),
        "best": sign * float(values.max()),
        "best_of": _signed(picked[""], sign),
        "ndcg_at_random": _or_none(ndcg(np.zeros_like(values), values)),
    }
    return result


def _costs(comparison: Comparison, name: str, values: Array) -> dict[str, Any]:
    """Coverage and time of a proxy or combination, and the reasons of missing scores."""
    parts = comparison.combinations.get(name)
    scored = [comparison.scored[part] for part in parts or [name]]
    known = int((~np.isnan(values)).sum())
    reasons = Counter(each.reason for each in scored[0] if each.reason)
    if parts is not None:
        reasons = Counter(["one of its parts has no score"] * (len(values) - known))
    return {
        "proxy": name,
        **({f"{comparison.ranking_of(name).name}_of": list(parts)} if parts is not None else {}),
        "coverage": known / len(values),
        "scored": known,
        "seconds_per_arch": sum(median(each.seconds for each in part) for part in scored),
        "reasons": dict(reasons.most_common()),
        "notes": sorted({each.note for part in scored for each in part if each.note}),
    }


def _correlated(
    figures: Mapping[str, Any], scores: Array, values: Array, baseline: str
) -> dict[str, Any]:
    """A row's correlations; if those over the scored are undefined, also the reason."""
    kept = ~np.isnan(scores)
    known, true = scores[kept], values[kept]
    reason = ""
    if len(known) < FEWEST:
        reason = f"there are only {len(known)}, and {FEWEST} are needed"
    elif known.min() == known.max():
        reason = f"the score is constant, {known[0]:g}"
    elif true.min() == true.max():
        reason = "their truth is constant"
    return {
        **figures["all"],
        "ndcg": {"of": min(BEST, len(values)), **figures["all"]["ndcg"]},
        "top": figures["top"],
        "difference": {"to": baseline, **figures["difference"]},
        **({"undefined": reason} if reason else {}),
    }


def _fitted(comparison: Comparison, name: str, scores: Array) -> dict[str, Any]:
    """How many architectures a row was fitted to, and its correlations over the others' scores.

    Empty if there are none.
    """
    assert comparison.values is not None
    parts = comparison.combinations.get(name, [name])
    known = {arch for part in parts for arch in comparison.fitted.get(part, ())}
    new = np.array([arch not in known for arch in comparison.archs])
    if new.all():
        return {}
    scored = new & ~np.isnan(scores)
    pair = (nan, nan)
    if scored.sum() >= FEWEST:
        pair = correlation(scores[scored], comparison.values[scored])
    figures = {each: _or_none(value) for each, value in zip(COEFFICIENTS, pair, strict=True)}
    return {"fitted": {"to": int((~new).sum()), "others": int(scored.sum()), **figures}}


def _found(comparison: Comparison, scores: Array) -> dict[str, Any]:
    assert comparison.values is not None
    found = found_by(scores, comparison.values)
    favourite = found["favourite"]
    if favourite is not None:
        arch = comparison.archs[favourite.pop("place")]
        favourite["truth"] *= comparison.sign
        named = {"arch": described(comparison.space, arch), "tuple": list(arch)}
        found["favourite"] = {**named, **favourite}
    return found


def _signed(picked: Mapping[int, Mapping[str, float]], sign: int) -> dict[str, dict[str, float]]:
    """Best-of-N in the table's own sign, by N as a text, as in JSON."""
    return {
        str(size): {"mean": sign * each["mean"], "sd": each["sd"]} for size, each in picked.items()
    }


def _repeats(comparison: Comparison, name: str) -> dict[str, Any] | None:
    """Mean and sd of the correlations of single draws of weights; None for one draw only."""
    scored = comparison.scored.get(name, [])
    count = max((len(each.draws) for each in scored), default=0)
    if count < 2 or comparison.values is None:
        return None
    found: dict[str, dict[str, list[float]]] = {c: {r: [] for r in RULES} for c in COEFFICIENTS}
    for place in range(count):
        draw = np.array([each.draws[place] if place < len(each.draws) else nan for each in scored])
        kept = ~np.isnan(draw)
        rules = {
            "dropped": correlation(draw[kept], comparison.values[kept]),
            "last": correlation(np.where(kept, draw, -np.inf), comparison.values),
        }
        for rule, pair in rules.items():
            for coefficient, value in zip(COEFFICIENTS, pair, strict=True):
                found[coefficient][rule].append(value)
    spread = {
        coefficient: {rule: _spread(values) for rule, values in rules.items()}
        for coefficient, rules in found.items()
    }
    return {"draws": count, **spread}


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    return {"mean": _or_none(mean), "sd": _or_none(sd)}


def _or_none(figure: float) -> float | None:
    return None if np.isnan(figure) else figure
