"""What a person gets who draws a network: it shows itself, and saves itself to files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from nas.errors import UsageError, unknown
from nas.network.drawing.colours import Theme
from nas.network.drawing.column import column
from nas.network.drawing.diagram import Diagram
from nas.network.drawing.diagrams import Pictured
from nas.network.drawing.layout import layered
from nas.network.drawing.parts import Part, parts_of
from nas.network.drawing.picture import Picture, page
from nas.network.drawing.png import png
from nas.network.drawing.svg import svg
from nas.network.drawing.text import dot, mermaid
from nas.network.drawing.units import Structure
from nas.network.layers import Layer
from nas.network.ops import Shape
from nas.storage.files import replace_file

What = Literal["cell", "network", "both"]
FORMATS = {"svg": "svg", "png": "png", "mermaid": "mmd", "dot": "dot"}
"""The formats with the suffixes of their files."""
SUFFIXES = {"svg": "svg", "png": "png", "mmd": "mermaid", "mermaid": "mermaid", "dot": "dot",
            "gv": "dot"}  # fmt: skip
"""The format that a file's suffix names."""


@dataclass(frozen=True)
class Drawing:
    """The diagrams of one architecture: the whole network first, then its kinds of blocks.

    It shows itself in a notebook. `svg`, `png`, `mermaid` and `dot` are its content.
    """

    title: str
    diagrams: tuple[Diagram, ...]
    theme: Theme = "auto"
    caption: str = ""
    """What is drawn, in words: an architecture in its space's notation."""

    @cached_property
    def picture(self) -> Picture:
        """Everything with its place."""
        pictures = [
            column(diagram) if diagram.chain else layered(diagram) for diagram in self.diagrams
        ]
        return page(pictures, self.title)

    @property
    def description(self) -> str:
        """What is to be seen, in words: for readers who hear it."""
        told = [
            f"{diagram.title}: {', '.join(box.heading for box in diagram.boxes)}"
            for diagram in self.diagrams
        ]
        return "; ".join([*([self.caption] if self.caption else []), *told])

    @property
    def svg(self) -> str:
        """The text of an SVG file."""
        return svg(self.picture, self.description, self.theme)

    @property
    def png(self) -> bytes:
        """The content of a PNG file with two pixels for each of the SVG's."""
        return png(self.picture, self.theme)

    @property
    def mermaid(self) -> str:
        """The text of a Mermaid flowchart, as Markdown of GitHub and GitLab shows it."""
        return mermaid(self.diagrams)

    @property
    def dot(self) -> str:
        """The text of a file for Graphviz."""
        return dot(self.diagrams)

    def content(self, format: str) -> bytes:
        """The content of a file in one of `FORMATS`; raises UsageError for another format."""
        if format not in FORMATS:
            raise unknown("format of a drawing", format, FORMATS)
        value: str | bytes = getattr(self, format)
        return value.encode() if isinstance(value, str) else value

    def save(self, path: str | Path, format: str | None = None) -> Path:
        """Write a file in the format, or in the format that its suffix names.

        An existing file is replaced. Raises UsageError if it cannot be written, or if the suffix
        names no format.
        """
        path = Path(path)
        suffix = path.suffix.removeprefix(".").lower()
        if format is None and suffix not in SUFFIXES:
            known = ", ".join(f".{each}" for each in FORMATS.values())
            raise UsageError(f"{path} names no format: give one of {known}, or format=")
        content = self.content(format or SUFFIXES[suffix])
        replace_file(path, content)
        return path

    def _repr_svg_(self) -> str:
        return self.svg


def drawn(
    parts: Sequence[Part],
    blocks: Collection[int] = (),
    *,
    title: str = "network",
    what: What = "both",
    theme: Theme = "auto",
) -> Drawing:
    """The drawing of a network's parts.

    `what`: the `network` as blocks, the `cell` that is its most frequent block, in each of its
    kinds, or `both`: the network and all its kinds of blocks.
    """
    pictured = Pictured(Structure(parts, frozenset(blocks)), title)
    kinds = pictured.main if what == "cell" else pictured.kinds
    insides = [pictured.inside(kind) for kind in kinds]
    if what == "network" or not insides:
        return Drawing(title, (pictured.whole(),), theme)
    whole = [pictured.whole()] if what == "both" else []
    return Drawing(title, (*whole, *insides), theme)


def draw_layers(
    layers: Sequence[Layer],
    shapes: Sequence[Shape],
    blocks: Collection[int] = (),
    *,
    title: str = "network",
    what: What = "both",
    theme: Theme = "auto",
) -> Drawing:
    """The drawing of a network's layers; without torch."""
    return drawn(parts_of(layers, shapes), blocks, title=title, what=what, theme=theme)
