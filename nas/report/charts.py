"""Charts that a reader can hover over: their data and what they show, drawn by Observable Plot.

Observable Plot was chosen among the well-kept libraries for its SVG: text stays text, colours come
from the page's style (dark and print cost nothing), and every mark can be read by a test. What a
page carries, minified and with all that is needed (in KB; measured in November 2026):

    uPlot 1.6               51   canvas; lines alone
    Chart.js 4.6           205   canvas
    Observable Plot 0.6    267   SVG; bundled with the parts of d3 that these charts need
    Apache ECharts 6       489   SVG on request; the smallest of its builds
    Vega-Lite 6            245   and Vega and its parts beside, SVG on request
    Plotly 4 basic       1,164   SVG

A canvas has no text that can be selected, searched, printed sharply or read by a program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from math import isfinite
from typing import Any, Literal

from nas.report.page import Html, html

Value = float | int | str | None
Mark = Literal[
    "line",
    "band",
    "dots",
    "columns",
    "bars",
    "across",
    "upright",
    "at_x",
    "at_y",
    "cells",
    "words",
]


@dataclass(frozen=True)
class Axis:
    """An axis: its title, its kind and, if the data are not to choose them, its ends."""

    label: str
    kind: Literal["linear", "log", "names"] = "linear"
    low: float | None = None
    high: float | None = None
    """With both ends, what lies outside is drawn at the end."""
    names: Sequence[str] = ()
    """The places of an axis of names, in order."""
    bands: bool = False
    """Whether names have a width, for bars and cells; else they are points."""
    grid: bool = True
    rotate: int = 0
    """Degrees by which names below a chart are turned."""
    ticks: Sequence[tuple[float, str]] = ()
    """Places on the axis with what is written there, if its own numbers are not to be."""


@dataclass(frozen=True)
class Layer:
    """One series of a chart: columns of data, and the names of those that are drawn.

    Marks: `line` (x, y; with `steps` a value holds until the next one), `band` (x between y and
    y2), `dots` (x, y), `columns` (a histogram: from x to x2, up to y), `bars` (x to the right, of
    the name y), `across` (from x to x2 at y) and `upright` (from y to y2 at x), for intervals,
    `at_x` and `at_y` (a rule through the chart), `cells` (a heat map, darker by the column
    `shade`, from 0 to 1), `words` (the column `text` at x, y).

    The columns of `data` have numbers, texts or None, and one length. A reader sees all of them
    over a point, except those whose names begin with _.
    """

    mark: Mark
    data: Mapping[str, Sequence[Any]]
    x: str = ""
    y: str = ""
    x2: str = ""
    y2: str = ""
    name: str = ""
    """What the legend calls it; without one it is not there."""
    look: int | None = 0
    """Its colour, dashes and symbol, from 0 to 7; None is the grey of what is behind."""
    tip: bool = True
    """Whether a reader sees the columns over a point, and in the chart's table."""
    size: float = 3.0
    hollow: bool = False
    opacity: float = 1.0
    steps: bool = False
    shade: str = ""
    text: str = ""
    dx: float = 0
    dy: float = 0
    anchor: Literal["start", "middle", "end"] = "middle"
    halo: bool = True


@dataclass(frozen=True)
class Chart:
    """A chart with a title and a text that says what is to be seen."""

    title: str
    text: str
    """In one or two sentences what the chart shows, with its main figures."""
    x: Axis
    y: Axis
    layers: Sequence[Layer] = field(default_factory=tuple)
    height: int = 320
    right: int = 20
    """Room at the right, in pixels, for words at the ends of lines."""

    @property
    def html(self) -> Html:
        """The figure: caption, legend, the place of the drawing, and the data as JSON."""
        entries = [
            f'<li data-layer="{place}">{html(layer.name)}</li>'
            for place, layer in enumerate(self.layers)
            if layer.name
        ]
        legend = f'<ul class="legend">{"".join(entries)}</ul>' if len(entries) > 1 else ""
        return Html(
            f'<figure class="chart"><figcaption><b>{html(self.title)}</b> {html(self.text)}'
            f'</figcaption>{legend}<div class="plot" tabindex="0" role="group" '
            f'aria-label="{escape(self.title)}: the arrow keys go from point to point"></div>'
            '<p class="point" aria-live="polite"></p>'
            '<details class="data" hidden><summary>The figures of this chart</summary></details>'
            f'<script type="application/json">{as_json(self._spec)}</script></figure>'
        )

    @property
    def _spec(self) -> dict[str, Any]:
        layers = []
        for layer in self.layers:
            names = (layer.x, layer.y, layer.x2, layer.y2)
            counts = {len(values) for values in layer.data.values()}
            assert len(counts) <= 1, f"columns of {layer.name} have {counts} values"
            assert {name for name in names if name} <= {*layer.data}, (names, {*layer.data})
            own = {**asdict(layer), "data": {k: plain(v) for k, v in layer.data.items()}}
            layers.append({key: value for key, value in own.items() if value != ""})
        return {
            "title": self.title,
            "text": self.text,
            "x": asdict(self.x),
            "y": asdict(self.y),
            "height": self.height,
            "right": self.right,
            "layers": layers,
        }


def plain(values: Sequence[Any]) -> list[Value]:
    """Values for JSON: what is no finite number is None, numbers have six digits."""
    return [
        value
        if not isinstance(value, float)
        else (float(f"{value:.6g}") if isfinite(value) else None)
        for value in values
    ]


def as_json(value: Any) -> Html:
    """JSON that may be inside a script element of a page."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Html(text)
