"""Gives places to a diagram: boxes in rows, arrows downwards, nothing on top of another.

The graph of a block has one row for each step from its inputs. An arrow over several rows has a
place of its own in each. The order in the rows is by the mean place of neighbours, several times
to and fro; then the boxes move as near to their neighbours as the order allows (Sugiyama, Tagawa
& Toda 1981, "Methods for visual understanding of hierarchical system structures").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nas.network.drawing.diagram import Arrow, Box, Diagram
from nas.network.drawing.picture import (
    LARGE,
    LINE,
    SMALL,
    TITLE,
    Curve,
    Line,
    Picture,
    Point,
    Shape,
    Words,
)

BESIDE, BELOW = 16.0, 30.0
"""Between boxes of a row, and between rows."""
LANE = 12.0
"""The width of an arrow's place in a row that it passes."""
SWEEPS = 12
MOVES = 60
STRAIGHT, CHAIN = (1.0, 2.0, 8.0), 6.0
"""How much an arrow's piece pulls its ends together, by how many of them are no boxes; and where
it joins two boxes that have no other."""


@dataclass
class _Node:
    """A box, or the place of an arrow that passes a row."""

    rank: int
    width: float
    height: float
    box: int | None = None
    x: float = 0.0
    """The middle."""


def lines_of(box: Box) -> tuple[Line, ...]:
    """The lines of text in a box."""
    if box.kind == "join" and box.label in ("+", "×"):
        return (Line(box.label, 16.0, True),)
    bold = box.kind == "block"
    first = [Line(text, LARGE, bold) for text in _broken(box.heading, 22)]
    details = [text for part in box.detail.split("\n") for text in _broken(part, 30)]
    return (*first, *(Line(text, SMALL) for text in details))


def _broken(text: str, most: int) -> list[str]:
    """A text in lines of about `most` letters; empty for no text."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + len(word) < most:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return lines


def sized(box: Box) -> tuple[float, float]:
    """The width and height of a box."""
    lines = lines_of(box)
    if box.kind == "join" and box.label in ("+", "×"):
        return 26.0, 26.0
    width = max(line.width for line in lines) + 22
    height = sum(line.size * LINE for line in lines) + 12
    return max(width, 56.0), height


def shape_of(box: Box, middle: float, top: float) -> Shape:
    """The shape of a box whose middle and top are given."""
    width, height = sized(box)
    round_ = box.kind in ("input", "output") or (box.kind == "join" and width > 26)
    form = "circle" if width == height == 26 else "pill" if round_ else "box"
    lines = lines_of(box)
    return Shape(
        middle - width / 2, top, width, height, box.kind, form, lines,  # type: ignore[arg-type]
        box.title, box.unused, box.repeat > 1,
    )  # fmt: skip


def layered(diagram: Diagram) -> Picture:
    """The picture of a block's graph."""
    nodes, lanes = _nodes(diagram)
    links = [pair for lane in lanes.values() for pair in pairwise(lane)]
    rows = _ordered(nodes, links)
    _spread(nodes, rows, links)
    left = min(node.x - node.width / 2 for node in nodes)
    top = TITLE * LINE + 14
    middles: list[float] = []
    for row in rows:
        height = max(nodes[n].height for n in row)
        middles.append(top + height / 2)
        top += height + BELOW
    shapes = {}
    for node in nodes:
        node.x -= left
        if node.box is not None:
            box = diagram.boxes[node.box]
            shapes[node.box] = shape_of(box, node.x, middles[node.rank] - node.height / 2)
    heights = [max(nodes[n].height for n in row) for row in rows]
    curves, words = [], []
    for arrow, lane in lanes.items():
        points = _route(nodes, lane, middles, heights, shapes[arrow.source], shapes[arrow.target])
        curves.append(Curve(points, diagram.boxes[arrow.source].unused))
        if arrow.label:
            (x, y), (x2, y2) = points[0], points[3]
            words.append(Words((x + x2) / 2 + 5, (y + y2) / 2, Line(arrow.label, SMALL)))
    width = max(node.x + node.width / 2 for node in nodes)
    return _framed(diagram, tuple(shapes.values()), curves, words, width, top - BELOW)


def _framed(
    diagram: Diagram,
    shapes: tuple[Shape, ...],
    curves: Sequence[Curve],
    words: Sequence[Words],
    width: float,
    bottom: float,
) -> Picture:
    """The picture with its title above and its notes below."""
    title = Line(diagram.title, TITLE, True)
    around = [Words(0.0, TITLE * LINE / 2, title, quiet=False)] if diagram.title else []
    bottom += 8
    for note in diagram.notes:
        for text in _broken(note, max(46, int(width / 7))):
            line = Line(text, SMALL)
            bottom += line.size * LINE
            around.append(Words(0.0, bottom - line.size * LINE / 2 + 4, line))
            width = max(width, line.width)
    words = (*around, *words)
    right = max(width, *(each.x + each.line.width for each in words))
    return Picture(right, bottom + 6, diagram.title, shapes, (), tuple(curves), words)


def _nodes(diagram: Diagram) -> tuple[list[_Node], dict[Arrow, list[int]]]:
    """The boxes and the places of arrows; for each arrow the nodes that it joins."""
    ranks = _ranks(diagram)
    nodes = [
        _Node(rank, *sized(box), box=index)
        for index, (box, rank) in enumerate(zip(diagram.boxes, ranks, strict=True))
    ]
    lanes: dict[Arrow, list[int]] = {}
    for arrow in diagram.arrows:
        lane = [arrow.source]
        for rank in range(ranks[arrow.source] + 1, ranks[arrow.target]):
            nodes.append(_Node(rank, LANE, 0.0))
            lane.append(len(nodes) - 1)
        lanes[arrow] = [*lane, arrow.target]
    return nodes, lanes


