"""A picture as PNG, drawn by matplotlib at the same places as the SVG."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any

from nas.network.drawing.colours import DARK, LIGHT, Colours, Theme
from nas.network.drawing.picture import LINE, Curve, Frame, Line, Picture, Shape, Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DOTS = 100
"""Pixels an inch at scale 1: only a unit between matplotlib's inches and the picture's pixels."""
ROUND = 0.5523
"""How far the control points of a quarter of a circle are from its ends, by its radius."""
LARGEST = 16_000
"""The most pixels of a side; a larger picture has a smaller scale."""


def png(picture: Picture, theme: Theme = "auto", scale: float = 2.0) -> bytes:
    """The content of a PNG file; `auto` is light."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    colours = DARK if theme == "dark" else LIGHT
    scale = min(scale, LARGEST / max(picture.width, picture.height))
    style: Any = {"text.parse_math": False, "font.family": "sans-serif"}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        size = (picture.width / DOTS, picture.height / DOTS)
        figure = Figure(figsize=size, dpi=DOTS * scale, facecolor=colours.page)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        axes.set_xlim(0, picture.width)
        axes.set_ylim(picture.height, 0)
        for frame in picture.frames:
            _frame(axes, frame, colours)
        for curve in picture.curves:
            _curve(axes, curve, colours)
        for shape in picture.shapes:
            _shape(axes, shape, colours)
        for words in picture.words:
            _words(axes, words, colours)
        held = BytesIO()
        figure.savefig(held, format="png", facecolor=colours.page, metadata={"Software": None})
    return held.getvalue()


def _points(pixels: float) -> float:
    return pixels * 72 / DOTS


def _text(axes: Axes, x: float, y: float, line: Line, colour: str, align: str) -> None:
    axes.text(
        x,
        y,
        line.text,
        fontsize=_points(line.size),
        color=colour,
        ha=align,
        va="center_baseline",
        fontweight="bold" if line.bold else "normal",
    )


def _rect(axes: Axes, at: tuple[float, float, float, float], radius: float, **style: Any) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    x, y, width, height = at
    r, k = radius, radius * (1 - ROUND)
    right, bottom = x + width, y + height
    corners = [
        [(right - r, y), (right - k, y), (right, y + k), (right, y + r)],
        [(right, bottom - r), (right, bottom - k), (right - k, bottom), (right - r, bottom)],
        [(x + r, bottom), (x + k, bottom), (x, bottom - k), (x, bottom - r)],
        [(x, y + r), (x, y + k), (x + k, y), (x + r, y)],
    ]
    points = [point for corner in corners for point in corner]
    codes = [Path.LINETO, *[Path.CURVE4] * 3] * 4
    codes[0] = Path.MOVETO
    axes.add_patch(PathPatch(Path([*points, points[0]], [*codes, Path.CLOSEPOLY]), **style))


def _shape(axes: Axes, shape: Shape, colours: Colours) -> None:
    radius = 5.0 if shape.form == "box" else shape.height / 2
    for offset in (4.0, 0.0) if shape.stacked else (0.0,):
        at = (shape.x + offset, shape.y + offset, shape.width, shape.height)
        style = {"facecolor": colours.fills[shape.kind], "edgecolor": colours.edge}
        dashes = (0, (4, 3)) if shape.unused else "-"
        _rect(axes, at, radius, linewidth=_points(1.2), linestyle=dashes, **style)
    y = shape.y + shape.height / 2 - sum(line.size * LINE for line in shape.lines) / 2
    for line in shape.lines:
        y += line.size * LINE
        middle = y - line.size * LINE / 2
        _text(axes, shape.x + shape.width / 2, middle, line, colours.text, "center")


def _frame(axes: Axes, frame: Frame, colours: Colours) -> None:
    at = (frame.x, frame.y, frame.width, frame.height)
    style = {"facecolor": colours.frame, "edgecolor": colours.quiet}
    _rect(axes, at, 8.0, linewidth=_points(0.8), **style)
    _text(axes, frame.x + 8, frame.y + 11, Line(frame.label, 11.0), colours.quiet, "left")


def _curve(axes: Axes, curve: Curve, colours: Colours) -> None:
    from matplotlib.patches import FancyArrowPatch, PathPatch
    from matplotlib.path import Path

    codes = [Path.MOVETO, *[Path.CURVE4] * (len(curve.points) - 1)]
    path = Path(curve.points, codes)
    style = {"edgecolor": colours.quiet, "linewidth": _points(1.4)}
    dashes = (0, (4, 3)) if curve.unused else "-"
    axes.add_patch(PathPatch(path, facecolor="none", linestyle=dashes, **style))
    (x, y), end = curve.points[-2], curve.points[-1]
    if (x, y) == end:
        x, y = next(point for point in reversed(curve.points) if point != end)
    length = ((end[0] - x) ** 2 + (end[1] - y) ** 2) ** 0.5 or 1.0
    start = (end[0] - (end[0] - x) / length * 8, end[1] - (end[1] - y) / length * 8)
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=_points(13),
            shrinkA=0,
            shrinkB=0,
            color=colours.quiet,
            linewidth=0,
        )
    )


def _words(axes: Axes, words: Words, colours: Colours) -> None:
    colour = colours.quiet if words.quiet else colours.text
    _text(axes, words.x, words.y, words.line, colour, "left")
