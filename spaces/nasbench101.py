"""NAS-Bench-101: one cell of up to seven vertices and nine edges, three operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import TYPE_CHECKING

from nas import SPACES, Arch, Space
from nas.network import (
    Add,
    BatchNorm,
    Builder,
    Concat,
    Conv,
    GlobalAvgPool,
    Linear,
    MaxPool,
    Narrow,
    Network,
    Op,
    ReLU,
)
from nas.notation import tidied
from nas.storage.literals import literal
from spaces._images import Resolution, check_images, sides
from spaces._nasbench101_graphs import (
    MAX_EDGES,
    OPERATIONS,
    PAIRS,
    VERTICES,
    Graph,
    drawn,
    edges_of,
    embedded,
    fingerprint,
    on_a_path,
    pruned,
    representative,
)

if TYPE_CHECKING:
    pass

CONV_3X3, CONV_1X1, MAX_POOL = range(len(OPERATIONS))
RELEASED = ("module_adjacency", "module_operations")
"""The keys of a cell in the official release."""


@SPACES.register("nasbench101")
@dataclass(frozen=True)
class NASBench101(Space):
    """NAS-Bench-101: 423,624 cells for small images (Ying et al. 2019, arXiv:1902.09635).

    Decisions: for each of the 21 pairs of vertices (`PAIRS`) whether there is an edge, then the
    operations (index in `OPERATIONS`) of the vertices 1 to 5. Vertices on no path from the input,
    0, to the output, 6, do not count, and at most nine edges may count. A smaller cell has its
    vertices in the first places; the others have no edges and the first operation.

    Macro: a 3x3 stem, `stacks` stacks of `cells` cells with `channels`, 2x, 4x, ... channels, a
    max-pool of stride 2 between stacks, then a spatial mean and a linear classifier. The inputs of
    a vertex are added, the inputs of the output are concatenated, and every edge from the cell's
    input has a 1x1 convolution. Everything is as in the official `model_builder`, also the
    parameters; only the momentum of the norms' running statistics is PyTorch's and not .997.

    If the channels cannot be divided evenly, the vertices' numbers decide which of them have one
    more. The benchmark trained one numbering of every cell (`canonical`). The network always uses
    this numbering, so isomorphic cells have equal networks.
    """

    channels: int = 128
    stacks: int = 3
    cells: int = 3
    classes: int = 10
    resolution: Resolution = 32
    input_channels: int = 3

    choices = (2,) * len(PAIRS) + (len(OPERATIONS),) * (VERTICES - 2)
    shared_weights = (1e-4, 10.0)
    columns = ("matrix", "ops")
    release = (
        "the official releases are nasbench_full.tfrecord and nasbench_only108.tfrecord, linked "
        "from https://github.com/google-research/nasbench, and of these nas reads neither: make a "
        "table with the columns matrix (rows joined by ;) and ops (joined by |)."
    )

    def __post_init__(self) -> None:
        for name in ("stacks", "cells", "classes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1")
        if self.channels < VERTICES - 2:
            raise ValueError(
                f"channels={self.channels} must be at least {VERTICES - 2}: so many vertices may "
                "share them"
            )
        least = 2 ** (self.stacks - 1)
        why = f"{least}: it is halved between stacks, and stacks={self.stacks}"
        check_images(self, least, why)

    @property
    def size(self) -> int:
        """Number of different cells (canonical forms).

        It is the number in the paper and in the official README; tests count it in two ways.
        """
        return 423_624

    def sample(self, rng: Random) -> Arch:
        """A random cell in its canonical form; all cells are equally likely.

        The benchmark's own random search draws tuples until one is valid. This favours small
        cells, because more tuples give the same small cell: 4 of 1,000 such draws have all seven
        vertices on a path, but 848 of 1,000 cells have. (Measured over 10,000 draws, which gave
        2,955 different cells.)
        """
        return embedded(drawn(rng))

    def valid(self, arch: Arch) -> bool:
        """Whether there is a path from input to output, and at most nine edges are on paths.

        This is the official rule: `ModelSpec` prunes, then `NASBench` counts.
        """
        edges = edges_of(arch)
        kept = on_a_path(edges)
        return kept > 0 and sum(kept >> s & kept >> t & 1 for s, t in edges) <= MAX_EDGES

    def canonical(self, arch: Arch) -> Arch:
        """The one numbering of the pruned cell that the benchmark trained.

        It is the first numbering in the order in which the benchmark enumerates cells: first by
        the matrix as a number, whose bits are its columns from the last to the first, then by the
        operations. Two cells have the same form if and only if they are isomorphic.
        """
        return embedded(representative(pruned(arch)))

    def fingerprint(self, arch: Arch) -> str:
        """The benchmark's own name of a cell, `module_hash`; isomorphic cells have the same."""
        return fingerprint(pruned(arch))

    def parse(self, text: str) -> Arch:
        """The cell of matrix and operations as one text, or as the benchmark's API takes them.

        The latter are `(matrix, ops)`, or a mapping with these keys or with those of the release,
        `module_adjacency` and `module_operations`.
        """
        matrix, _, names = tidied(_joined(text), ";|").partition(" ")
        rows, ops = matrix.split(";"), names.split("|")
        if why := _fault(rows, ops):
            raise ValueError(f"'{text:.200}' is not a NAS-Bench-101 cell: {why}")
        edges = ((s, t) for s, t in combinations(range(len(rows)), 2) if rows[s][t] == "1")
        arch = embedded(Graph(tuple(edges), tuple(map(OPERATIONS.index, ops[1:-1]))))
        if not self.valid(arch):
            raise ValueError(
                f"'{text:.200}' is not a NAS-Bench-101 cell: its input must lead to its output, "
                f"with at most {MAX_EDGES} edges on the way"
            )
        return arch

    def format(self, arch: Arch) -> str:
        """Matrix and operations, not pruned; a smaller cell has a smaller matrix."""
        edges, ops = edges_of(arch), arch[len(PAIRS) :]
        joined = {vertex for edge in edges for vertex in edge}
        while ops and ops[-1] == CONV_3X3 and len(ops) not in joined:
            ops = ops[:-1]
        output = len(ops) + 1
        there = {(s, output if t == VERTICES - 1 else t) for s, t in edges}
        numbers = range(output + 1)
        rows = ("".join("01"[(s, t) in there] for t in numbers) for s in numbers)
        names = ("input", *(OPERATIONS[op] for op in ops), "output")
        return f"{';'.join(rows)} {'|'.join(names)}"

    @property
    def inputs(self) -> tuple[int, ...]:
        return self.input_channels, *sides(self.resolution)

    def network(self, arch: Arch) -> Network:
        graph = representative(pruned(arch))
        net = Builder(self.inputs)
        before = width = self.channels
        with net.scope("stem"):
            node = net.mark(net.chain(net.input, *_conv(self.input_channels, width, 3)))
        for stack in range(self.stacks):
            if stack:
                with net.scope("stacks", stack):
                    node = net.add(MaxPool(2, 2), node)
                width *= 2
            for number in range(self.cells):
                with net.scope("stacks", stack, "cells", number):
                    node = net.mark(_cell(net, node, graph, before, width))
                before = width
        with net.scope("head"):
            net.chain(node, GlobalAvgPool(), Linear(width, self.classes))
        return net.build()