def _ranks(diagram: Diagram) -> list[int]:
    """The row of every box: as far down as its sources need, then as near to its readers."""
    ranks = [0] * len(diagram.boxes)
    arrows = sorted(diagram.arrows, key=lambda arrow: arrow.source)
    for arrow in arrows:
        ranks[arrow.target] = max(ranks[arrow.target], ranks[arrow.source] + 1)
    last = len(ranks) - 1
    ranks[last] = max(max(ranks[:last], default=-1) + 1, ranks[last])
    for box in reversed(range(last)):
        readers = [ranks[arrow.target] for arrow in arrows if arrow.source == box]
        read = [arrow for arrow in arrows if arrow.target == box]
        if readers and len(readers) >= len(read) and read:
            ranks[box] = min(readers) - 1 if len(readers) > len(read) else ranks[box]
    return ranks


def _ordered(nodes: Sequence[_Node], links: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The nodes of every row, in the order with the fewest crossings that was found."""
    rows: list[list[int]] = [[] for _ in range(1 + max(node.rank for node in nodes))]
    for index, node in enumerate(nodes):
        rows[node.rank].append(index)
    above: dict[int, list[int]] = {index: [] for index in range(len(nodes))}
    below: dict[int, list[int]] = {index: [] for index in range(len(nodes))}
    for source, target in links:
        above[target].append(source)
        below[source].append(target)
    best, fewest = [[*row] for row in rows], _crossings(rows, below)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        near = above if down else below
        place = {index: number for row in rows for number, index in enumerate(row)}
        for row in rows if down else reversed(rows):
            middle = {
                index: sum(place[n] for n in near[index]) / len(near[index])
                if near[index]
                else place[index]
                for index in row
            }
            row.sort(key=lambda index: middle[index])
            place |= {index: number for number, index in enumerate(row)}
        if (now := _crossings(rows, below)) < fewest:
            best, fewest = [[*row] for row in rows], now
    return best


def _crossings(rows: Sequence[Sequence[int]], below: dict[int, list[int]]) -> int:
    """How many pairs of arrows cross."""
    place = {index: number for row in rows for number, index in enumerate(row)}
    crossings = 0
    for row in rows:
        ends = [(place[n], place[m]) for n in row for m in below[n]]
        crossings += sum(a < c and b > d for a, b in ends for c, d in ends)
    return crossings


def _spread(
    nodes: Sequence[_Node], rows: Sequence[Sequence[int]], links: Sequence[tuple[int, int]]
) -> None:
    """Give every node its place in the row."""
    near: dict[int, list[tuple[int, float]]] = {index: [] for index in range(len(nodes))}
    leaving = Counter(source for source, _ in links)
    arriving = Counter(target for _, target in links)
    for source, target in links:
        lanes = (nodes[source].box is None) + (nodes[target].box is None)
        alone = lanes == 0 and leaving[source] == 1 == arriving[target]
        weight = CHAIN if alone else STRAIGHT[lanes]
        near[source].append((target, weight))
        near[target].append((source, weight))
    for row in rows:
        x = 0.0
        for index in row:
            nodes[index].x = x + nodes[index].width / 2
            x += nodes[index].width + BESIDE
        for index in row:
            nodes[index].x -= x / 2
    for sweep in range(MOVES):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted, weights = [], []
            for index in row:
                total = sum(weight for _, weight in near[index])
                places = sum(nodes[n].x * weight for n, weight in near[index])
                wanted.append(places / total if total else nodes[index].x)
                weights.append(total or 1.0)
            for index, x in zip(row, _apart(nodes, row, wanted, weights), strict=True):
                nodes[index].x = x


def _apart(
    nodes: Sequence[_Node], row: Sequence[int], wanted: Sequence[float], weights: Sequence[float]
) -> list[float]:
    """The places nearest to the wanted ones, in squares, at which no two nodes overlap."""
    offsets = [0.0]
    for one, other in pairwise(row):
        offsets.append(offsets[-1] + (nodes[one].width + nodes[other].width) / 2 + BESIDE)
    groups: list[tuple[float, float, int]] = []  # mean, weight, number: isotonic regression
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        groups.append((want - offset, weight, 1))
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            (a, u, n), (b, v, m) = groups[-2:]
            groups[-2:] = [((a * u + b * v) / (u + v), u + v, n + m)]
    means = [mean for mean, _, number in groups for _ in range(number)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _route(
    nodes: Sequence[_Node],
    lane: Sequence[int],
    middles: Sequence[float],
    heights: Sequence[float],
    start: Shape,
    end: Shape,
) -> tuple[Point, ...]:
    """The curve of an arrow: it turns between rows and goes straight through them."""
    x, y = nodes[lane[0]].x, start.y + start.height
    points: list[Point] = [(x, y)]
    for index in lane[1:]:
        node = nodes[index]
        row = middles[node.rank]
        top = end.y if node.box is not None else row - heights[node.rank] / 2
        previous = nodes[lane[lane.index(index) - 1]]
        edge = middles[previous.rank] + heights[previous.rank] / 2
        if edge > y:  # straight on to the end of the row that the arrow leaves
            points += [(x, y), (x, edge), (x, edge)]
        goal = row - heights[node.rank] / 2
        bend = (edge + goal) / 2
        points += [(x, bend), (node.x, bend), (node.x, goal)]
        x, y = node.x, goal
        if top > goal:
            points += [(x, goal), (x, top), (x, top)]
            y = top
    return tuple(points)
