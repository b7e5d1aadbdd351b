"""The picture of a study: the best so far over the trials, readable in grey by line styles."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor, log10
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from nas.compare.pictures import STYLE, saved

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9", "#777777")
"""Colours that differ for colour-blind readers, too (Okabe and Ito 2008)."""
LINES = ("-", "--", "-.", (0, (1, 1.2)))
START = 0.04
"""The share of a search that is left out where the height of a picture is chosen."""
LABELS = 3
"""A logarithmic axis has at least so many labels, or two where equal steps give no more."""
BANDS = 8
"""For more variants than this the intervals are left out: they would hide each other."""


def draw(study: Mapping[str, Any], folder: Path, name: str) -> list[str]:
    """Draw the curves as PNG and SVG; returns the names of the files, none without curves."""
    if not study["curves"]:
        return []
    return saved(curves(study), folder, name)


def curves(study: Mapping[str, Any]) -> Figure:
    """One part for each figure that has curves, with a line for each variant."""
    names = [row["variant"] for row in study["rows"]]
    with matplotlib.rc_context(STYLE):
        count = len(study["curves"])
        figure = Figure(figsize=(5.2 * count, 4.0 + 0.2 * len(names)), layout="constrained")
        for place, (title, lines) in enumerate(study["curves"].items()):
            axes = figure.add_subplot(1, count, place + 1)
            _lines(axes, lines, names)
            axes.set_xlabel("trials")
            axes.set_ylabel(f"{title} of the best so far")
            if title.startswith("regret of ") and _positive(lines):
                axes.set_yscale("log")
                low, high = axes.get_ylim()
                axes.set_yticks(marks(low, high))
                axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
                axes.yaxis.set_minor_formatter(NullFormatter())
            else:
                _heights(axes, lines)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", frameon=False, fontsize=8)
    return figure


def _lines(axes: Axes, lines: Mapping[str, Any], names: list[str]) -> None:
    for place, name in enumerate(names):
        points = {key: np.array(values, dtype=float) for key, values in lines[name].items()}
        look: Any = LINES[place // len(COLOURS) % len(LINES) if len(names) > 8 else place % 4]
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(
            points["trials"], points["mean"], linestyle=look, color=colour, label=name, lw=1.5
        )
        if len(names) <= BANDS:
            axes.fill_between(
                points["trials"], points["low"], points["high"], color=colour, alpha=0.13, lw=0
            )
    axes.grid(color="0.93")
    axes.set_axisbelow(True)


def marks(low: float, high: float) -> list[float]:
    """What is labelled on a logarithmic axis from `low` to `high`, both positive.

    Powers of ten, or also 2 and 5, or all first digits, or else equal steps: the first of these
    that gives three labels.
    """
    tens = range(floor(log10(low)), ceil(log10(high)) + 1)
    for digits in ((1,), (1, 2, 5), range(1, 10)):
        found = [float(f"{digit}e{ten}") for ten in tens for digit in digits]
        found = [value for value in found if low <= value <= high]
        if len(found) >= LABELS:
            return found
    steps = MaxNLocator(5, steps=[1, 2, 5, 10], min_n_ticks=LABELS)
    return [float(value) for value in steps.tick_values(low, high) if low <= value <= high]


def _positive(lines: Mapping[str, Any]) -> bool:
    """Whether a logarithmic scale shows every mean."""
    values = [value for line in lines.values() for value in line["mean"] if value is not None]
    return bool(values) and min(values) > 0


def _heights(axes: Axes, lines: Mapping[str, Any]) -> None:
    """Show the heights after the first trials, which lie far from all others."""
    kept: list[float] = []
    for line in lines.values():
        begin = int(START * len(line["mean"]))
        kept += [v for key in ("mean", "low", "high") for v in line[key][begin:] if v is not None]
    if kept and max(kept) > min(kept):
        room = 0.04 * (max(kept) - min(kept))
        axes.set_ylim(min(kept) - room, max(kept) + room)
