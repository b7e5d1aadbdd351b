"""Gives places to the picture of a whole network: one column, with side arrows at the right."""

from __future__ import annotations

from collections.abc import Sequence

from nas.network.drawing.diagram import Arrow, Diagram, Group
from nas.network.drawing.layout import shape_of, sized
from nas.network.drawing.picture import (
    LINE,
    SMALL,
    TITLE,
    Curve,
    Frame,
    Line,
    Picture,
    Shape,
    Words,
)

BETWEEN, PADDING, HEADER, LANE = 28.0, 12.0, 20.0, 16.0


def column(diagram: Diagram) -> Picture:
    """The picture of a diagram whose boxes follow each other."""
    middle = max(sized(box)[0] for box in diagram.boxes) / 2
    deepest = 1 + max((group.depth for group in diagram.groups), default=-1)
    names = max((Line(group.heading, SMALL).width for group in diagram.groups), default=0.0)
    middle = max(middle, names + 18) + deepest * PADDING
    y = TITLE * LINE + 10
    shapes: list[Shape] = []
    tops: dict[Group, float] = {}
    frames: list[Frame] = []
    for index, box in enumerate(diagram.boxes):
        for group in diagram.groups:
            if group.first == index:
                tops[group] = y
                y += HEADER + 4
        shapes.append(shape_of(box, middle, y))
        y += shapes[-1].height
        for group in reversed(diagram.groups):
            if group.last == index:
                y += PADDING
                half = middle - group.depth * PADDING
                box_ = (middle - half, tops[group], 2 * half, y - tops[group])
                frames.append(Frame(*box_, group.heading, group.depth))
        y += BETWEEN
    curves, words = _straight(diagram, shapes)
    told = max((each.x + each.line.width for each in words), default=0.0)
    beside = _beside(diagram, shapes, max(2 * middle, told - LANE / 2))
    width = max([2 * middle, *(x for curve in beside for x, _ in curve.points)])
    words.insert(0, Words(0.0, TITLE * LINE / 2, Line(diagram.title, TITLE, True), quiet=False))
    width = max(width, *(each.x + each.line.width for each in words))
    frames.sort(key=lambda frame: frame.depth)
    every = (*curves, *beside)
    bottom = y - BETWEEN + 6
    return Picture(width, bottom, diagram.title, tuple(shapes), tuple(frames), every, tuple(words))


def _straight(diagram: Diagram, shapes: Sequence[Shape]) -> tuple[list[Curve], list[Words]]:
    """The arrows to the next box, each with what it carries."""
    curves, words = [], []
    for arrow in diagram.arrows:
        if arrow.target == arrow.source + 1:
            source, target = shapes[arrow.source], shapes[arrow.target]
            x = source.x + source.width / 2
            start, end = source.y + source.height, target.y
            curves.append(Curve(((x, start), (x, start), (x, end), (x, end))))
            if arrow.label:  # between the frames that end and those that begin here
                top = start + PADDING * sum(g.last == arrow.source for g in diagram.groups)
                top += 4 * (diagram.boxes[arrow.source].repeat > 1)
                headers = sum(g.first == arrow.target for g in diagram.groups)
                bottom = end - (HEADER + 4) * headers
                words.append(Words(x + 8, (top + bottom) / 2 - 1, Line(arrow.label, SMALL)))
    return curves, words


def _beside(diagram: Diagram, shapes: Sequence[Shape], right: float) -> list[Curve]:
    """The arrows over several boxes, in lanes at the right."""
    far = [arrow for arrow in diagram.arrows if arrow.target > arrow.source + 1]
    taken: list[list[Arrow]] = []
    curves = []
    for arrow in sorted(far, key=lambda arrow: (arrow.target - arrow.source, arrow.source)):
        lane = next(
            (
                number
                for number, others in enumerate(taken)
                if all(o.target <= arrow.source or o.source >= arrow.target for o in others)
            ),
            len(taken),
        )
        taken += [[]] if lane == len(taken) else []
        taken[lane].append(arrow)
        source, target = shapes[arrow.source], shapes[arrow.target]
        x = right + LANE * (lane + 1)
        start, end = source.y + source.height * 0.7, target.y + target.height * 0.3
        out, back, turn = source.x + source.width, target.x + target.width, 10.0
        curves.append(
            Curve(
                (
                    (out, start),
                    *((out, start), (x - turn, start), (x - turn, start)),
                    *((x, start), (x, start), (x, start + turn)),
                    *((x, start + turn), (x, end - turn), (x, end - turn)),
                    *((x, end), (x, end), (x - turn, end)),
                    *((x - turn, end), (back, end), (back, end)),
                )
            )
        )
    return curves
