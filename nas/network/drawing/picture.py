"""A picture as data: where every shape, curve and word is, in pixels from the top left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from nas.network.drawing.diagram import Kind

LARGE, SMALL, TITLE = 13.0, 11.0, 15.0
"""Sizes of text in pixels: labels, details, titles."""
LINE = 1.25
"""The height of a line of text as a multiple of its size."""

NARROW, WIDE = "ijlIft.,:;|'()[]-−! ", "mwMW@%→÷×∞"
"""Letters that are narrower and wider than most."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A line of text."""

    text: str
    size: float = LARGE
    bold: bool = False

    @property
    def width(self) -> float:
        """About how wide it is: a little more than in DejaVu Sans, which is a wide font."""
        units = sum(0.42 if c in NARROW else 0.98 if c in WIDE else 0.66 for c in self.text)
        return units * self.size * (1.1 if self.bold else 1.0)


@dataclass(frozen=True)
class Shape:
    """A box with its text in the middle."""

    x: float
    y: float
    width: float
    height: float
    kind: Kind
    form: Literal["box", "pill", "circle"] = "box"
    lines: tuple[Line, ...] = ()
    title: str = ""
    unused: bool = False
    stacked: bool = False
    """Whether a second box shows behind it, because it stands for several."""


@dataclass(frozen=True)
class Frame:
    """A frame around several shapes, with its name at the top left."""

    x: float
    y: float
    width: float
    height: float
    label: str
    depth: int = 0


@dataclass(frozen=True)
class Curve:
    """Cubic Bézier curves from the first point on, three points each, with an arrowhead."""

    points: tuple[Point, ...]
    unused: bool = False


@dataclass(frozen=True)
class Words:
    """Text outside of shapes; `x` is where it starts, `y` its middle."""

    x: float
    y: float
    line: Line
    quiet: bool = True
    """Whether it is less important than the text of shapes."""


@dataclass(frozen=True)
class Picture:
    """All there is to see, and the size of the whole."""

    width: float
    height: float
    title: str
    shapes: tuple[Shape, ...] = ()
    frames: tuple[Frame, ...] = ()
    curves: tuple[Curve, ...] = ()
    words: tuple[Words, ...] = ()

    def moved(self, x: float, y: float) -> Picture:
        """The picture with everything moved to the right and down."""
        return replace(
            self,
            shapes=tuple(replace(each, x=each.x + x, y=each.y + y) for each in self.shapes),
            frames=tuple(replace(each, x=each.x + x, y=each.y + y) for each in self.frames),
            curves=tuple(
                replace(each, points=tuple((a + x, b + y) for a, b in each.points))
                for each in self.curves
            ),
            words=tuple(replace(each, x=each.x + x, y=each.y + y) for each in self.words),
        )


GAP, MARGIN = 44.0, 18.0
"""Between the pictures of a page, and around all of them."""
WIDEST = 1180.0
"""The width up to which pictures go beside each other; where there are many, further."""


def page(pictures: list[Picture], title: str) -> Picture:
    """Pictures beside and below each other as one: the first at the left, the others in rows."""
    first, *others = pictures
    area = sum((each.width + GAP) * (each.height + GAP) for each in pictures)
    widest = max(WIDEST, (1.5 * area) ** 0.5)
    placed = [first]
    left = first.width + GAP
    x, y, row, right = left, 0.0, 0.0, first.width
    for each in others:
        if x > left and x + each.width > widest:
            x, y, row = left, y + row + GAP, 0.0
        placed.append(each.moved(x, y))
        x, row = x + each.width + GAP, max(row, each.height)
        right = max(right, x - GAP)
    height = max(first.height, y + row)
    moved = [each.moved(MARGIN, MARGIN) for each in placed]
    return Picture(
        right + 2 * MARGIN,
        height + 2 * MARGIN,
        title,
        tuple(shape for each in moved for shape in each.shapes),
        tuple(frame for each in moved for frame in each.frames),
        tuple(curve for each in moved for curve in each.curves),
        tuple(words for each in moved for words in each.words),
    )
