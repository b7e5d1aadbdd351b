"""A network as a program for compiled code: arrays of numbers, equal channels only once.

A program depends on the network alone, not on the batch or the weights. It says which distinct
maps there are and how each of them is computed from others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.collapse.cutting import ends, pieces
from nas.network import (
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    Crop,
    GlobalAvgPool,
    Input,
    Linear,
    MaxPool,
    Narrow,
    Network,
    Op,
    ReLU,
    Scale,
    Shape,
    Sigmoid,
    SiLU,
    Zero,
)

PLANE, RELU, NORM, ADD, MIX, BOX, POOL, MOST, MEAN, GATE, SIGMOID, SCALE = range(12)
"""Kinds of nodes. Only a sum (`ADD`) and a product (`SCALE`) have several sources.

- `PLANE`: a channel of the input, or the sum of all its channels;
- `RELU`: max(x, 0);
- `NORM`: a batch norm;
- `ADD`: a sum;
- `MIX`: the weight times the source;
- `BOX`: the weight times the sums over windows;
- `POOL`: means over windows;
- `MOST`: maxima over windows;
- `MEAN`: the spatial mean;
- `GATE`: x times the sigmoid of x;
- `SIGMOID`: the sigmoid of a number for each image;
- `SCALE`: a map times a number for each image.

`kernels` has these numbers compiled in. If you change them, change that file too: otherwise Numba
does not compile it again."""

ZERO = -1
"""Stands in place of a node for a map of zeros."""

Segments = tuple[tuple[int, int], ...]
"""A tensor: its channels in order, as (node, number of equal channels)."""

Window = tuple[int, int, int, int]
"""Kernel, stride, padding, dilation."""

POINT: Window = (1, 1, 0, 1)
"""The window that is the pixel itself."""


class Program(NamedTuple):
    """Distinct maps as nodes; a node stands after all of its sources.

    Node i is `nodes[i]` = (kind, kernel, stride, padding, dilation, height, width). Its sources
    are the nodes `sources[k]`, each times exp(gains[k]), for first[i] <= k < first[i + 1]. The
    source of a plane is the index of its channel, or the number of channels if the plane is their
    sum. `eps[i]` belongs to a norm. `outputs` are the nodes of the network's output.
    """

    nodes: NDArray[np.int64]
    eps: NDArray[np.float64]
    first: NDArray[np.int64]
    sources: NDArray[np.int64]
    gains: NDArray[np.float64]
    outputs: NDArray[np.int64]


def has_gates(program: Program) -> bool:
    """Whether a program has gates, sigmoids or products, which few networks have."""
    return bool((program.nodes[:, 0] >= GATE).any())


class UnknownOpError(Exception):
    """An operation, or a shape, that programs do not have."""


def written(network: Network) -> tuple[Program, Segments]:
    """The network's program, and its output as segments.

    A node in these segments is an index into `Program.outputs`, or `ZERO`. Equal nodes are written
    once. UnknownOpError for what programs do not have: an operation, or signals, whose channels
    are neither images nor numbers.

    >>> from nas.network import Builder, Conv
    >>> net = Builder((3, 8, 8))
    >>> _ = net.add(Conv(3, 16, kernel=3, padding=1), net.input)
    >>> program, segments = written(net.build())
    >>> segments  # sixteen equal channels
    ((0, 16),)
    >>> len(program.nodes)  # three channels, their sum, and the sums over its windows
    5
    """
    writer = _Writer()
    shapes = network.shapes
    if other := next((shape for shape in shapes if len(shape) not in (1, 3)), None):
        raise UnknownOpError(f"programs have no tensors of shape {other}")
    tensors: list[Segments] = []
    for layer, shape in zip(network.layers, shapes, strict=True):
        inputs = [tensors[index] for index in layer.inputs]
        before = shapes[layer.inputs[0]] if inputs else shape
        tensors.append(writer.layer(layer.op, inputs, before, shape))
    outputs = sorted({node for node, _ in tensors[-1]} - {ZERO})
    place = {node: index for index, node in enumerate(outputs)} | {ZERO: ZERO}
    return writer.program(outputs), tuple((place[node], count) for node, count in tensors[-1])


class _Writer:
    """Collects the nodes of a program, as flat lists."""

    def __init__(self) -> None:
        self.known: dict[object, int] = {}
        self.nodes: list[int] = []
        self.eps: list[float] = []
        self.first = [0]
        self.sources: list[int] = []
        self.times: list[int] = []
        self.planes: tuple[int, ...] = ()

    def program(self, outputs: Sequence[int]) -> Program:
        return Program(
            np.array(self.nodes, np.int64).reshape(-1, 7),
            np.array(self.eps, np.float64),
            np.array(self.first, np.int64),
            np.array(self.sources, np.int64),
            np.log(np.array(self.times, np.float64)),
            np.array(outputs, np.int64),
        )

    def layer(self, op: Op, inputs: Sequence[Segments], before: Shape, shape: Shape) -> Segments:
        """One layer's output. Its first input has the shape `before`, the output has `shape`."""
        match op:
            case ReLU():
                return self._each(RELU, shape, inputs[0])
            case BatchNorm():
                return self._each(NORM, shape, inputs[0], eps=op.eps)
            case Conv():
                return self._conv(op, inputs[0], before, shape)
            case Add():
                return self._add(inputs, shape)
            case AvgPool() | MaxPool():
                kind = POOL if isinstance(op, AvgPool) else MOST
                return self._each(kind, shape, inputs[0], (op.kernel, op.stride, op.padding, 1))
            case Crop():  # windows of one pixel; the first window is at the second pixel
                return self._each(MOST, shape, inputs[0], (1, 1, -1, 1))
            case SiLU():
                return self._each(GATE, shape, inputs[0])
            case Sigmoid() if len(shape) == 1 and all(node != ZERO for node, _ in inputs[0]):
                return self._each(SIGMOID, shape, inputs[0])
            case Scale():
                return _merged(
                    (ZERO if ZERO in nodes else self._node(SCALE, shape, nodes, (1, 1)), count)
                    for nodes, count in _columns(inputs)
                )
            case GlobalAvgPool():
                return self._each(MEAN, shape, inputs[0])
            case Linear():
                return ((self._mixed(MIX, inputs[0], before, shape), op.out_features),)
            case Narrow():
                return next(_parts(inputs[0], op.channels))
            case Concat():
                return _merged(segment for segments in inputs for segment in segments)
            case Zero():
                return ((ZERO, shape[0]),)
            case Input():
                self.planes = tuple(self._node(PLANE, shape, (i,)) for i in range(shape[0]))
                return tuple((plane, 1) for plane in self.planes)
        raise UnknownOpError(f"programs have no {op}")

    def _node(
        self,
        kind: int,
        shape: Shape,
        sources: tuple[int, ...],
        times: tuple[int, ...] = (1,),
        window: Window = POINT,
        eps: float = 0.0,
    ) -> int:
        """The index of the node with these properties; a new node if there is none yet."""
        key = (kind, sources, times, window, eps)
        index = self.known.get(key)
        if index is None:
            index = self.known[key] = len(self.eps)
            self.nodes += (kind, *window, *(shape[1:] or (1, 1)))
            self.eps.append(eps)
            self.sources += sources
            self.times += times
            self.first.append(len(self.sources))
        return index

    def _each(
        self, kind: int, shape: Shape, segments: Segments, window: Window = POINT, eps: float = 0.0
    ) -> Segments:
        """A node for every segment, except that zeros stay zeros."""
        each = [
            (node if node == ZERO else self._node(kind, shape, (node,), (1,), window, eps), count)
            for node, count in segments
        ]
        return tuple(each)

    def _total(self, terms: Segments, shape: Shape) -> tuple[int, int]:
        """The sum of all the channels: a node, and the number that it is multiplied by."""
        if len(terms) == 1:
            return terms[0]
        totals: dict[int, int] = {}
        for node, count in terms:
            if node != ZERO:
                totals[node] = totals.get(node, 0) + count
        if len(totals) < 2:
            return next(iter(totals.items()), (ZERO, 1))
        sources, times = tuple(totals), tuple(totals.values())
        if sources == self.planes and set(times) == {1}:
            return self._node(PLANE, shape, (len(sources),)), 1
        return self._node(ADD, shape, sources, times), 1

    def _conv(self, op: Conv, segments: Segments, before: Shape, shape: Shape) -> Segments:
        channels, group = op.in_channels // op.groups, op.out_channels // op.groups
        window = (op.kernel, op.stride, op.padding, op.dilation)
        kind = MIX if window == POINT else BOX
        if op.groups == 1:
            return ((self._mixed(kind, segments, before, shape, window), op.out_channels),)
        return _merged(
            (self._mixed(kind, part, before, shape, window), group)
            for part in _parts(segments, channels)
        )

    def _mixed(
        self, kind: int, segments: Segments, before: Shape, shape: Shape, window: Window = POINT
    ) -> int:
        """The weight times the sum of all the channels (MIX), or times sums over windows (BOX)."""
        node, times = self._total(segments, before)
        if node == ZERO:
            return ZERO
        return self._node(kind, shape, (node,), (times,), window)

    def _add(self, inputs: Sequence[Segments], shape: Shape) -> Segments:
        if all(len(segments) == 1 for segments in inputs):
            terms = tuple((segments[0][0], 1) for segments in inputs)
            return ((self._added(terms, shape), shape[0]),)
        return _merged(
            (self._added(tuple((node, 1) for node in nodes), shape), count)
            for nodes, count in _columns(inputs)
        )

    def _added(self, terms: Segments, shape: Shape) -> int:
        node, times = self._total(terms, shape)
        return node if times == 1 else self._node(ADD, shape, (node,), (times,))


