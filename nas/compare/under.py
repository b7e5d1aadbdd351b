"""The best architectures under limits on their cost: what every proxy chooses there.

For each limit, every proxy takes its best score among the architectures that meet it; their true
figures are compared with the best true figure there (the protocol of the survey Li et al. 2024,
arXiv:2307.01998).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from math import ceil, isnan, nan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nas.arch import Arch
from nas.candidate import Candidate
from nas.compare.correlations import Array
from nas.errors import UsageError
from nas.metric import Metric
from nas.proxy import Proxy
from nas.scoring.attempt import described, measured
from nas.scoring.objective import ProxyObjective
from nas.trial import Evaluation

if TYPE_CHECKING:
    from nas.batch import Batch
    from nas.compare.sample import Comparison
    from nas.data.tables import Truth

LIMITS = 12
"""The number of limits, if they are not given."""
Places = NDArray[np.intp]
"""Indices of architectures in the comparison."""


@dataclass(frozen=True)
class Choice:
    """What a proxy chooses under a limit."""

    places: Places
    """Those with the best score; all that meet the limit if none has a score."""
    scored: int
    """How many of those that meet the limit have a score."""


@dataclass(frozen=True)
class Cost:
    """A figure that is limited: of a table (`figures`) or of a `metric`.

    `limits` is a number of limits, which are then quantiles of the figures, or the limits. With
    `at_least` a limit is the least that an architecture must have, as for a throughput.
    """

    name: str
    limits: int | Sequence[float] = LIMITS
    figures: Mapping[Arch, float] = field(default_factory=dict)
    metric: Metric | None = None
    at_least: bool = False

    @property
    def key(self) -> str:
        """Its name among the proxies that score a sample."""
        return f"metric {self.name}"


class Measured(Proxy):
    """A metric as a proxy: so its figures are kept, and measured in parallel, as scores are."""

    def __init__(self, metric: Metric, strict: bool = False) -> None:
        """`strict`: whether an error of the metric is raised."""
        self.metric, self.strict = metric, strict

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The metric's figure; a `NoScore` if there is none."""
        return measured(self.metric, candidate, batch, self.strict)


@dataclass(frozen=True)
class Limited:
    """The costs of the compared architectures, and the limits on them."""

    name: str
    costs: Array
    """What each costs (n,), lower is better; NaN, which meets no limit, if it is not known."""
    limits: tuple[float, ...]
    """From the tightest to the loosest, in the sense of `costs`."""
    sign: int = 1
    """-1 if costs and limits are the negatives of the figures, because higher is better."""
    notes: tuple[str, ...] = ()
    """What is to say about the figures."""

    def meeting(self, limit: float) -> Places:
        """Those that meet a limit."""
        return np.flatnonzero(self.costs <= limit)

    @property
    def relation(self) -> str:
        """The sign between a figure and its limit."""
        return "≤" if self.sign > 0 else "≥"


def check(costs: Sequence[Cost], archs: Sequence[Arch], truth: Truth | None) -> None:
    """Raise UsageError for what can be found before anything is scored."""
    if costs and truth is None:
        raise UsageError(f"under={costs[0].name} compares true figures, and there is no table")
    for cost in costs:
        if cost.metric is None:
            limited(cost, archs, ())


def measuring(objective: ProxyObjective, costs: Sequence[Cost]) -> ProxyObjective:
    """The objective with the metrics among the costs as further proxies."""
    measured = {
        cost.key: Measured(cost.metric, objective.strict)
        for cost in costs
        if cost.metric is not None
    }
    return replace(objective, proxies={**objective.named, **measured}) if measured else objective


def limited(cost: Cost, archs: Sequence[Arch], found: Sequence[Evaluation]) -> Limited:
    """The costs of the architectures with the limits; `found` has the figures of a metric.

    Raises UsageError if no architecture has a figure, or if none meets any limit.
    """
    if cost.metric is None:
        figures = [cost.figures.get(arch, nan) for arch in archs]
    else:
        figures = [each.score for each in found]
    sign = -1 if cost.at_least else 1
    costs = sign * np.array(figures, dtype=np.float64)
    known = costs[~np.isnan(costs)]
    if not len(known):
        why = next((f": {each.reason}" for each in found if each.reason), "")
        raise UsageError(
            f"under={cost.name}: none of the {len(archs)} architectures has such a figure{why}"
        )
    if isinstance(cost.limits, int):
        limits = quantiles(known, cost.limits)
    else:
        limits = sorted({sign * float(limit) for limit in cost.limits})
    if known.min() > limits[-1]:
        raise UsageError(
            f"no architecture has {cost.name} {'>=' if cost.at_least else '<='} "
            f"{sign * limits[-1]:g}: the {'highest' if cost.at_least else 'lowest'} is "
            f"{sign * known.min():g}"
        )
    return Limited(cost.name, costs, tuple(limits), sign, _notes(len(costs), len(known), found))


def _notes(every: int, known: int, found: Sequence[Evaluation]) -> tuple[str, ...]:
    """What is to say about the figures: how many are missing and why, and what a metric notes."""
    notes = sorted({part for each in found for part in each.note.split("; ") if part})
    lost = Counter(each.reason or "without a reason" for each in found if isnan(each.score))
    notes += [f"{count} × {why}" for why, count in lost.most_common()]
    if known < every and not lost:
        notes.append(f"{every - known} of {every} architectures have no such figure")
    return tuple(notes)


def quantiles(costs: Array, count: int) -> list[float]:
    """For i = 1, …, `count`: the lowest cost that i / `count` of them meet; equal ones once.

    More than there are costs would be the same ones.
    """
    ordered, count = np.sort(costs), min(count, len(costs))
    return sorted({float(ordered[ceil(i * len(costs) / count) - 1]) for i in range(1, count + 1)})


