"""The part of a page about the front of a search with several objectives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import isfinite
from typing import Any

from nas.report.charts import Axis, Chart, Layer
from nas.report.numbers import kind, span, thinned
from nas.report.page import Html, listing, mono
from nas.report.run import Run
from nas.report.search_charts import notation
from nas.report.tables import Column, table, written
from nas.report.words import counted, figure

PAIRS = 3
"""So many pairs of objectives are drawn."""


def front_parts(run: Run) -> list[str]:
    """The front as charts and a table."""
    front = run.front
    assert front is not None
    names = front["objectives"]
    reference = [f"{name} = {figure(value)}" for name, value in front["reference"].items()]
    parts: list[str] = [
        f"All objectives are drawn so that higher is better: {', '.join(names)}. No trial is at "
        f"least as good as an architecture of the front in all of them, and better in one.",
    ]
    parts += [_pair(run, *pair).html for pair in list(combinations(names, 2))[:PAIRS]]
    if front["growth"]:
        parts.append(_growth(run, front).html)
    parts.append(
        f"The hypervolume is {figure(front['hypervolume'])}: the part of the space of objectives "
        f"that the front dominates, above {', '.join(reference)} ({front['reference_is']})."
    )
    parts.append(front_table(run, front))
    return parts


def front_table(run: Run, front: Mapping[str, Any]) -> Html:
    """A row an architecture of the front, with all objectives and metrics."""
    names = front["objectives"]
    more = [name for name in run.metric_names if f"-{name}" not in names and name not in names]
    columns = [Column("architecture", wide=True), *(Column(name, number=True) for name in names)]
    columns += [Column(run.metric_title(name), True, lowest_first=True) for name in more]
    columns += [Column("trial", number=True, lowest_first=True)]
    rows = [
        [
            mono(point["arch"]),
            *(point["values"][name] for name in names),
            *(run.trials[point["trial"]].metrics.get(name) for name in more),
            point["trial"],
        ]
        for point in front["points"]
    ]
    winner = [place for place, p in enumerate(front["points"]) if tuple(p["tuple"]) == run.winner]
    caption = f"The front: {counted(len(rows), 'architecture')}"
    return table(columns, rows, caption, sorted_by=(names[0], "descending"), marked=winner)


def _pair(run: Run, one: str, other: str) -> Chart:
    """All trials and the front by two objectives."""
    front = run.front
    assert front is not None
    there = [(trial, run.objectives(trial)) for trial, _ in run.top]
    there = [(t, v) for t, v in there if isfinite(v[one]) and isfinite(v[other])]
    inside = {point["trial"] for point in front["points"]}
    rest = thinned([p for p, (trial, _) in enumerate(there) if trial.number not in inside], [])
    members = sorted(
        (p for p, (trial, _) in enumerate(there) if trial.number in inside),
        key=lambda p: there[p][1][one],
    )
    columns = [_columns([there[p] for p in each], one, other) for each in (rest, members)]
    winner = [p for p in members if there[p][0].arch == run.winner][:1]
    ring = _columns([there[p] for p in winner], one, other)
    line = [Layer("line", columns[1], one, other, tip=False)] if _is_two(front) else []
    ends = [_ends([v[name] for _, v in there], [there[p][1][name] for p in members])
            for name in (one, other)]  # fmt: skip
    text = (
        f"{counted(len(members), 'architecture')} of the front among {len(there):,} with both "
        f"figures; the front is up and to the right."
    )
    return Chart(
        f"{other} against {one}",
        text,
        _axis(one, [v[one] for _, v in there], ends[0]),
        _axis(other, [v[other] for _, v in there], ends[1]),
        [
            Layer("dots", columns[0], one, other, name="other architectures", look=None, size=2.6),
            *line,
            Layer("dots", columns[1], one, other, name="the front", size=4),
            Layer("dots", ring, one, other, name="winner", look=1, size=8, hollow=True, tip=False),
        ],
        height=400,
    )


def _is_two(front: Mapping[str, Any]) -> bool:
    return len(front["objectives"]) == 2


def _ends(every: Sequence[float], front: Sequence[float]) -> tuple[float, float] | None:
    """The ends of an axis without far values, but with the whole front."""
    found = span(every, high=False)
    if found is None or not front:
        return None
    edge = 0.02 * (found[1] - found[0])
    return min(found[0], min(front) - edge), found[1]


def _axis(name: str, values: Sequence[float], ends: tuple[float, float] | None) -> Axis:
    if ends is None:
        return Axis(name, kind(values))
    return Axis(name, low=ends[0], high=ends[1])


def _columns(
    found: Sequence[tuple[Any, Mapping[str, float]]], *names: str
) -> dict[str, list[Any]]:
    return {
        **{name: [values[name] for _, values in found] for name in names},
        "trial": [trial.number for trial, _ in found],
        "architecture": [notation(trial) for trial, _ in found],
    }


def _growth(run: Run, front: Mapping[str, Any]) -> Chart:
    """The hypervolume over the trials."""
    growth = front["growth"]
    steps = {
        "trial": [*(each["trial"] for each in growth), len(run.trials) - 1],
        "hypervolume": [*(e["hypervolume"] for e in growth), growth[-1]["hypervolume"]],
    }
    text = (
        f"The front grew {counted(len(growth), 'time')}, last in trial {growth[-1]['trial']}, to "
        f"a hypervolume of {written(front['hypervolume'])}."
    )
    return Chart(
        "Growth of the front",
        text,
        Axis("trial"),
        Axis("hypervolume"),
        [Layer("line", steps, "trial", "hypervolume", steps=True)],
        height=240,
    )


def objectives_told(front: Mapping[str, Any]) -> Html:
    """The objectives, each with the best of the front."""
    best = {n: max(point["values"][n] for point in front["points"]) for n in front["objectives"]}
    return listing(f"{name}: {figure(value)} at best" for name, value in best.items())
