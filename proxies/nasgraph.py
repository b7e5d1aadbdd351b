"""NASGraph: the mean degree of a network seen as a graph of channels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from nas import PROXIES, Candidate, NoScore, Proxy, UsageError
from nas.batch import Batch
from nas.network import Conv, ConvTranspose, Zero
from proxies._graph import Unit, units

if TYPE_CHECKING:
    import networkx  # type: ignore[import-untyped]

CONVS = (Conv, ConvTranspose)


@PROXIES.register("nasgraph")
class NASGraph(Proxy):
    """Mean degree of the graph whose nodes are the channels of a reduced network's layers.

    The reduced network is the space's network with one cell a stage and 16 channels (`cells` and
    `channels`, if the space has these fields), without norms and biases; all weights are N(0, 1).
    There is an edge from (parent, i) to (layer, j) under this condition: if the layer gets ones in
    channel i and zeros elsewhere, its output in channel j has a sum other than 0, after a ReLU if
    the layer is a convolution.

        score = 2 edges / nodes with an edge,   higher is better.

    Source: arXiv:2405.01306 and its reference code `NASGraph-Public`. As there, the layers are the
    input; convolutions and pools; skips; edges without an operation, whose output is 0 but which
    feed the next layers; on NAS-Bench-201 the shortcut of a residual block (pool and convolution
    together are one layer); and a last identity instead of the head. Each term of a sum feeds the
    next layer; in a concatenation the part that has the channel feeds it. ReLUs (or SiLUs) and
    norms are not layers. Squeeze-and-excitation is not a layer either, because it changes how much
    a channel answers, not whether. Maps may have one to three dimensions; outside the head, a
    linear layer on vectors is a 1x1 convolution of one pixel. Unlike the reference, layers that
    cannot change the output have no nodes; with `live=false` they have, and edges without an
    operation too.

    No image is run: for ones in one channel, the output of a convolution depends only on the taps
    that are inside the map, so a few sums of each kernel are enough. The proxy needs layers: it
    refuses a space that gives modules only. The batch does not matter; the CPU does all the work.

    Option: `save_graph`, a file for the graph of the last scored architecture, as GraphML. The
    function `graph` returns the graph itself.
    """

    faster_on_cpu = True

    def __init__(self, save_graph: str | None = None) -> None:
        self.save_graph = save_graph

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The mean degree of the candidate's graph."""
        layers = units(candidate.space, candidate.arch, candidate.live)
        if candidate.live and not _reads_input(layers):
            return NoScore("the input does not reach the output")
        weights = draw(layers, candidate.generator("nasgraph"))
        if self.save_graph is not None:
            write(graph_of(layers, weights), self.save_graph)
        nodes, edges = size(layers, weights)
        return 2 * edges / nodes


def _reads_input(layers: list[Unit]) -> bool:
    """Whether anything comes of the input."""
    return any(
        parent == 0
        for unit in layers
        if not isinstance(unit.op, Zero)
        for parent, _ in unit.parents
    )


def graph(candidate: Candidate) -> networkx.DiGraph:
    """The graph whose mean degree is the score; nodes are (layer, channel)."""
    layers = units(candidate.space, candidate.arch, candidate.live)
    return graph_of(layers, draw(layers, candidate.generator("nasgraph")))


def draw(layers: list[Unit], generator: torch.Generator) -> dict[int, Tensor]:
    """N(0, 1) weights of the convolutions, by the number of the layer."""
    shapes = {n: shape(unit.op) for n, unit in enumerate(layers) if isinstance(unit.op, CONVS)}
    sizes = [prod(each) for each in shapes.values()]
    drawn = torch.randn(sum(sizes), generator=generator, dtype=torch.float32)
    parts = torch.split(drawn, sizes)
    return {n: weight.view(shapes[n]) for n, weight in zip(shapes, parts, strict=True)}


def shape(op: Conv | ConvTranspose) -> tuple[int, ...]:
    """Shape of a convolution's weight; that of a transposed one has the outputs first, too."""
    groups = op.groups if isinstance(op, Conv) else 1
    return op.out_channels, op.in_channels // groups, *[op.kernel] * op.dims