def _fault(rows: Sequence[str], ops: Sequence[str]) -> str:
    """What is wrong with a cell's matrix or operations, in words; empty if nothing is."""
    count = len(rows)
    if count == 1 or ops == [""]:
        return (
            f"write the rows of its upper triangular matrix of 2 to {VERTICES} vertices and then "
            f"its operations, such as '011;001;000 input|{OPERATIONS[0]}|output', those between "
            f"one of {', '.join(OPERATIONS)}"
        )
    if count > VERTICES:
        return f"its matrix has {count} rows, and at most {VERTICES} are allowed"
    for place, row in enumerate(rows):
        if strange := [entry for entry in row if entry not in "01"]:
            return f"row {place + 1} of its matrix has '{strange[0]}', and must have 0 and 1 only"
        if len(row) != count:
            return f"its matrix must be square: row {place + 1} has {len(row)} of {count} entries"
        if "1" in row[: place + 1]:
            column = row.index("1") + 1
            return (
                f"its matrix must be upper triangular, and has a 1 in row {place + 1}, column "
                f"{column}: an edge goes to a later vertex"
            )
    if (ops[0], ops[-1]) != ("input", "output"):
        return f"its operations must begin with input and end with output: {'|'.join(ops):.100}"
    if unknown := [op for op in ops[1:-1] if op not in OPERATIONS]:
        return f"there is no operation '{unknown[0]:.40}': take {', '.join(OPERATIONS)}"
    if len(ops) != count:
        return f"it has {len(ops)} operations, and its matrix has {count} rows"
    return ""


