"""A diagram as data: boxes, arrows between them, and groups around them. Nothing is placed yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "input", "output", "conv", "linear", "pool", "norm", "activation", "join", "mix", "zero",
    "block", "other",
]  # fmt: skip
"""What a box does; it decides the box's colour and shape.

`join` is a sum, a product or a concatenation; `mix` is attention or a product of matrices; a
`block` stands for several operations.
"""


@dataclass(frozen=True)
class Box:
    """One operation, or several that belong together."""

    label: str
    kind: Kind = "other"
    detail: str = ""
    """A second, smaller line."""
    shape: tuple[int, ...] = ()
    """The output for one example; () if it is not known."""
    repeat: int = 1
    """How many such boxes there are, one after the other."""
    title: str = ""
    """What a pointer over the box shows."""
    unused: bool = False
    """Whether it does not lead to the output."""

    @property
    def heading(self) -> str:
        """The label with the number of repeats."""
        return f"{self.label} ×{self.repeat}" if self.repeat > 1 else self.label


@dataclass(frozen=True)
class Arrow:
    """From the box `source` to the box `target`, by their indices."""

    source: int
    target: int
    label: str = ""


@dataclass(frozen=True)
class Group:
    """Consecutive boxes, from the index `first` to `last`, that have a common name."""

    label: str
    first: int
    last: int
    repeat: int = 1
    depth: int = 0
    """The number of groups around this one."""

    @property
    def heading(self) -> str:
        """The label with the number of repeats."""
        return f"{self.label} ×{self.repeat}".strip() if self.repeat > 1 else self.label


@dataclass(frozen=True)
class Diagram:
    """Boxes in topological order with the arrows between them."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    groups: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader needs to know besides, one sentence each."""
    chain: bool = False
    """Whether it is drawn as one column: the boxes follow each other, with a few side arrows."""


def size(shape: tuple[int, ...]) -> str:
    """A shape as text: 16×32×32."""
    return "×".join(map(str, shape))
