"""What proxies choose under limits: a chart and two tables for each figure that is limited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nas.compare.under import best_steps
from nas.report.charts import Axis, Chart, Layer
from nas.report.compare_charts import chosen, column, curves, labelled
from nas.report.page import Html, details, heading
from nas.report.points import Array, Points, spread
from nas.report.tables import Column, Told, table, written

Result = Mapping[str, Any]
Row = Mapping[str, Any]

CLOUD = 600
"""So many architectures are drawn as dots behind the lines, at most."""


def under_parts(result: Result, rows: Sequence[Row], points: Points | None) -> list[str]:
    """The parts of the section; `rows` are those of the proxies, the best first."""
    parts: list[str] = [
        "Among the architectures that meet a limit, each proxy takes its best score. A line holds "
        "until the next limit; the truth itself takes the best that there is."
    ]
    for each in result["under"]:
        parts += [heading(f"{each['name']} {each['relation']} limit")]
        parts += [_chart(result, rows, each, points).html, _distances(result, each)]
        parts += [details("All choices", [_choices(result, each)]), *each["notes"]]
    return parts


def _chart(result: Result, rows: Sequence[Row], under: Row, points: Points | None) -> Chart:
    met = [place for place, each in enumerate(under["limits"]) if each["meet"]]
    limits = [under["limits"][place]["limit"] for place in met]
    name, cost = column(result), str(under["name"])
    lines = {
        row["proxy"]: [row["picks"][place]["truth"] for place in met] for row in under["rows"]
    }
    best = {"": ([*limits], [under["limits"][place]["best"]["truth"] for place in met])}
    cloud, told = _cloud(result, under, points, limits)
    if points is not None and points.truth is not None and cost in points.costs:
        best[""] = _front(result, under, points, limits)
    names = [proxy for proxy in chosen(rows) if proxy in lines]
    names += [proxy for proxy in lines if proxy not in {row["proxy"] for row in rows}]  # finals
    layers, labels = curves(cost, limits, name, lines, names[-6:], steps=True)
    known = {"_who": ["the truth itself"] * len(best[""][0]), cost: best[""][0], name: best[""][1]}
    layers.append(Layer("line", known, cost, name, look=4, tip=False, steps=True))
    labels["the truth itself"] = best[""][1][-1]
    every = [value for line in (*lines.values(), best[""][1]) for value in line]
    ranked = sorted(under["rows"], key=lambda row: float(row["mean_gap"]))
    text = (
        f"{ranked[0]['proxy']} is closest to the best: {written(ranked[0]['mean_gap'], '.3g')} "
        f"away on average, one at random {written(under['at_random']['mean_gap'], '.3g')}.{told}"
    )
    return labelled(
        f"{name} of the choice",
        text,
        Axis(f"limit: {cost} {under['relation']}"),
        name,
        [*cloud, *layers],
        labels,
        limits[-1],
        every,
    )


def _front(
    result: Result, under: Row, points: Points, limits: Sequence[float]
) -> tuple[list[float], list[float]]:
    """The corners of the best that may be had at every cost."""
    sign = -1 if result["truth"]["target"].startswith("-") else 1
    ends = (limits[0], limits[-1])
    assert points.truth is not None
    costs = points.costs[under["name"]]
    x, y = best_steps(costs, points.truth, ends, sign, under["relation"] == "≥")
    return x.tolist(), y.tolist()


def _cloud(
    result: Result, under: Row, points: Points | None, limits: Sequence[float]
) -> tuple[list[Layer], str]:
    """Dots for architectures between the limits, and what is to say about them."""
    cost = str(under["name"])
    if points is None or points.truth is None or cost not in points.costs:
        return [], ""
    costs: Array = points.costs[cost]
    low, high = sorted((limits[0], limits[-1]))
    inside = np.flatnonzero((costs >= low) & (costs <= high))
    drawn = inside[spread(points.truth[inside], CLOUD)]
    sign = -1 if result["truth"]["target"].startswith("-") else 1
    picks = [pick["truth"] for row in under["rows"] for pick in row["picks"] if pick]
    edge = min(sign * np.array(picks))
    beyond = int((sign * points.truth[drawn] < edge).sum())
    data = {"_x": costs[drawn].tolist(), "_y": points.truth[drawn].tolist()}
    told = f" Grey: {len(drawn):,} architectures"
    told += f", {beyond:,} of them beyond the edge." if beyond else "."
    return [Layer("dots", data, "_x", "_y", look=None, size=1.6, opacity=0.6, tip=False)], told


def _distances(result: Result, under: Row) -> Html:
    """How far every proxy is from the best, over the limits."""
    about = f"in the unit of {column(result)}"
    columns = [
        Column("proxy"),
        Column("mean gap", True, ".3g", True, about=f"to the best under the same limit, {about}"),
        Column("largest gap", True, ".3g", True, about=about),
        Column("area", True, ".3g", True, about="between the line and that of the best"),
    ]
    rows = sorted(under["rows"], key=lambda row: float(row["mean_gap"]))
    shown = [*rows, {"proxy": "(at random)", **under["at_random"]}]
    return table(
        columns,
        [[row["proxy"], row["mean_gap"], row["largest_gap"], row["area"]] for row in shown],
        "Distance to the best under the limits",
        sorted_by=("mean gap", "ascending"),
    )


def _choices(result: Result, under: Row) -> Html:
    """The true figure of every choice, one row a limit."""
    names = [row["proxy"] for row in under["rows"]]
    columns = [
        Column(f"{under['name']} {under['relation']}", True, ",.6g", True),
        Column("meet it", True, ",d"),
        Column("(best)", True, ".5g"),
        *(Column(name, True, ".5g") for name in names),
        Column("(at random)", True, ".5g"),
    ]
    rows: list[list[Any]] = []
    for place, fact in enumerate(under["limits"]):
        picks = [row["picks"][place] for row in under["rows"]]
        best = fact["best"] and fact["best"]["truth"]
        cells = [None if pick is None else _pick(pick) for pick in picks]
        rows.append([fact["limit"], fact["meet"], best, *cells, fact["mean"]])
    caption = (
        f"{column(result)} of the best score under each limit; * none that meets it has a score, "
        "so the mean of all"
    )
    return table(columns, rows, caption)


def _pick(pick: Row) -> Told:
    return Told(f"{written(pick['truth'], '.5g')}{'' if pick['scored'] else '*'}", pick["truth"])