def _joined(text: str) -> str:
    """The one text of a matrix and operations given as lists; any other text as it is."""
    found = literal(text) if text[:1] in ("{", "[", "(") else None
    if isinstance(found, dict):
        keys = ("matrix", "ops") if "matrix" in found else RELEASED
        found = [found.get(key) for key in keys]
    if not isinstance(found, list) or len(found) != 2:
        return text
    matrix, ops = found
    if not isinstance(matrix, list) or not isinstance(ops, list):
        return text
    if not all(isinstance(row, list) for row in matrix):
        return text
    rows = ("".join(str(int(n) if n in (0, 1) else n) for n in row) for row in matrix)
    return f"{';'.join(rows)} {'|'.join(map(str, ops))}"


def _conv(inputs: int, outputs: int, kernel: int) -> tuple[Op, ...]:
    conv = Conv(inputs, outputs, kernel, padding=kernel // 2)
    return conv, BatchNorm(outputs), ReLU()


def _operation(op: int, width: int) -> tuple[Op, ...]:
    if op == MAX_POOL:
        return (MaxPool(3, 1, 1),)
    return _conv(width, width, 3 if op == CONV_3X3 else 1)


def _widths(graph: Graph, width: int) -> list[int]:
    """Channels of every vertex (those of the input are not used).

    The vertices that feed the output share its channels; the first of them get the remainder. Each
    other vertex has as many channels as the widest vertex that it feeds.
    """
    edges, ops = graph
    output = len(ops) + 1
    widths = [0] * output + [width]
    ends = [source for source, target in edges if target == output and source]
    for place, vertex in enumerate(ends):
        widths[vertex] = width // len(ends) + (place < width % len(ends))
    for vertex in range(len(ops), 0, -1):
        widths[vertex] = widths[vertex] or max(widths[t] for s, t in edges if s == vertex)
    return widths


def _cell(net: Builder, node: int, graph: Graph, before: int, width: int) -> int:
    """Add a cell that maps a layer of `before` channels to `width` channels."""
    widths = _widths(graph, width)
    nodes = [node]
    for vertex, op in enumerate((*graph.ops, None), start=1):
        own = widths[vertex]
        inner = [source for source, target in graph.edges if target == vertex and source]
        terms = [nodes[source] for source in inner]
        with net.scope("output") if op is None else net.scope("vertices", vertex):
            if op is not None:
                terms = [
                    n if widths[s] == own else net.add(Narrow(own), n)
                    for s, n in zip(inner, terms, strict=True)
                ]
            elif len(terms) > 1:
                terms = [net.add(Concat(), *terms)]
            if (0, vertex) in graph.edges:
                with net.scope("projection"):
                    terms.append(net.chain(node, *_conv(before, own, 1)))
            total = terms[0] if len(terms) == 1 else net.add(Add(), *terms)
            nodes.append(total if op is None else net.chain(total, *_operation(op, own)))
    return nodes[-1]
