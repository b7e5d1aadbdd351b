"""Parts that NAS-Bench-201 shares with spaces that have similar cells or blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import permutations, product
from typing import Any, Literal

from nas import Arch
from nas.network import Add, AvgPool, BatchNorm, Builder, Conv, ReLU

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(from, to) of every decision about a cell, in the order of the published string."""

LATER = tuple(source > 0 for source, _ in EDGES)
"""Whether each edge comes from another node than the input."""

INTO = tuple(
    tuple((number, source) for number, (source, end) in enumerate(EDGES) if end == target)
    for target in (1, 2, 3)
)
"""For every node but the first, the edges that end there: (decision, from)."""


@cache
def relu_conv_norm(
    inputs: int, outputs: int, kernel: int, stride: int = 1
) -> tuple[ReLU, Conv, BatchNorm]:
    """ReLU, convolution and batch norm: these benchmarks call this a convolution."""
    conv = Conv(inputs, outputs, kernel, stride, padding=kernel // 2)
    return ReLU(), conv, BatchNorm(outputs)


def residual(net: Builder, node: int, inputs: int, outputs: int) -> int:
    """A block of two 3x3 convolutions that halves the resolution."""
    convs = (*relu_conv_norm(inputs, outputs, 3, 2), *relu_conv_norm(outputs, outputs, 3))
    inner = net.chain(node, *convs)
    with net.scope("shortcut"):
        shortcut = net.chain(node, AvgPool(2, 2), Conv(inputs, outputs, 1))
    return net.add(Add(), inner, shortcut)


def cell(
    net: Builder,
    node: int,
    arch: Arch,
    edge: Callable[[int, int, int], int | None],
    zeros: Callable[[], int],
) -> int:
    """Add a cell of four nodes, each the sum of the edges that end there; returns its last layer.

    `edge(option, source, layer)` adds the layers of an edge from the node `source`, whose layer is
    `layer`, or returns None if the edge gives nothing. `zeros()` adds the layer of a node without
    edges.
    """
    nodes = [node]
    for target, edges in enumerate(INTO, 1):
        terms = []
        for number, source in edges:
            with net.scope("edges", number):
                term = edge(arch[number], source, nodes[source])
            if term is not None:
                terms.append(term)
        with net.scope("nodes", target):
            if not terms:
                nodes.append(zeros())
            else:
                nodes.append(terms[0] if len(terms) == 1 else net.add(Add(), *terms))
    return nodes[-1]


# The canonical form. A node's value is a sum of terms: (atom, how often it was pooled), where an
# atom is the cell's input (0) or a convolution (1 + its edge); each with how often it is there.
Value = dict[tuple[int, int], int]
Key = tuple[Any, ...]

UNUSED = -1
"""In place of the option of an edge that cannot change the output."""

Kind = Literal["nothing", "skip", "pool", "conv"]
"""What an edge does with its source."""

Kinds = Sequence[tuple[Kind, Kind]]
"""The two kinds of every option: on edges from the input, and on edges from other nodes."""


def representatives(kinds: Kinds) -> dict[Arch, Arch]:
    """Every cell's canonical form: the first cell that computes the same function.

    Two cells are the same if their outputs are the same sum for every input and all weights of the
    convolutions. Weights may be exchanged between convolutions of the same option.
    """
    first: dict[Key, Arch] = {}
    keys: dict[Arch, Key] = {}
    found = {}
    there = [[kind != "nothing" for kind in each] for each in kinds]
    for arch in product(range(len(kinds)), repeat=len(EDGES)):
        used = _used(
            tuple([there[option][part] for option, part in zip(arch, LATER, strict=True)])
        )
        rest = tuple([option if use else UNUSED for option, use in zip(arch, used, strict=True)])
        if rest not in keys:
            keys[rest] = min(_keys(rest, kinds))
        found[arch] = first.setdefault(keys[rest], arch)
    return found


@cache
def _used(given: tuple[bool, ...]) -> tuple[bool, ...]:
    """Whether each edge carries something from the input to the output; `given` edges do not stop.

    >>> _used((True, True, False, False, False, True))
    (False, True, False, False, False, True)
    """
    filled, reaching = {0}, {3}
    for there, (source, target) in zip(given, EDGES, strict=True):
        if there and source in filled:
            filled.add(target)
    for there, (source, target) in reversed([*zip(given, EDGES, strict=True)]):
        if there and target in reaching:
            reaching.add(source)
    return tuple(
        there and source in filled and target in reaching
        for there, (source, target) in zip(given, EDGES, strict=True)
    )


def _values(arch: Arch, kinds: Kinds) -> tuple[Value, dict[int, tuple[int, Value]]]:
    """The output as a sum of terms, and the option and the argument of every convolution."""
    nodes: list[Value] = [{(0, 0): 1}, {}, {}, {}]
    convs: dict[int, tuple[int, Value]] = {}
    for edge, (option, (source, target)) in enumerate(zip(arch, EDGES, strict=True), start=1):
        if option == UNUSED:
            continue
        value, total = nodes[source], nodes[target]
        kind = kinds[option][source > 0]
        if kind == "conv":
            convs[edge] = (option, value)
            total[edge, 0] = 1
        else:
            for (atom, pooled), times in value.items():
                term = atom, pooled + (kind == "pool")
                total[term] = total.get(term, 0) + times
    return nodes[3], convs


def _keys(arch: Arch, kinds: Kinds) -> Iterator[Key]:
    """The function of a cell without idle edges as a key, for ways to number its convolutions.

    Convolutions are in the order of their expressions. Only those with equal expressions, such as
    two of the input, are exchanged.
    """
    output, convs = _values(arch, kinds)
    expressions: dict[int, Key] = {0: ()}
    for atom, (option, value) in convs.items():  # an argument has earlier convolutions only
        expressions[atom] = (option, *_written(value, expressions))
    alike: dict[Key, list[int]] = {}
    for atom in sorted(convs, key=expressions.__getitem__):
        alike.setdefault(expressions[atom], []).append(atom)
    for orders in product(*map(permutations, alike.values())):
        order = [atom for part in orders for atom in part]
        names = {0: 0} | {atom: place for place, atom in enumerate(order, start=1)}
        arguments = [(convs[atom][0], _written(convs[atom][1], names)) for atom in order]
        yield (_written(output, names), *arguments)


def _written(value: Value, names: Mapping[int, Any]) -> Key:
    """A sum's terms in the order of their names."""
    terms = [(names[atom], pool, times) for (atom, pool), times in value.items()]
    terms.sort()
    return tuple(terms)
