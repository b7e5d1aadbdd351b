"""The charts of a comparison: correlations, scores against the truth, choices, agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nas.compare.alike import alike
from nas.compare.text import interval
from nas.compare.verdict import share
from nas.report.charts import Axis, Chart, Layer
from nas.report.points import Array, Points, by_rank, spread, ticks
from nas.report.tables import written

Row = Mapping[str, Any]
Result = Mapping[str, Any]

LINES = 6
"""So many proxies have a line that stands out; the others are grey."""
DOTS = 6000
"""So many dots all charts of scores against the truth have together, at most."""
EACH = (150, 1000)
"""The fewest and the most dots of one of them."""
TRUTH = 4
"""The look of what the truth itself would choose: the colour of text."""
NEAR = 0.6, 0.06
"""Dots nearer than this share a name: steps of ten of seconds, and rho."""
LOOKS = (0, 1, 2, 3, 5, 6)


def column(result: Result) -> str:
    """The name of the table's column that is the truth."""
    return str(result["truth"]["target"]).removeprefix("-")


def figure_text(figure: Mapping[str, float | None]) -> str:
    """A value with its interval, to three digits."""
    return interval(figure).replace("-", "−")


def correlation(result: Result, rows: Sequence[Row]) -> list[Chart]:
    """Rho of every proxy with its interval, and its difference to the baseline's."""
    baseline = rows[0]["difference"]["to"]
    best = rows[0]
    first = f"{best['proxy']} has the highest: {figure_text(best['spearman']['last'])}."
    some = any(_apart(row, row["spearman"]) for row in rows)
    told = " Hollow: over those with a score alone, as in brackets." if some else ""
    names = [_with_share(row) for row in rows]
    height = 76 + 26 * len(rows)
    own = Chart(
        "Rank correlation",
        f"Spearman's ρ with {column(result)}, with its 95 % interval. {first}{told}",
        Axis("Spearman's ρ"),
        Axis("", "names", names=names),
        [_zero(), *_forest(rows, names, [row["spearman"] for row in rows])],
        height=height,
    )
    others = [row for row in rows if row["proxy"] != baseline]
    if not others:
        return [own]
    names = [_with_share(row) for row in others]
    better = sum((row["difference"]["spearman"]["last"]["low"] or 0) > 0 for row in others)
    less = Chart(
        f"Against {baseline}",
        f"ρ less that of {baseline} on the same architectures. Over all, {better} of "
        f"{len(others)} are surely better: the interval is right of 0.",
        Axis(f"ρ less that of {baseline}"),
        Axis("", "names", names=names),
        [_zero(), *_forest(others, names, [row["difference"]["spearman"] for row in others])],
        height=height,
    )
    return [own, less]


def _with_share(row: Row) -> str:
    known = row["coverage"]
    return str(row["proxy"]) if known == 1 else f"{row['proxy']} ({share(known)})"


def _zero() -> Layer:
    return Layer("at_x", {"_zero": [0]}, "_zero", look=None, tip=False)


def _forest(rows: Sequence[Row], names: Sequence[str], figures: Sequence[Row]) -> list[Layer]:
    """Intervals and values by both rules; what has a score for all has the same figure twice."""
    layers: list[Layer] = []
    twice = {
        name for row, name, figure in zip(rows, names, figures, strict=True) if _apart(row, figure)
    }
    for rule, name, look in (("last", "all, no score last", 0), ("dropped", "scored alone", 1)):
        shown = [
            (proxy, figure[rule])
            for proxy, figure in zip(names, figures, strict=True)
            if figure[rule]["value"] is not None and (rule == "last" or proxy in twice)
        ]
        if not shown:
            continue
        data = {
            "proxy": [proxy for proxy, _ in shown],
            "ρ": [figure["value"] for _, figure in shown],
            "low": [figure["low"] for _, figure in shown],
            "high": [figure["high"] for _, figure in shown],
        }
        for own, dy in ((True, 0.0), (False, -4.5 if rule == "last" else 4.5)):
            keep = [
                place for place, name in enumerate(data["proxy"]) if (name not in twice) == own
            ]
            part = {key: [values[place] for place in keep] for key, values in data.items()}
            if not keep:
                continue
            layers += [
                Layer("across", part, "low", "proxy", x2="high", look=look, tip=False, dy=dy),
                Layer(
                    "dots",
                    part,
                    "ρ",
                    "proxy",
                    look=look,
                    size=4,
                    hollow=look == 1,
                    dy=dy,
                    name=name if twice and not any(each.name == name for each in layers) else "",
                ),
            ]
    return layers


