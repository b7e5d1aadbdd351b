"""The picture of a leaderboard: a heat map of rho, readable in grey by its numbers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from nas.compare.leaderboard import cells
from nas.compare.pictures import STYLE
from nas.errors import UsageError

COLOURS = LinearSegmentedColormap.from_list(
    "rho", ["#b2452f", "#eeb79c", "#f7f6f2", "#a9c9dd", "#1f5f8f"]
)
"""From -1 to 1: red is the wrong way round, near white is nothing, blue is good."""
NONE = "#ececec"


def draw(board: Mapping[str, Any], path: Path) -> None:
    """Draw the heat map into a PNG file; raises UsageError if it cannot be written to."""
    try:
        with matplotlib.rc_context(STYLE), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # such a letter is a box
            heat_map(board).savefig(path, dpi=160, bbox_inches="tight", pad_inches=0.15)
    except OSError as error:
        raise UsageError(f"{path} cannot be written to: {error.strerror or error}") from error


def heat_map(board: Mapping[str, Any]) -> Figure:
    """Rho over all: one row a proxy, in the order of the mean ranks, and one column a space."""
    proxies, spaces = board["proxies"], board["spaces"]
    every = cells(board)
    rho = np.array(
        [
            [every[each["proxy"], about["space"]]["rho_all"]["value"] for about in spaces]
            for each in proxies
        ],
        dtype=float,
    )
    longest = max(len(each["proxy"]) for each in proxies)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(1.6 + 0.08 * longest + 1.55 * len(spaces), 1.7 + 0.42 * len(rho)))
        axes = figure.subplots()
        axes.set_facecolor(NONE)
        image = axes.imshow(rho, cmap=COLOURS, vmin=-1, vmax=1, aspect="auto")
        _write(axes, rho)
        _label(axes, board)
        bar = figure.colorbar(image, ax=axes, fraction=0.03, pad=0.02, ticks=[-1, -0.5, 0, 0.5, 1])
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0, labelsize=8)
    return figure


def _write(axes: Axes, rho: Any) -> None:
    """Write every cell's number, the best of a column in bold."""
    for column in range(rho.shape[1]):
        known = rho[:, column]
        best = np.nan if np.isnan(known).all() else np.nanmax(known)
        for row, value in enumerate(known):
            text = "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−")
            axes.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                fontsize=10,
                fontweight="bold" if value == best else "normal",
                color="white" if abs(value) > 0.72 else "0.1",
            )


def _label(axes: Axes, board: Mapping[str, Any]) -> None:
    """Name the rows with their mean ranks, and the columns with their targets."""
    proxies, spaces = board["proxies"], board["spaces"]
    axes.set_yticks(range(len(proxies)), [each["proxy"] for each in proxies], fontsize=10)
    axes.set_xticks(range(len(spaces)), [each["space"] for each in spaces], fontsize=10)
    axes.xaxis.tick_top()
    axes.tick_params(axis="x", length=0, pad=5)
    axes.tick_params(axis="y", length=0, pad=44)
    for label in axes.get_yticklabels():
        label.set_verticalalignment("center")
    axes.set_xticks(np.arange(-0.5, len(spaces)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(proxies)), minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    top, bottom, left = -0.5, len(proxies) - 0.5, -0.5
    _note(axes, (left, top), (-8, 6), "mean rank", va="bottom", ha="right", fontsize=7.5)
    title = "Spearman's ρ over all architectures, no score ranked last"
    _note(axes, (left, top), (0, 34), title, va="bottom", fontsize=11, color="black")
    for row, each in enumerate(proxies):
        rank = "–" if each["mean_rank"] is None else f"{each['mean_rank']:.1f}"
        _note(axes, (left, row), (-8, 0), rank, va="center", ha="right", fontsize=10)
    for column, about in enumerate(spaces):
        under = about["target"] or "no true figures"
        count = "" if about["n"] is None else f"\nn = {about['n']:,}"
        _note(axes, (column, bottom), (0, -5), under + count, va="top", ha="center", fontsize=7.5)


def _note(
    axes: Axes, place: tuple[float, float], shift: tuple[float, float], text: str, **look: Any
) -> None:
    """A text beside a place among the cells, moved by points."""
    look = {"color": "0.35", "annotation_clip": False, **look}
    axes.annotate(text, place, shift, textcoords="offset points", **look)
