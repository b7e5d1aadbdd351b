"""The pictures of a comparison, readable in grey."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.cluster.hierarchy import dendrogram

from nas.compare.alike import links
from nas.compare.correlations import Array
from nas.compare.sample import Comparison
from nas.compare.under import best_steps
from nas.errors import UsageError
from nas.storage.files import remove_file

STYLE: Any = {
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,  # names are not formulas
    "svg.hashsalt": "epsilon-nas",  # the same picture is the same file
}
NAMES = ("correlation", "truth", "best_of", "under", "agreement")
DENSE = 2000
"""If there are more points than this, their density is shown."""
LINES = ("-", "--", "-.", ":")
MARKERS = "osD^vP*X<>p"


def saved(figure: Figure, folder: Path, name: str, dpi: int = 140) -> list[str]:
    """Write a picture as PNG and SVG; returns the names of the files. UsageError if it cannot."""
    try:
        with matplotlib.rc_context(STYLE), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # such a letter is a box
            figure.savefig(folder / f"{name}.png", dpi=dpi, bbox_inches="tight")
            figure.savefig(folder / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
    except OSError as error:
        raise UsageError(f"{folder} cannot be written to: {error.strerror or error}") from error
    return [f"{name}.png", f"{name}.svg"]


def draw(comparison: Comparison, result: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Draw all pictures into the folder as PNG and SVG; returns the SVG files by name."""
    pictures = {"agreement": agreement(result)}
    if comparison.values is not None:
        pictures = {
            "correlation": correlation(result),
            "truth": truth(comparison, result),
            "best_of": best_of(result),
            **({"under": under(comparison, result)} if "under" in result else {}),
            **pictures,
        }
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written to: {error.strerror or error}") from error
    for name, figure in pictures.items():
        saved(figure, folder, name, dpi=120)
    return {name: folder / f"{name}.svg" for name in pictures}


def clear(folder: Path) -> None:
    """Remove the files of `draw` from a folder, and the folder if it is then empty."""
    for name in NAMES:
        for kind in (".png", ".svg"):
            remove_file(folder / f"{name}{kind}")
    with suppress(OSError):
        folder.rmdir()


def column(result: Mapping[str, Any]) -> str:
    """The name of the table's column that is the truth."""
    return str(result["truth"]["target"]).removeprefix("-")


def correlation(result: Mapping[str, Any]) -> Figure:
    """Every proxy's rho with its interval, and its difference to the baseline's."""
    rows = result["rows"]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.5, 1.3 + 0.33 * len(rows)))
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
        _forest(left, rows, [row["spearman"] for row in rows], legend=True)
        _forest(right, rows, [row["difference"]["spearman"] for row in rows])
        left.set_yticks(
            range(len(rows)), [f"{row['proxy']}  {row['coverage']:.0%}" for row in rows]
        )
        left.set_ylim(len(rows) - 0.4, -0.6)
        left.set_xlabel(f"Spearman's ρ with {column(result)}, 95 % interval")
        right.set_xlabel(f"ρ less that of {rows[0]['difference']['to']}, paired")
    return figure


def _forest(
    axes: Axes, rows: Sequence[Any], figures: Sequence[Mapping[str, Any]], legend: bool = False
) -> None:
    looks = {
        "dropped": ("o", "black", "those with a score (share at the name)", -0.13),
        "last": ("s", "white", "all, no score ranked last", 0.13),
    }
    axes.axvline(0, color="0.6", linewidth=0.8)
    for rule, (marker, face, label, shift) in looks.items():
        for place, (row, figure) in enumerate(zip(rows, figures, strict=True)):
            if rule == "last" and row["coverage"] == 1:
                continue  # both figures are the same
            value, low, high = (figure[rule][key] for key in ("value", "low", "high"))
            if value is None:
                continue
            y = place + (0 if row["coverage"] == 1 else shift)
            if low is not None:
                axes.plot([low, high], [y, y], color="0.35", linewidth=1.4)
            axes.plot(value, y, marker, color="black", markerfacecolor=face, markersize=5)
        if legend:
            axes.plot([], [], marker, color="black", markerfacecolor=face, label=label)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    if legend:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)


