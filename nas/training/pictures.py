"""The picture of a learning curve: losses, and accuracies where there are classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nas.compare.pictures import STYLE, saved

LOOKS = {"train": ("#0072b2", "-", "trained on"), "valid": ("#d55e00", "--", "kept apart")}
"""Colours that differ for colour-blind readers, too, and lines that differ in grey."""


def draw(rows: Sequence[Mapping[str, Any]], folder: Path, name: str) -> list[str]:
    """Draw a learning curve as PNG and SVG; returns the names of the files."""
    return saved(curve(rows), folder, name)


def curve(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """A part for the loss and, with classes, one for the accuracy."""
    figures = ["loss"]
    if any(row["valid_accuracy"] is not None for row in rows):
        figures.append("accuracy")
    epochs = [row["epoch"] for row in rows]
    with matplotlib.rc_context(STYLE):
        drawn = Figure(figsize=(4.8 * len(figures), 3.4), layout="constrained")
        for place, figure in enumerate(figures, 1):
            axes = drawn.add_subplot(1, len(figures), place)
            for part, (colour, line, label) in LOOKS.items():
                values = [row[f"{part}_{figure}"] for row in rows]
                mark = "o" if len(rows) == 1 else ""
                axes.plot(epochs, values, color=colour, linestyle=line, marker=mark, label=label)
            axes.set_xlabel("epochs")
            axes.set_ylabel(figure)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(color="0.93")
            axes.set_axisbelow(True)
            axes.legend(frameon=False, fontsize=8)
    return drawn