def best(scores: Array, among: Places) -> Choice:
    """The best score among some places; `scores` are theirs, NaN if there is none."""
    known = int((~np.isnan(scores)).sum())
    return Choice(among[scores == np.nanmax(scores)] if known else among, known)


def chosen(comparison: Comparison, limits: Limited) -> dict[str, list[Choice]]:
    """What every proxy and combination chooses under every limit.

    A combination ranks those that meet the limit among themselves.
    """
    found: dict[str, list[Choice]] = {}
    for limit in limits.limits:
        among = limits.meeting(limit)
        for name, scores in comparison.within(among).items():
            found.setdefault(name, []).append(best(scores, among))
    return found


def result(
    comparison: Comparison, limits: Limited, choices: Mapping[str, Sequence[Choice]]
) -> dict[str, Any]:
    """The figures under the limits as plain data; what is undefined is None."""
    facts = [_fact(comparison, limits, limit) for limit in limits.limits]
    rows = []
    for name, each in choices.items():
        picks = [
            _pick(comparison, limits, limit, choice)
            for limit, choice in zip(limits.limits, each, strict=True)
        ]
        rows.append({"proxy": name, **_distance(limits, picks), "picks": picks})
    sign = comparison.sign
    random = [
        {"gap": sign * (each["best"]["truth"] - each["mean"])} if each["meet"] else None
        for each in facts
    ]
    return {
        "name": limits.name,
        "relation": limits.relation,
        "known": int((~np.isnan(limits.costs)).sum()),
        "limits": facts,
        "rows": rows,
        "at_random": _distance(limits, random),
        "notes": list(limits.notes),
    }


def _fact(comparison: Comparison, limits: Limited, limit: float) -> dict[str, Any]:
    """A limit: how many meet it, the best of them and their mean."""
    values, among = _values(comparison), limits.meeting(limit)
    about = {"limit": limits.sign * limit, "meet": len(among)}
    if not len(among):
        return {**about, "best": None, "mean": None}
    place = int(among[values[among].argmax()])
    truth = comparison.sign * float(values[place])
    return {
        **about,
        "best": {"truth": truth, **_arch(comparison, limits, place)},
        "mean": comparison.sign * float(values[among].mean()),
    }


def _pick(
    comparison: Comparison, limits: Limited, limit: float, choice: Choice
) -> dict[str, Any] | None:
    """The true figures of a choice, means if several are tied; None if nothing meets the limit."""
    if not len(choice.places):
        return None
    every = np.sort(_values(comparison)[limits.meeting(limit)])
    mine = _values(comparison)[choice.places]
    better = len(every) - np.searchsorted(every, mine, "right")
    return {
        "truth": comparison.sign * float(mine.mean()),
        "gap": float(every[-1] - mine.mean()),
        "rank": 1 + float(better.mean()),
        "tied": len(mine),
        "scored": choice.scored,
        **(_arch(comparison, limits, int(choice.places[0])) if choice.scored else {}),
    }


def _arch(comparison: Comparison, limits: Limited, place: int) -> dict[str, Any]:
    arch = comparison.archs[place]
    return {
        "arch": described(comparison.space, arch),
        "tuple": list(arch),
        "cost": limits.sign * float(limits.costs[place]),
    }


def _distance(limits: Limited, picks: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """How far the choices are from the best: the mean gap, and the area between the two curves.

    The area is that under the gaps, with straight lines between limits, in the unit of the true
    figure times that of the cost. There is none over a single limit.
    """
    known = [
        (limit, each["gap"]) for limit, each in zip(limits.limits, picks, strict=True) if each
    ]
    from scipy.integrate import trapezoid  # numpy's has another name before 2.0

    places, gaps = np.array(known).T
    area = float(trapezoid(gaps, places)) if len(known) > 1 else None
    return {"mean_gap": float(gaps.mean()), "largest_gap": float(gaps.max()), "area": area}


def _values(comparison: Comparison) -> Array:
    assert comparison.values is not None
    return comparison.values


def best_steps(
    costs: Array, values: Array, ends: tuple[float, float], sign: int, at_least: bool
) -> tuple[Array, Array]:
    """The corners (points,), (points,) of the best value that may be had, against its cost.

    From the tightest limit of `ends` to the loosest; each value holds until the next cost. Costs
    (n,) may be NaN; with `at_least` they must be high. `sign` is -1 if lower values are better.
    """
    way = -1 if at_least else 1
    met = np.flatnonzero(way * costs <= way * ends[1])
    met = met[np.argsort(way * costs[met], kind="stable")]
    best = sign * np.maximum.accumulate(sign * values[met])
    start = int((way * costs[met] <= way * ends[0]).sum()) - 1
    heights = [best[start], *best[start + 1 :], best[-1]]
    return np.array([ends[0], *costs[met][start + 1 :], ends[1]]), np.array(heights)


COLUMNS = (
    *("under", "limit", "meet", "best", "mean", "proxy", "truth", "gap", "rank", "tied"),
    *("scored", "arch", "cost"),
)


def as_csv(results: Sequence[Mapping[str, Any]]) -> str:
    """One row for every limit and proxy; a cell is empty where there is no figure."""
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for each in results:
        for row in each["rows"]:
            for fact, pick in zip(each["limits"], row["picks"], strict=True):
                best = fact["best"] and fact["best"]["truth"]
                about = {**fact, "under": each["name"], "best": best, "proxy": row["proxy"]}
                writer.writerow({**about, **(pick or {})})
    return text.getvalue()
