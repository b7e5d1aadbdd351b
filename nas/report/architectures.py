"""Architectures as drawings: the winner in full, the best few small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import thread_time

from nas.arch import Arch
from nas.drawing import draw
from nas.network.drawing import Diagram, Drawing
from nas.report.page import Html, picture
from nas.report.run import Run

PATIENCE = 1.0
"""Seconds of work after which no further drawing is begun: modules are traced for each."""
WIDE = 700
"""Drawings that are wider, in pixels, get wider cards."""


class Drawer:
    """Draws architectures of a run, as long as there is time; `lost` says why some are missing."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.lost = (
            "" if run.space is not None else "only the program that searched knows the space"
        )
        self._end = 0.0
        self._drawn: dict[Arch, Drawing] = {}

    def drawing(self, arch: Arch) -> Drawing | None:
        """The network and its blocks; None where it cannot be drawn, or comes too late."""
        if arch in self._drawn:
            return self._drawn[arch]
        if self.run.space is None:
            return None
        if self._drawn and thread_time() > self._end:
            self.lost = "to draw this space takes too long: nas draw makes the others"
            return None
        try:
            live = bool(self.run.summary.get("live", False))
            made = draw(self.run.space, arch, live=live, title=str(self.run.summary["space"]))
        except Exception as error:  # of a space's author: a page never fails
            self.lost = f"{type(error).__name__}: {str(error)[:200]}"
            return None
        if not self._drawn:  # what the first one loads is not its own time
            self._end = thread_time() + PATIENCE
        self._drawn[arch] = made
        return made

    def picture(self, drawing: Drawing, name: str, caption: str = "") -> Html | None:
        """The drawing as a part of the page; None where it has no places for its boxes."""
        try:
            return picture(drawing.svg, name, caption)
        except Exception as error:  # of a graph that nobody has thought of
            self.lost = f"{type(error).__name__}: {str(error)[:200]}"
            return None


def whole(drawer: Drawer, arch: Arch, name: str, caption: str = "") -> Html | None:
    """The drawing of the network and its blocks."""
    made = drawer.drawing(arch)
    return None if made is None else drawer.picture(made, name, caption)


def small(drawer: Drawer, archs: Sequence[Arch], name: str) -> tuple[list[Html | None], bool]:
    """A small drawing of each architecture, of what differs among them; whether one is wide."""
    made = [drawer.drawing(arch) for arch in archs]
    shown = telling([each.diagrams for each in made if each is not None])
    parts: list[Html | None] = []
    width = 0.0
    for place, (each, arch) in enumerate(zip(made, archs, strict=True)):
        if each is None:
            parts.append(None)
            continue
        diagrams = tuple(each.diagrams[at] for at in shown if at < len(each.diagrams))
        part = replace(each, title=drawer.run.arch(arch), diagrams=diagrams or each.diagrams[:1])
        if len(part.diagrams) > 1 and part.picture.width > WIDE:
            part = replace(part, diagrams=part.diagrams[:1])
        parts.append(drawer.picture(part, f"{name}-{place}"))
        width = max(width, part.picture.width if parts[-1] else 0.0)
    return parts, width > WIDE


def telling(drawn: Sequence[Sequence[Diagram]]) -> list[int]:
    """The places of the diagrams that tell these drawings apart.

    The whole network, which comes first, if it does; else the blocks that differ; else the first
    block.
    """
    if not drawn or len(min(drawn, key=len)) < 2:
        return [0]
    if len(drawn) > 1 and len({_content(each[0]) for each in drawn}) > 1:
        return [0]
    count = min(map(len, drawn))
    differing = [at for at in range(1, count) if len({_content(each[at]) for each in drawn}) > 1]
    return differing or [1]


def _content(diagram: Diagram) -> tuple[object, ...]:
    """What of a diagram is to be seen without a pointer."""
    boxes = tuple((box.heading, box.detail, box.kind, box.unused) for box in diagram.boxes)
    arrows = tuple((arrow.source, arrow.target) for arrow in diagram.arrows)
    return boxes, arrows, tuple(group.heading for group in diagram.groups)
