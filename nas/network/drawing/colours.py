"""Colours for light and dark pages. Kinds differ in lightness too, so that a grey print tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nas.network.drawing.diagram import Kind

Theme = Literal["auto", "light", "dark"]
"""`auto` follows the reader's system, which only an SVG can."""


@dataclass(frozen=True)
class Colours:
    """The colours of a page as #rrggbb."""

    page: str
    text: str
    quiet: str
    """Text outside of boxes, and arrows."""
    edge: str
    """The outlines of boxes."""
    frame: str
    fills: dict[Kind, str]


LIGHT = Colours(
    page="#ffffff",
    text="#14181d",
    quiet="#55606b",
    edge="#3d4752",
    frame="#f3f5f7",
    fills={
        "input": "#ffffff",
        "output": "#ffffff",
        "join": "#ffffff",
        "norm": "#eceff1",
        "activation": "#e9e2f3",
        "pool": "#fbdc9b",
        "zero": "#ffffff",
        "other": "#dfe4e8",
        "block": "#c4d9ee",
        "mix": "#a6d3b4",
        "conv": "#8fbbe8",
        "linear": "#c493c4",
    },
)
DARK = Colours(
    page="#14181d",
    text="#f2f5f8",
    quiet="#a9b4bf",
    edge="#93a0ad",
    frame="#1d232a",
    fills={
        "input": "#14181d",
        "output": "#14181d",
        "join": "#14181d",
        "norm": "#262d35",
        "activation": "#352c47",
        "pool": "#5d4208",
        "zero": "#14181d",
        "other": "#333c46",
        "block": "#28415c",
        "mix": "#24593b",
        "conv": "#2d65a3",
        "linear": "#99609c",
    },
)


def lightness(colour: str) -> float:
    """How light a colour looks in grey: CIE L*, from 0 to 100."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 903.3 * y if y <= 0.008856 else 116 * float(y ** (1 / 3)) - 16
