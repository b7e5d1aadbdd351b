"""DARTS: two cells of four nodes, each the sum of two operations on earlier nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations

from nas import SPACES, Arch, Space
from nas.network import (
    Add,
    AvgPool,
    BatchNorm,
    Builder,
    Concat,
    Conv,
    Crop,
    GlobalAvgPool,
    Linear,
    MaxPool,
    Network,
    Op,
    ReLU,
    Zero,
)
from spaces._darts_notations import CELLS, cells
from spaces._images import Resolution, check_images, sides

OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "none",
)
"""In the order of NAS-Bench-301; `none` is last, so the other numbers stay without it."""
MAX_POOL, AVG_POOL, SKIP, SEP_3X3, SEP_5X5, DIL_3X3, DIL_5X5, NONE = range(8)

PAIRS = tuple(
    (*combinations(range(earlier), 2), *((source, source) for source in range(earlier)))
    for earlier in range(2, 6)
)
"""The possible sources of a node's two edges: two different sources, then one source twice."""

Edge = tuple[int, int]
"""(operation, source). Source 0 is the output of the cell before the previous one, 1 is that of
the previous cell, 2 to 5 are the nodes."""
Cell = tuple[tuple[Edge, ...], ...]
"""The edges of every node."""

EDGE = r"""[(\[]\s*+['"]\w+['"]\s*+,\s*+[0-9]\s*+,?\s*+[)\]]"""
EDGES = rf"[(\[]\s*+(?:{EDGE}\s*+,?\s*+)*+[)\]]"
PLACES = (
    r"(?:range\s*+\(\s*+2\s*+,\s*+6\s*+\)|[(\[]\s*+2\s*+,\s*+3\s*+,\s*+4\s*+,\s*+5\s*+,?\s*+[)\]])"
)
KEY = r"""['"]?{}['"]?\s*+[=:]\s*+"""
NOTATION = re.compile(
    r"\s*+(?:\w++\s*+=\s*+)?+(?:Genotype\s*+\(|\{)\s*+"
    + r"\s*+,\s*+".join(
        rf"{KEY.format(name)}({EDGES})\s*+,\s*+{KEY.format(f'{name}_concat')}{PLACES}"
        for name in ("normal", "reduce")
    )
    + r"\s*+,?\s*+[)}]\s*+"
)
"""The genotype as DARTS prints it, or as JSON with the same keys, as in NDS."""
NAMED = re.compile(r"""['"](\w+)['"]\s*,\s*([0-9])""")


