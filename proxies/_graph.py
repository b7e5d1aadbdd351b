"""A network as NASGraph sees it: units with channels, and the units that feed them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import chain, cycle

from nas import Arch, Network, NotApplicableError, Space
from nas.network import (
    ELU,
    GELU,
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    ConvTranspose,
    Crop,
    Dropout,
    Flatten,
    GlobalAvgPool,
    GroupNorm,
    Hardswish,
    Input,
    InstanceNorm,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool,
    Mish,
    Narrow,
    Op,
    ReLU,
    ReLU6,
    Scale,
    Shape,
    SiLU,
    Tanh,
    Upsample,
    Zero,
)

REDUCED = {"cells": 1, "channels": 16}
"""Sizes of the reduced network; a space uses those that are its fields."""
NAMED = re.compile(r"\w+(?=~\d)")
"""The operation of an edge, in the notation op~source."""
CONV_1X1 = "nor_conv_1x1"
NAMES = ("none", "skip_connect", CONV_1X1, "nor_conv_3x3", "avg_pool_3x3")

SAME = (
    *(BatchNorm, Crop, Dropout, GroupNorm, InstanceNorm, Scale),
    *(ELU, GELU, Hardswish, LeakyReLU, Mish, ReLU, ReLU6, SiLU, Tanh),
)
"""Operations that are no units: they change how much a channel answers, not whether."""
UNITS = (AvgPool, Conv, ConvTranspose, Input, MaxPool, Narrow, Upsample, Zero)

Part = tuple[int, int]
"""(unit, first): the unit's channel c is a part of channel first + c of a tensor."""


@dataclass(frozen=True, slots=True)
class Identity(Op):
    """Returns its input."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A layer whose output channels are nodes of the graph; `size` is its input's shape."""

    op: Op
    size: Shape
    channels: int
    parents: tuple[Part, ...]


def reduced(space: Space) -> Space:
    """The space with one cell a stage and 16 channels, if it has these fields."""
    if not is_dataclass(space):
        return space
    names = {field.name for field in fields(space)}
    return replace(space, **{name: size for name, size in REDUCED.items() if name in names})


def units(space: Space, arch: Arch, live: bool = True) -> list[Unit]:
    """The units of the architecture in the reduced space, in the order of the layers.

    In the reference's graph an edge without an operation, and a skip, are layers with their own
    nodes; our layers do not have them. So if the published notation names an operation for every
    edge of a cell (op~source), this takes the layers of the cell of 1x1 convolutions, in which
    every edge is a layer, and replaces these convolutions by the operations of the notation.
    `live`: without units whose output is zeros, and without those that the output does not reach.

    Raises NotApplicableError if the space gives modules only.
    """
    space = reduced(space)
    text = space.format(arch)
    names = NAMED.findall(text)
    if not names or not set(names) <= set(NAMES):
        network = _network(space, arch)
        return _units(network.live if live else network)
    found = _units(_network(space, space.parse(NAMED.sub(CONV_1X1, text))))
    edges = (n for n, unit in enumerate(found) if unit.op == _operation(CONV_1X1, unit.channels))
    for n, name in zip(edges, cycle(names), strict=False):
        found[n] = replace(found[n], op=_operation(name, found[n].channels))
    return alive(found) if live else found


def alive(found: list[Unit]) -> list[Unit]:
    """The units that can change the last one: some may be none but the first and the last."""
    parents: list[tuple[Part, ...]] = []
    zeros: set[int] = set()
    for n, unit in enumerate(found):
        parents.append(tuple(part for part in unit.parents if part[0] not in zeros))
        if isinstance(unit.op, Zero) or (unit.parents and not parents[n]):
            zeros.add(n)
    last = len(found) - 1
    reached = {0, last}
    for n in reversed(range(last + 1)):
        if n in reached and n not in zeros:
            reached |= {parent for parent, _ in parents[n]}
    place = {n: position for position, n in enumerate(sorted(reached))}
    kept = {n: [(place[m], first) for m, first in parents[n] if m in place] for n in place}
    return [replace(found[n], parents=tuple(parts)) for n, parts in kept.items()]