def size(layers: list[Unit], weights: dict[int, Tensor]) -> tuple[int, int]:
    """The number of nodes with an edge, and the number of edges."""
    seen = [torch.zeros(unit.channels, dtype=torch.bool) for unit in layers]
    edges = 0
    for parent, child, answered in blocks(layers, weights):
        edges += int(answered.count_nonzero())
        seen[parent] |= answered.any(dim=0)
        seen[child] |= answered.any(dim=1)
    return int(torch.cat(seen).count_nonzero()), edges


def blocks(layers: list[Unit], weights: dict[int, Tensor]) -> Iterator[tuple[int, int, Tensor]]:
    """(parent, child, mask); mask[j, i]: an edge leads from parent's channel i to child's j."""
    for child, unit in enumerate(layers):
        if isinstance(unit.op, Zero):
            continue
        if isinstance(unit.op, CONVS):
            answered = answers(unit.op, unit.size, weights[child])
        else:  # identities and pools keep the channel
            answered = torch.eye(unit.channels, unit.size[0], dtype=torch.bool)
        found: dict[int, Tensor] = {}  # a concatenation may hold a layer twice
        for parent, first in unit.parents:
            part = answered[:, first : first + layers[parent].channels]
            found[parent] = found[parent] | part if parent in found else part
        yield from ((parent, child, part) for parent, part in found.items())


def answers(op: Conv | ConvTranspose, given: tuple[int, ...], weight: Tensor) -> Tensor:
    """Mask [j, i]: for ones in channel i the output is positive somewhere in channel j."""
    kernels = weight.reshape(-1, op.kernel**op.dims).T
    positive = (taps(op, given[1:]).to(weight.dtype) @ kernels).amax(dim=0) > 0
    found = positive.view(op.out_channels, -1)
    if isinstance(op, Conv) and op.groups > 1:
        found = torch.block_diag(*found.chunk(op.groups))  # type: ignore[no-untyped-call]
    return found


@cache
def taps(op: Conv | ConvTranspose, sizes: tuple[int, ...]) -> Tensor:
    """Masks of the kernel's taps that are inside the map, one for every kind of position."""
    masks = torch.ones(1, 1, dtype=torch.bool)
    for length in sizes:
        each = kinds(op, length)
        joined = masks[:, None, :, None] & each[None, :, None, :]
        masks = joined.reshape(len(masks) * len(each), -1)
    return masks


def kinds(op: Conv | ConvTranspose, length: int) -> Tensor:
    """The taps that are inside along one axis, one row for every kind of position."""
    outputs = op.shape((op.in_channels, *[length] * op.dims))[1]
    if isinstance(op, Conv):
        starts = [number * op.stride - op.padding for number in range(outputs)]
        offsets = [tap * op.dilation for tap in range(op.kernel)]
        rows = {tuple(0 <= start + offset < length for offset in offsets) for start in starts}
    else:  # a tap reads the pixel that the stride leads to, if it leads to one
        places = [[n + op.padding - tap for tap in range(op.kernel)] for n in range(outputs)]
        rows = {
            tuple(at % op.stride == 0 and 0 <= at // op.stride < length for at in row)
            for row in places
        }
    return torch.tensor(sorted(rows))


def graph_of(layers: list[Unit], weights: dict[int, Tensor]) -> networkx.DiGraph:
    """The graph of layers and weights, with layer, channel and operation of every node."""
    import networkx

    result = networkx.DiGraph()
    for parent, child, answered in blocks(layers, weights):
        for j, i in answered.nonzero().tolist():
            result.add_edge((parent, i), (child, j))
    for layer, channel in result:
        operation = type(layers[layer].op).__name__
        result.nodes[layer, channel].update(layer=layer, channel=channel, operation=operation)
    return result


def write(result: networkx.DiGraph, path: str) -> None:
    """Write GraphML; raises UsageError if the file cannot be written."""
    import networkx

    try:
        networkx.write_graphml(result, Path(path).expanduser())
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"proxy.save_graph={path} cannot be written: {reason}") from error