def _apart(row: Row, figure: Row) -> bool:
    """Whether the figure over those with a score alone is another one than that over all."""
    return row["coverage"] < 1 and figure["dropped"]["value"] is not None


def against_truth(result: Result, rows: Sequence[Row], points: Points) -> list[Chart]:
    """Every proxy's score against the truth, both by rank: this is what ρ measures."""
    truth = points.truth
    assert truth is not None
    lower = result["truth"]["target"].startswith("-")
    count = max(EACH[0], min(EACH[1], DOTS // len(rows)))
    drawn = spread(truth, count)
    heights = by_rank(truth)
    axis = Axis(f"{column(result)} (by rank)", low=0, high=100, ticks=ticks(truth), grid=False)
    return [
        _panel(row, points.scores[row["proxy"]], truth, drawn, heights, axis, lower)
        for row in rows
    ]


def _panel(
    row: Row, scores: Array, truth: Array, drawn: Any, heights: Array, up: Axis, lower: bool
) -> Chart:
    kept = drawn[~np.isnan(scores[drawn])]
    lost = drawn[np.isnan(scores[drawn])]
    name = up.label.removesuffix(" (by rank)")
    missing = int(np.isnan(scores).sum())
    dots = {
        "_x": by_rank(scores)[kept].tolist(),
        "_y": heights[kept].tolist(),
        "score": scores[kept].tolist(),
        name: truth[kept].tolist(),
        "row of scores.csv": (kept + 2).tolist(),
    }
    none = {
        "_x": (-13 + 8 * (np.arange(len(lost)) * 0.618 % 1)).tolist(),
        "_y": heights[lost].tolist(),
        "score": ["none"] * len(lost),
        name: truth[lost].tolist(),
        "row of scores.csv": (lost + 2).tolist(),
    }
    rho = row["spearman"]["last"]
    text = f"ρ {figure_text(rho)}." if rho["value"] is not None else f"{row.get('undefined', '')}."
    text += f" At the left {missing:,} without a score." if missing else ""
    text += " Lower is better." if lower else ""
    text += f" {len(drawn):,} of {len(truth):,} are drawn." if len(drawn) < len(truth) else ""
    marks = [(-9.0, "none"), *ticks(scores)[1:]] if missing else ticks(scores)
    size = 2.0 if len(drawn) > 300 else 2.6
    layers = [Layer("dots", dots, "_x", "_y", look=0, size=size, opacity=0.55)]
    if missing:
        layers += [
            Layer("at_x", {"_at": [-3]}, "_at", look=None, tip=False),
            Layer("dots", none, "_x", "_y", look=1, size=size, opacity=0.7),
        ]
    across = Axis(
        f"{row['proxy']} (by rank)", low=-16 if missing else 0, high=100, ticks=marks, grid=False
    )
    return Chart(str(row["proxy"]), text, across, up, layers, height=270)


def best_of(result: Result, rows: Sequence[Row]) -> Chart:
    """The truth of every proxy's best of N random architectures, against N."""
    facts, name = result["truth"], column(result)
    sizes = [int(size) for size in facts["best_of"]]
    lines = {row["proxy"]: _means(row["best_of"]) for row in rows}
    known, most = _means(facts["best_of"]), f"{sizes[-1]:,}"
    ends = {proxy: line[-1] for proxy, line in lines.items()}
    pick = min if facts["target"].startswith("-") else max
    best = pick(ends, key=lambda proxy: ends[proxy])
    text = (
        f"The true {name} of the best score among N random architectures, on average. Of {most}, "
        f"{best} finds {written(ends[best], '.5g')}, the truth itself "
        f"{written(known[-1], '.5g')}; one at random has {written(facts['mean'], '.5g')}, "
        "where all begin."
    )
    layers, labels = curves("N", sizes, name, lines, chosen(rows))
    layers.append(_known("N", sizes, name, known, "the truth itself"))
    labels |= {"the truth itself": known[-1], "one at random": facts["mean"]}
    layers.append(Layer("at_y", {"_y": [facts["mean"]]}, y="_y", look=None, tip=False))
    every = [value for line in (*lines.values(), known) for value in line]
    return labelled(
        "What choosing by a proxy finds",
        text,
        Axis("N, random architectures to choose from", "log", low=1, high=sizes[-1]),
        name,
        layers,
        labels,
        sizes[-1],
        every,
    )


def _means(best: Mapping[str, Row]) -> list[float]:
    return [each["mean"] for each in best.values()]


def chosen(rows: Sequence[Row]) -> list[str]:
    """The proxies whose lines stand out: the best, and the baseline."""
    names = [str(row["proxy"]) for row in rows]
    baseline = rows[0]["difference"]["to"]
    first = names[:LINES]
    return first if baseline in first else [*first[:-1], baseline]


def curves(
    x: str,
    places: Sequence[float],
    y: str,
    lines: Mapping[str, Sequence[float]],
    told: Sequence[str],
    steps: bool = False,
) -> tuple[list[Layer], dict[str, float]]:
    """A line with dots a proxy, and the values at their ends, where their names are."""
    layers, labels = [], {}
    behind = [name for name in lines if name not in told]
    for name in (*behind, *told):
        data = {"proxy": [name] * len(places), x: places, y: lines[name]}
        look = LOOKS[told.index(name)] if name in told else None
        layers += [
            Layer("line", data, x, y, look=look, tip=False, steps=steps),
            Layer("dots", data, x, y, look=look, size=3.5 if name in told else 1.5),
        ]
        if name in told:
            labels[name] = lines[name][-1]
    return layers, labels


def _known(x: str, places: Sequence[float], y: str, values: Sequence[float], name: str) -> Layer:
    data: dict[str, Sequence[Any]] = {"_who": [name] * len(places), x: places, y: values}
    return Layer("line", data, x, y, look=TRUTH, tip=False, steps=False)


def labelled(
    title: str,
    text: str,
    across: Axis,
    name: str,
    layers: list[Layer],
    labels: Mapping[str, float],
    right: float,
    every: Sequence[float],
    height: int = 400,
) -> Chart:
    """A chart of lines with their names at the right ends, moved apart where they would meet."""
    low, high = min(every), max(every)
    margin = 0.04 * (high - low) or 1.0
    low, high = low - margin, high + margin
    moved = apart(labels, 16 * (high - low) / (height - 64), low, high)
    words: dict[str, list[Any]] = {
        "_x": [right] * len(moved),
        "_y": [*moved.values()],
        "_name": [*moved],
    }
    layers = [
        *layers,
        Layer("words", words, "_x", "_y", text="_name", anchor="start", dx=8, tip=False),
    ]
    widest = max(len(label) for label in moved)
    return Chart(
        title,
        text,
        across,
        Axis(name, low=low, high=high),
        layers,
        height,
        right=min(150, 16 + 7 * widest),
    )


def apart(labels: Mapping[str, float], room: float, low: float, high: float) -> dict[str, float]:
    """Heights of labels, from the lowest up, at least `room` from each other."""
    names = sorted(labels, key=lambda name: labels[name])
    heights = [labels[name] for name in names]
    for place in range(1, len(heights)):
        heights[place] = max(heights[place], heights[place - 1] + room)
    heights[-1] = min(heights[-1], high)
    for place in range(len(heights) - 2, -1, -1):
        heights[place] = min(heights[place], heights[place + 1] - room)
    return dict(zip(names, (max(low, each) for each in heights), strict=True))


def agreement(result: Result) -> Chart | None:
    """Spearman's rho between proxies as a heat map, those that agree side by side."""
    names, table = (result["agreement"][key] for key in ("proxies", "spearman"))
    if len(names) < 2:
        return None
    order = alike(table)
    ordered = [names[place] for place in order]
    cells = [(i, j, table[i][j]) for i in order for j in order if table[i][j] is not None]
    data: dict[str, list[Any]] = {
        "proxy": [names[i] for i, _, _ in cells],
        "and": [names[j] for _, j, _ in cells],
        "ρ": [rho for _, _, rho in cells],
        "_shade": [0.4 * abs(rho) for _, _, rho in cells],
        "_text": [written(rho, ".2f").replace("0.", ".") for _, _, rho in cells],
    }
    layers = [Layer("cells", data, "proxy", "and", shade="_shade")]
    if len(names) <= 12:
        layers.append(Layer("words", data, "proxy", "and", text="_text", tip=False, halo=False))
    pairs = [(rho, names[i], names[j]) for i, j, rho in cells if i < j]
    text = (
        "ρ between two proxies, where both have a score: the stronger the shade, the more alike "
        "they order."
    )
    if pairs:
        rho, one, other = max(pairs)
        text += f" {one} and {other} agree most: {written(rho, '.2f')}."
    return Chart(
        "Agreement",
        text,
        Axis("", "names", names=ordered, bands=True, grid=False, rotate=-90),
        Axis("", "names", names=ordered, bands=True, grid=False),
        layers,
        height=90 + 34 * min(len(names), 12) + 20 * max(0, len(names) - 12),
    )


def worth(rows: Sequence[Row]) -> Chart | None:
    """Rho against the seconds that a score takes."""
    shown = [row for row in rows if row["spearman"]["last"]["value"] is not None]
    if len(shown) < 2:
        return None
    data: dict[str, list[Any]] = {
        "proxy": [row["proxy"] for row in shown],
        "seconds per architecture": [max(row["seconds_per_arch"], 1e-9) for row in shown],
        "ρ": [row["spearman"]["last"]["value"] for row in shown],
    }
    quick = min(shown, key=lambda row: float(row["seconds_per_arch"]))
    dear = max(shown, key=lambda row: float(row["seconds_per_arch"]))
    text = (
        f"From {written(quick['seconds_per_arch'], '.2g')} s ({quick['proxy']}) to "
        f"{written(dear['seconds_per_arch'], '.2g')} s ({dear['proxy']}) an architecture."
    )
    seconds, rhos = data["seconds per architecture"], data["ρ"]
    low, high = min(0.0, *rhos), max(rhos)
    room = 0.15 * (high - low) or 0.1
    layers = [Layer("dots", data, "seconds per architecture", "ρ", size=4)]
    if len(shown) <= 12:
        names = _together(data)
        layers.append(
            Layer("words", names, "_x", "_y", text="_names", anchor="start", dx=8, tip=False)
        )
    return Chart(
        "Correlation and cost",
        text,
        Axis("seconds per architecture", "log", low=min(seconds) / 2, high=max(seconds) * 2),
        Axis("ρ over all", low=low - (room if low < 0 else 0), high=high + room),
        layers,
        right=110,
    )


def _together(data: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Names for the dots of `worth`; dots that nearly meet share one."""
    groups: list[tuple[float, float, list[str]]] = []
    ordered = sorted(zip(*data.values(), strict=True), key=lambda each: -each[2])
    for name, seconds, rho in ordered:
        for x, y, names in groups:
            if abs(np.log10(seconds / x)) < NEAR[0] and abs(rho - y) < NEAR[1]:
                names.append(name)
                break
        else:
            groups.append((seconds, rho, [name]))
    return {
        "_x": [x for x, _, _ in groups],
        "_y": [y for _, y, _ in groups],
        "_names": [f"{', '.join(names[:2])}{' …' * (len(names) > 2)}" for *_, names in groups],
    }