def truth(comparison: Comparison, result: Mapping[str, Any]) -> Figure:
    """Every proxy's score against the truth; architectures without a score have their own axis."""
    scores, values = comparison.scores, comparison.values
    assert values is not None
    columns = min(4, len(scores))
    lines = ceil(len(scores) / columns)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.1 * columns, 2.6 * lines), layout="constrained")
        grid = figure.add_gridspec(lines, columns)
        for place, (name, score) in enumerate(scores.items()):
            cell = grid[place // columns, place % columns].subgridspec(
                1, 2, width_ratios=[1, 9], wspace=0.03
            )
            unscored, axes = figure.add_subplot(cell[0]), figure.add_subplot(cell[1])
            _panel(axes, unscored, score, comparison.sign * values)
            axes.set_title(name, fontsize=10)
            if place % columns == 0:
                unscored.set_ylabel(column(result))
    return figure


def _panel(axes: Axes, unscored: Axes, score: Array, values: Array) -> None:
    kept = ~np.isnan(score)
    shown, far = within(score[kept])
    values, beyond = within(values)
    edge = far | beyond[kept]
    size = 3 if kept.sum() > 300 else 6
    if kept.sum() > DENSE:
        axes.hexbin(shown, values[kept], gridsize=40, bins="log", cmap="Greys", linewidths=0.1)
    else:
        axes.plot(shown, values[kept], ".", color="black", alpha=0.4, markersize=size, mew=0)
    axes.plot(shown[edge], values[kept][edge], "x", color="black", ms=3, mew=0.6)
    axes.tick_params(labelleft=False, left=False)
    axes.spines["left"].set_color("0.8")
    missing = values[~kept]
    apart = np.arange(len(missing)) * 0.618 % 1  # so that they do not hide each other
    alpha = min(0.5, 60 / max(len(missing), 1) + 0.05)
    unscored.plot(apart, missing, ".", color="black", ms=2.5, mew=0, alpha=alpha)
    unscored.set_xlim(-0.3, 1.3)
    unscored.set_xticks([0.5], [f"none\n{len(missing):,}"], fontsize=7)
    low, high = float(values.min()), float(values.max())
    margin = 0.04 * (high - low)
    for each in (axes, unscored):
        each.set_ylim(low - margin, high + margin)
    told = f"{edge.sum():,} at the edges (×)" if edge.any() else ""
    axes.text(0.98, 0.04, told, transform=axes.transAxes, fontsize=7, ha="right")


def within(values: Array) -> tuple[Array, NDArray[np.bool_]]:
    """The values, with far ones moved to the edge of what shows the others, and which they are.

    The edges are 1.5 times the range of the middle 60 % away from these. Nothing moves where that
    would not make the range half as wide or less.
    """
    none = np.zeros(len(values), dtype=bool)
    if len(values) < 20:
        return values, none
    low, high = np.percentile(values, [20, 80])
    reach = 1.5 * (high - low)
    inside = np.clip(values, low - reach, high + reach)
    if reach == 0 or values.max() - values.min() < 2 * (inside.max() - inside.min()):
        return values, none
    return inside, inside != values


def best_of(result: Mapping[str, Any]) -> Figure:
    """The truth of every proxy's best of N random architectures, against N."""
    rows, facts = result["rows"], result["truth"]
    sizes = [int(size) for size in facts["best_of"]]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.5, max(5.2, 0.3 * len(rows))))
        axes = figure.subplots()
        ends = []
        bands = len(rows) <= 4
        for place, row in enumerate(rows):
            mean = np.array([each["mean"] for each in row["best_of"].values()])
            sd = np.array([each["sd"] for each in row["best_of"].values()])
            grey = f"{0.55 * place / max(len(rows), 1):.2f}"
            look = LINES[place % len(LINES)]
            mark = MARKERS[place % len(MARKERS)]
            axes.plot(sizes, mean, look, marker=mark, color=grey, markersize=4, linewidth=1.1)
            if bands:
                axes.fill_between(sizes, mean - sd, mean + sd, color=grey, alpha=0.12, linewidth=0)
            ends.append((float(mean[-1]), row["proxy"]))
        known = [each["mean"] for each in facts["best_of"].values()]
        axes.plot(sizes, known, color="black", linewidth=2.2)
        axes.axhline(facts["mean"], color="0.5", linestyle=(0, (1, 3)))
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda size, _: f"{size:,.0f}")
        ends += [(float(known[-1]), "the truth itself"), (facts["mean"], "one at random")]
        _labels(axes, ends, sizes[-1], 1.35 * sizes[-1])
        axes.set_xlabel("random architectures of which the proxy takes the best")
        axes.set_ylabel(f"{column(result)} of it, mean of 500 draws")
        axes.grid(color="0.93")
    return figure


