"""NAS-Bench-101's cells as graphs: pruned, numbered as the benchmark does, and hashed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from hashlib import md5
from itertools import accumulate, combinations, compress
from random import Random
from typing import NamedTuple

from nas import Arch

VERTICES = 7
MAX_EDGES = 9
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
PAIRS = tuple(combinations(range(VERTICES), 2))
"""(from, to) of the decisions about edges: the matrix's upper triangle, row by row."""

Edges = tuple[tuple[int, int], ...]
"""Pairs (from, to) with from < to, row by row."""


class Graph(NamedTuple):
    """A cell: vertex 0 is the input, `len(ops) + 1` the output; `ops` belong to the others."""

    edges: Edges
    ops: tuple[int, ...]


def edges_of(arch: Arch) -> Edges:
    """All edges of an architecture, also those that do not count."""
    return tuple(compress(PAIRS, arch))


def on_a_path(edges: Edges) -> int:
    """The vertices on paths from the input to the output, as bits; 0 if there is no path."""
    reached = 1
    for source, target in edges:
        reached |= (reached >> source & 1) << target
    leading = 1 << VERTICES - 1
    for source, target in reversed(edges):
        leading |= (leading >> target & 1) << source
    return reached & leading


def pruned(arch: Arch) -> Graph:
    """The cell without the vertices and edges on no path; the order of the others is kept."""
    edges = edges_of(arch)
    kept = on_a_path(edges)
    vertices = [vertex for vertex in range(VERTICES) if kept >> vertex & 1]
    place = {vertex: number for number, vertex in enumerate(vertices)}
    return Graph(
        tuple((place[s], place[t]) for s, t in edges if s in place and t in place),
        tuple(arch[len(PAIRS) + vertex - 1] for vertex in vertices[1:-1]),
    )


def embedded(graph: Graph) -> Arch:
    """The architecture of a cell of at most seven vertices; its operations are the first ones."""
    edges, ops = graph
    there = {(s, VERTICES - 1 if t == len(ops) + 1 else t) for s, t in edges}
    free = VERTICES - 2 - len(ops)
    return (*(int(pair in there) for pair in PAIRS), *ops, *(0,) * free)


def drawn(rng: Random, vertices: int = VERTICES) -> Graph:
    """A random cell of at most so many vertices; all isomorphism classes are equally likely.

    It draws from all numberings of all cells until the numbering is the cell's representative.
    """
    matrices, weights = _matrices(vertices)
    while True:
        [(edges, interior)] = rng.choices(matrices, cum_weights=weights)
        graph = Graph(edges, tuple(rng.randrange(len(OPERATIONS)) for _ in range(interior)))
        if representative(graph) == graph:
            return graph


@cache
def _matrices(vertices: int) -> tuple[list[tuple[Edges, int]], list[int]]:
    """The edges and the number of inner vertices of all matrices; cumulated counts of cells."""
    found = [(edges, v - 2) for v in range(2, vertices + 1) for edges in _pruned_matrices(v)]
    return found, list(accumulate(len(OPERATIONS) ** interior for _, interior in found))


def _pruned_matrices(vertices: int) -> Iterator[Edges]:
    """Every set of at most nine edges with every vertex on a path."""

    def extended(edges: Edges, target: int) -> Iterator[Edges]:
        if target == vertices:
            if len({source for source, _ in edges}) == vertices - 1:
                yield tuple(sorted(edges))
            return
        room = MAX_EDGES - len(edges) - (vertices - 1 - target)  # each later vertex needs one edge
        for count in range(1, min(target, room) + 1):
            for sources in combinations(range(target), count):
                yield from extended((*edges, *((s, target) for s in sources)), target + 1)

    yield from extended((), 1)


@lru_cache(1 << 16)
def representative(graph: Graph) -> Graph:
    """The isomorphic cell that the benchmark enumerates first."""
    edges, numberings = _first_numberings(graph.edges, len(graph.ops))
    named = []
    for places in numberings:
        ops = [0] * len(graph.ops)
        for op, place in zip(graph.ops, places[1:-1], strict=True):
            ops[place - 1] = op
        named.append(tuple(ops))
    return Graph(edges, min(named))


@lru_cache(1 << 16)
def _first_numberings(edges: Edges, interior: int) -> tuple[Edges, list[tuple[int, ...]]]:
    """The numbering of edges that the benchmark enumerates first, and all numberings that give it.

    A numbering contains the new number of every vertex.
    """
    codes = {places: _code(edges, places) for places in _numberings(edges, interior)}
    least = min(codes.values())
    first = [places for places, code in codes.items() if code == least]
    return tuple(sorted((first[0][s], first[0][t]) for s, t in edges)), first


def _code(edges: Edges, places: tuple[int, ...]) -> int:
    """The renumbered edges as bits, column by column: x to y is bit x + y (y - 1) / 2."""
    code = 0
    for source, target in edges:
        code |= 1 << places[source] + places[target] * (places[target] - 1) // 2
    return code


def _numberings(edges: Edges, interior: int) -> Iterator[tuple[int, ...]]:
    """Every numbering in which edges go to higher numbers; input is first, output is last."""
    sources = [0] * (interior + 2)
    for source, target in edges:
        sources[target] |= 1 << source
    places = [0] * (interior + 1) + [interior + 1]

    def numbered(following: int, done: int) -> Iterator[tuple[int, ...]]:
        if following > interior:
            yield tuple(places)
        for vertex in range(1, interior + 1):
            if not done >> vertex & 1 and not sources[vertex] & ~done:
                places[vertex] = following
                yield from numbered(following + 1, done | 1 << vertex)

    yield from numbered(1, 1)


def fingerprint(graph: Graph) -> str:
    """The benchmark's hash (`graph_util.hash_module` of its code): 32 hexadecimal digits.

    The hash of a vertex begins as the MD5 sum of its numbers of edges and its operation (input
    -1, output -2). Then, once for each vertex of the cell, every hash is replaced by the MD5 sum
    of the hashes of its sources, of its targets and of itself. The hash of the cell is the MD5 sum
    of all. Hashes are sorted before each sum, so the numbering does not matter.
    """
    edges, ops = graph
    labels = (-1, *ops, -2)
    sources: list[list[int]] = [[] for _ in labels]
    targets: list[list[int]] = [[] for _ in labels]
    for source, target in edges:
        sources[target].append(source)
        targets[source].append(target)
    degrees = zip(map(len, targets), map(len, sources), labels, strict=True)
    sums = [_md5(str(each)) for each in degrees]
    for _ in labels:
        sums = [
            _md5(f"{_joined(sums, before)}|{_joined(sums, after)}|{own}")
            for own, before, after in zip(sums, sources, targets, strict=True)
        ]
    return _md5(str(sorted(sums)))


def _joined(sums: list[str], vertices: list[int]) -> str:
    return "".join(sorted(sums[vertex] for vertex in vertices))


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