def _operation(name: str, channels: int) -> Op:
    if name.startswith("nor_conv"):
        kernel = 1 if name == CONV_1X1 else 3
        return Conv(channels, channels, kernel, padding=kernel // 2)
    return {"none": Zero(), "skip_connect": Identity(), "avg_pool_3x3": AvgPool(3, 1, 1)}[name]


def _network(space: Space, arch: Arch) -> Network:
    network = space.network(arch)
    if network is None:
        title = space.title
        raise NotApplicableError(f"nasgraph works from layers, and {title} gives modules only")
    return network


def _units(network: Network) -> list[Unit]:
    """Units are the input, convolutions, pools, zeros and the map that the head reads.

    Norms and ReLUs (or SiLUs) are left out. Sums and concatenations only decide which units feed
    which. Factors of channels, and the layers that compute them, are left out too.
    """
    layers, shapes = network.layers, network.shapes
    factors = _factors(network)
    pools = [
        n
        for n, layer in enumerate(layers)
        if isinstance(layer.op, GlobalAvgPool | Flatten) and n not in factors
    ]
    end = pools[0] if pools else len(layers)
    last = layers[end].inputs[0] if pools else end - 1
    _check_head(layers[end:])
    shortcuts = _shortcuts(network)
    found: list[Unit] = []
    parts: list[tuple[Part, ...]] = []  # of every layer's output
    for n, layer in enumerate(layers[:end]):
        given = [parts[earlier] for earlier in layer.inputs]
        if n in factors:
            parts.append(())
        elif isinstance(layer.op, SAME) or n in shortcuts:
            parts.append(given[0])
        elif isinstance(layer.op, Add):
            parts.append(tuple(dict.fromkeys(chain(*given))))
        elif isinstance(layer.op, Concat):
            widths = [shapes[earlier][0] for earlier in layer.inputs]
            parts.append(tuple(dict.fromkeys(_joined(given, widths))))
        elif isinstance(layer.op, UNITS) or (isinstance(layer.op, Linear) and len(shapes[n]) == 1):
            size = shapes[layer.inputs[0]] if layer.inputs else shapes[n]
            op = layer.op
            if isinstance(op, Linear):  # a convolution of one pixel
                op, size = Conv(op.in_features, op.out_features, 1), (*size, 1, 1)
            found.append(Unit(op, size, shapes[n][0], given[0] if given else ()))
            parts.append(((len(found) - 1, 0),))
        else:
            raise NotApplicableError(f"nasgraph does not know the layer {layer.op}")
    output = Unit(Identity(), shapes[last], shapes[last][0], parts[last])
    return [*found, output]


def _factors(network: Network) -> set[int]:
    """The layers from a spatial mean to the factors that channels are multiplied by.

    These factors are almost never 0: they change how much a channel answers, not whether.
    """
    found: set[int] = set()
    pending = [layer.inputs[1] for layer in network.layers if isinstance(layer.op, Scale)]
    while pending:
        n = pending.pop()
        found.add(n)
        if not isinstance(network.layers[n].op, GlobalAvgPool):
            pending.extend(network.layers[n].inputs)
    return found


def _joined(given: list[tuple[Part, ...]], widths: list[int]) -> Iterator[Part]:
    start = 0
    for parts, width in zip(given, widths, strict=True):
        for unit, first in parts:
            yield unit, start + first
        start += width


def _check_head(layers: tuple[Layer, ...]) -> None:
    """Raise NotApplicableError if a spatial mean is not the beginning of the head."""
    for layer in layers:
        if not isinstance(layer.op, (GlobalAvgPool, Flatten, Linear, *SAME)):
            raise NotApplicableError(f"nasgraph does not know {layer.op} after a spatial mean")


def _shortcuts(network: Network) -> set[int]:
    """Average pools whose only reader is a 1x1 convolution: both together are one unit."""
    readers = Counter(chain(*(layer.inputs for layer in network.layers)))
    return {
        layer.inputs[0]
        for layer in network.layers
        if isinstance(layer.op, Conv)
        and layer.op.kernel == 1
        and isinstance(network.layers[layer.inputs[0]].op, AvgPool)
        and readers[layer.inputs[0]] == 1
    }