def _labels(axes: Axes, ends: Sequence[tuple[float, str]], right: float, beside: float) -> None:
    """Write every line's name beside its right end; move names apart that would overlap."""
    axes.autoscale_view()
    low, high = axes.get_ylim()
    room = (high - low) / 27
    ordered = sorted(ends)
    heights = [y for y, _ in ordered]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + room)
    over = max(0.0, heights[-1] - high)
    heights[-1] -= over
    for i in range(len(heights) - 2, -1, -1):
        heights[i] = min(heights[i], heights[i + 1] - room)
    for (y, name), height in zip(ordered, heights, strict=True):
        axes.annotate(
            name,
            (right, y),
            (beside, height),
            fontsize=8,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "0.75", "linewidth": 0.6},
        )


def under(comparison: Comparison, result: Mapping[str, Any]) -> Figure:
    """The truth of every proxy's choice against the limit, one panel a cost.

    A choice holds until the next limit; the best of all is known at every cost between.
    """
    count = len(result["under"])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.5, 5.2 * count), layout="constrained")
        panels = figure.subplots(count, squeeze=False)[:, 0]
        for axes, each in zip(panels, result["under"], strict=True):
            _curves(axes, each, comparison)
            axes.set_xlabel(f"limit: {each['name']} {each['relation']}")
            axes.set_ylabel(f"{column(result)} of the best score")
    return figure


def _curves(axes: Axes, under: Mapping[str, Any], comparison: Comparison) -> None:
    """The curve of every proxy and of the best, over dots for all architectures."""
    met = [place for place, each in enumerate(under["limits"]) if each["meet"]]
    limits = [under["limits"][place]["limit"] for place in met]
    ends = []
    for place, row in enumerate(under["rows"]):
        truths = [row["picks"][each]["truth"] for each in met]
        grey = f"{0.55 * place / max(len(under['rows']), 1):.2f}"
        look, mark = LINES[place % len(LINES)], MARKERS[place % len(MARKERS)]
        steps: Any = {"drawstyle": "steps-post", "color": grey, "linewidth": 1.1}
        axes.plot(limits, truths, look, marker=mark, markersize=4, **steps)
        ends.append((truths[-1], row["proxy"]))
    assert comparison.values is not None
    costs, values = comparison.costs[under["name"]], comparison.sign * comparison.values
    high = under["relation"] == "≥"
    corners = best_steps(costs, values, (limits[0], limits[-1]), comparison.sign, high)
    axes.plot(*corners, color="black", linewidth=2.2, drawstyle="steps-post")
    ends.append((float(corners[1][-1]), "the truth itself"))
    _labels(axes, ends, limits[-1], limits[-1] + 0.04 * (limits[-1] - limits[0] or 1.0))
    axes.autoscale(False)
    size = 3 if len(values) > 300 else 6
    axes.plot(costs, values, ".", color="0.75", markersize=size, mew=0, zorder=0, rasterized=True)
    axes.grid(color="0.93")


def agreement(result: Mapping[str, Any]) -> Figure:
    """Spearman's rho between proxies; proxies that agree are beside each other."""
    names = result["agreement"]["proxies"]
    table = np.array(
        [
            [np.nan if rho is None else rho for rho in row]
            for row in result["agreement"]["spearman"]
        ]
    )
    with matplotlib.rc_context(STYLE):
        side = 1.6 + 0.42 * len(names)
        figure = Figure(figsize=(side + 0.6, side + 0.6), layout="constrained")
        order: Any = list(range(len(names)))
        if len(names) > 2:
            tree, axes = figure.subplots(2, 1, height_ratios=[1, max(3, len(names) / 3)])
            order = dendrogram(
                links(result["agreement"]["spearman"]),
                ax=tree,
                no_labels=True,
                color_threshold=0,
                above_threshold_color="black",
            )["leaves"]
            tree.set_ylabel("1 − |ρ|", fontsize=8)
            tree.spines["bottom"].set_visible(False)
        else:
            axes = figure.subplots()
        shown = table[np.ix_(order, order)]
        axes.imshow(np.abs(shown), cmap="Greys", vmin=0, vmax=1, aspect="auto")
        ticks = [names[place] for place in order]
        axes.set_xticks(range(len(names)), ticks, rotation=90)
        axes.set_yticks(range(len(names)), ticks)
        for y, row in enumerate(shown):
            for x, rho in enumerate(row):
                text = "–" if np.isnan(rho) else f"{rho:.2f}".replace("0.", ".")
                shade = "white" if abs(rho) > 0.6 else "black"
                axes.text(x, y, text, ha="center", va="center", color=shade, fontsize=7)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_xlabel("Spearman's ρ between proxies, where both have a score; darker: |ρ|")
    return figure