def _columns(tensors: Sequence[Segments]) -> Iterator[tuple[tuple[int, ...], int]]:
    """Segments of several tensors that are cut at the same channels: their nodes, and a count."""
    bounds = ends(*([count for _, count in segments] for segments in tensors))
    for column in zip(*(_cut(segments, bounds) for segments in tensors), strict=True):
        yield tuple(node for node, _ in column), column[0][1]


def _cut(segments: Segments, bounds: Sequence[int]) -> Segments:
    """The same channels as segments that end at `bounds`.

    `bounds` contain the ends of all segments.
    """
    counts = [count for _, count in segments]
    return tuple((segments[place][0], count) for place, count in pieces(counts, bounds))


def _parts(segments: Segments, channels: int) -> Iterator[Segments]:
    """Groups of `channels` channels, each as segments, without channels that fill no group."""
    inner = ends([count for _, count in segments])
    starts = range(channels, inner[-1] + 1, channels)
    part: list[tuple[int, int]] = []
    missing = channels
    for node, count in _cut(segments, sorted({*inner, *starts})):
        part.append((node, count))
        missing -= count
        if not missing:
            yield tuple(part)
            part, missing = [], channels


def _merged(segments: Iterable[tuple[int, int]]) -> Segments:
    """The same channels; neighbouring segments of the same node become one."""
    joined: list[tuple[int, int]] = []
    for node, count in segments:
        if joined and joined[-1][0] == node:
            count += joined.pop()[1]
        joined.append((node, count))
    return tuple(joined)