@SPACES.register("darts")
@dataclass(frozen=True)
class DARTS(Space):
    """DARTS (Liu et al. 2019, arXiv:1806.09055): a normal and a reduction cell.

    A node adds two operations on two different earlier nodes; the cell's output is the
    concatenation of all four nodes. Each cell has twelve decisions, the normal cell first. For
    every node they are the sources of its edges (index in `PAIRS`) and the operations of both
    edges (index in `OPERATIONS`).

    Macro: a 3x3 stem of 3 x `channels`; `layers` cells; a spatial mean and a linear classifier.
    The cells at one third and two thirds are reduction cells, which double the channels. The
    auxiliary head of training is left out; published parameters do not count it either.

    Defaults: NAS-Bench-301 (Zela et al. 2022, arXiv:2008.09777), which has no `none`
    (`none=False`, 10^18 architectures). DARTS's own CIFAR-10 networks: channels=36, layers=20. NDS
    (Radosavovic et al. 2019, arXiv:1905.13214): channels of 16, 24 or 32, layers of 4, 8, 12, 16
    or 20, all eight operations, and both edges of a node may have one source (`repeats=True`).

    No weights are published for epsilon here. Every path goes through 1x1 convolutions, so with
    1e-7 all of 50 random architectures underflow. With 1e-3 they all have a score (46 of them with
    20 layers and 36 channels), ranked as by 1e-7 without underflow (rho .99, and .96).
    """

    channels: int = 32
    layers: int = 8
    classes: int = 10
    resolution: Resolution = 32
    none: bool = True
    repeats: bool = False
    input_channels: int = 3

    shared_weights = (1e-3, 1.0)
    release = (
        "NAS-Bench-301's surrogate models and the results that they were fitted to are linked "
        "from https://github.com/automl/nasbench301, NDS's results from "
        "https://github.com/facebookresearch/nds."
    )

    def __post_init__(self) -> None:
        for name, least in (("channels", 1), ("layers", 3), ("classes", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}={getattr(self, name)} must be at least {least}")
        check_images(self, 4, "4: it is halved twice")
        operations = len(OPERATIONS) - (not self.none)
        choices: list[int] = []
        for earlier, pairs in enumerate(PAIRS, start=2):
            choices += (len(pairs) - (0 if self.repeats else earlier), operations, operations)
        object.__setattr__(self, "choices", tuple(2 * choices))

    def parse(self, text: str) -> Arch:
        """The cells of a genotype, of pairs of numbers, or of a config of NAS-Bench-301.

        The genotype is as DARTS prints it. The pairs are NASLib's and BANANAS's compact form, the
        normal and the reduction cell, each eight times (source, operation), the operation as its
        place in `OPERATIONS`. The config has the keys of NAS-Bench-301's ConfigSpace.
        """
        match = NOTATION.fullmatch(text)
        found = None if match else cells(text, OPERATIONS if self.none else OPERATIONS[:NONE])
        if match is None and found is None:
            raise ValueError(
                f"'{text}' is not a DARTS genotype: write Genotype(normal=[('sep_conv_3x3', 0), "
                "…], normal_concat=[2, 3, 4, 5], reduce=[…], reduce_concat=[2, 3, 4, 5])"
            )
        if match is not None:
            found = {n: NAMED.findall(e) for n, e in zip(CELLS, match.groups(), strict=True)}
        return tuple(
            decision
            for name, edges in (found or {}).items()
            for decision in self._decisions(name, edges)
        )

    def _decisions(self, cell: str, edges: Sequence[tuple[str, str]]) -> Iterator[int]:
        """The decisions of one cell, given as (operation, source) texts.

        Raises ValueError if it is not a cell of this space.
        """
        operations = OPERATIONS if self.none else OPERATIONS[:NONE]
        if len(edges) != 8:
            raise ValueError(f"the {cell} cell has {len(edges)} edges instead of 8, two a node")
        for name, _ in edges:
            if name not in operations:
                raise ValueError(
                    f"'{name}' is none of the operations {', '.join(operations)} of this space"
                )
        for node, pairs in enumerate(PAIRS):
            two = sorted(edges[2 * node : 2 * node + 2], key=lambda edge: edge[1])
            sources = tuple(int(source) for _, source in two)
            allowed = "two earlier nodes" + (", which may be one" * self.repeats)
            if sources not in pairs or (sources[0] == sources[1] and not self.repeats):
                raise ValueError(
                    f"node {node + 2} of the {cell} cell has the sources {sources} instead of "
                    f"{allowed}"
                )
            yield pairs.index(sources)
            yield from (operations.index(name) for name, _ in two)

    def format(self, arch: Arch) -> str:
        texts = []
        for name, cell in zip(("normal", "reduce"), _cells(arch), strict=True):
            edges = [(OPERATIONS[op], source) for node in cell for op, source in node]
            texts.append(f"{name}={edges}, {name}_concat=[2, 3, 4, 5]")
        return f"Genotype({', '.join(texts)})"

    def canonical(self, arch: Arch) -> Arch:
        """The first of the equal architectures, in the order of tuples.

        The order of a cell's nodes only permutes the channels of its output, so it does not
        matter if the weights are permuted, too. The source of `none` does not matter, and every
        operation on zeros gives zeros (shifts of norms are 0 before training). Some architectures
        with the same function stay different: those with a node that only passes on another node
        by a skip, and those that an empty cell makes equal.
        """
        normal, reduction = _cells(arch)
        return _form(normal) + _form(reduction)

    @property
    def inputs(self) -> tuple[int, ...]:
        return self.input_channels, *sides(self.resolution)

    def network(self, arch: Arch) -> Network:
        net = Builder(self.inputs)
        normal, reduction = _cells(arch)
        width, stem = self.channels, 3 * self.channels
        with net.scope("stem"):
            node = net.mark(
                net.chain(
                    net.input, Conv(self.input_channels, stem, 3, padding=1), BatchNorm(stem)
                )
            )
        before = last = (node, stem)
        halved = False  # whether the output before the last is twice as large as the last
        for layer in range(self.layers):
            halves = layer in (self.layers // 3, 2 * self.layers // 3)
            width *= 2 if halves else 1
            with net.scope("cells", layer):
                with net.scope("preprocess", 0):
                    read = _halved if halved else _projected
                    first = read(net, *before, width)
                with net.scope("preprocess", 1):
                    second = _projected(net, *last, width)
                cell = reduction if halves else normal
                node = _cell(net, (first, second), cell, width, halves)
            before, last, halved = last, (net.mark(node), 4 * width), halves
        with net.scope("head"):
            net.chain(node, GlobalAvgPool(), Linear(4 * width, self.classes))
        return net.build()


def _cells(arch: Arch) -> tuple[Cell, Cell]:
    """The normal and the reduction cell."""
    normal, reduction = (
        tuple(
            tuple(zip(decisions[i + 1 : i + 3], pairs[decisions[i]], strict=True))
            for i, pairs in zip(range(0, 12, 3), PAIRS, strict=True)
        )
        for decisions in (arch[:12], arch[12:])
    )
    return normal, reduction


def _projected(net: Builder, source: int, channels: int, width: int) -> int:
    return net.chain(source, ReLU(), Conv(channels, width, 1), BatchNorm(width))


def _halved(net: Builder, source: int, channels: int, width: int) -> int:
    """Half of the channels read every second pixel, half read the pixels diagonally between."""
    source = net.add(ReLU(), source)
    conv = Conv(channels, width // 2, 1, stride=2)
    halves = net.add(conv, source), net.chain(source, Crop(), conv)
    return net.add(BatchNorm(width), net.add(Concat(), *halves))


@cache
def _layers(operation: int, width: int, stride: int) -> tuple[Op, ...]:
    """The chain of layers of an operation."""
    if operation in (MAX_POOL, AVG_POOL):
        return ((MaxPool if operation == MAX_POOL else AvgPool)(3, stride, 1),)
    kernel = 3 if operation in (SEP_3X3, DIL_3X3) else 5
    if operation in (DIL_3X3, DIL_5X5):
        return _separable(width, kernel, stride, dilation=2)
    return (*_separable(width, kernel, stride), *_separable(width, kernel, 1))


def _separable(width: int, kernel: int, stride: int, dilation: int = 1) -> tuple[Op, ...]:
    padding = dilation * (kernel // 2)
    depthwise = Conv(width, width, kernel, stride, padding, dilation, groups=width)
    return ReLU(), depthwise, Conv(width, width, 1), BatchNorm(width)


def _edge(net: Builder, source: int, operation: int, width: int, stride: int) -> int:
    """Add the layers of an operation other than `none`; returns the last of them."""
    if operation == SKIP:
        return source if stride == 1 else _halved(net, source, width, width)
    return net.chain(source, *_layers(operation, width, stride))


def _cell(net: Builder, inputs: tuple[int, int], cell: Cell, width: int, halves: bool) -> int:
    """Add a cell; returns its concatenated nodes. With `halves`, reading an input halves it."""
    nodes = list(inputs)
    number = -1
    for edges in cell:
        terms = []
        for operation, source in edges:
            number += 1
            if operation != NONE:
                stride = 2 if halves and source < 2 else 1
                with net.scope("edges", number):
                    terms.append(_edge(net, nodes[source], operation, width, stride))
        with net.scope("nodes", len(nodes)):
            if not terms:
                terms.append(net.add(Zero(stride=2 if halves else 1), inputs[0]))
            nodes.append(terms[0] if len(terms) == 1 else net.add(Add(), *terms))
    return net.add(Concat(), *nodes[2:])


def _form(cell: Cell) -> tuple[int, ...]:
    """The decisions of the cell that are first in the order of tuples, over all node orders."""
    something = _something(cell)
    forms = []
    for order in permutations(range(2, 6)):  # every order of the nodes
        place = {0: 0, 1: 1} | {node: n for n, node in enumerate(order, start=2)}
        if all(place[s] < place[node] for node in order for _, s in something[node - 2]):
            edges = ([(op, place[s]) for op, s in something[node - 2]] for node in order)
            forms.append(tuple(d for n, two in enumerate(edges) for d in _written(n, two)))
    return min(forms)


def _something(cell: Cell) -> Cell:
    """The edges that are not always zero."""
    nodes: list[tuple[Edge, ...]] = []
    for edges in cell:
        nodes.append(
            tuple(
                (op, source)
                for op, source in edges
                if op != NONE and (source < 2 or nodes[source - 2])
            )
        )
    return tuple(nodes)


def _written(node: int, edges: list[Edge]) -> tuple[int, int, int]:
    """The decisions of a node with up to two edges; `none` gets the first free source."""
    while len(edges) < 2:
        taken = {source for _, source in edges}
        edges = [*edges, (NONE, min({0, 1} - taken))]
    first, second = sorted(edges, key=lambda edge: edge[::-1])
    return PAIRS[node].index((first[1], second[1])), first[0], second[0]
