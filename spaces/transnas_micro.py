"""The micro space of TransNAS-Bench-101: one cell of four nodes and six edges."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from nas import SPACES, Arch
from nas.network import BatchNorm, Builder, Concat, Conv, Crop, ReLU, Zero
from spaces._images import check_images
from spaces._nasbench201 import EDGES, Kind, cell, relu_conv_norm, representatives
from spaces._transnas import SAME, WIDER_AND_SMALLER, TransNAS

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
NONE, SKIP, CONV_1X1, CONV_3X3 = range(4)
KINDS: tuple[tuple[Kind, Kind], ...] = (
    ("nothing", "nothing"),
    ("conv", "skip"),  # a skip from the input of a cell that halves it has weights
    ("conv", "conv"),
    ("conv", "conv"),
)
NOTATION = re.compile("64-41414-([0-3])_([0-3])([0-3])_([0-3])([0-3])([0-3])")


@SPACES.register("transnas_micro")
@dataclass(frozen=True)
class TransNASMicro(TransNAS):
    """TransNAS-Bench-101's micro space: 4,096 cells (Duan et al. 2021, arXiv:2105.11871).

    The i-th decision is the operation (index in `OPERATIONS`, and the published digit) of the
    i-th edge in the order 0>1, 0>2, 1>2, 0>3, 1>3, 2>3. Macro: a stem of two 3x3 convolutions of
    stride 2 with half of `channels` and `channels`; five modules of two cells; a spatial mean and
    a linear classifier. The first, third and fifth module double the channels and halve the
    resolution in their first cell (the 41414 of the notation). In such a cell the edges from the
    input have stride 2. A skip from the input is then a ReLU, two 1x1 convolutions of stride 2
    with half of the channels each, and a norm; the second convolution reads the map moved by one
    pixel.

    The network is that of scene classification (47 classes); object classification has 75 outputs,
    room layout 9. The other tasks, such as the table's autoencoding, have the same cells with
    other decoders. Source: the benchmark's own `MacroNet`. The 64 in the notation is the
    benchmark's number of channels; it does not depend on `channels`.

    Images of the benchmark's 256x256 pixels are cheap only for epsilon and counts. For proxies
    that run every channel, set `resolution=64` or a small batch.
    """

    choices = (len(OPERATIONS),) * len(EDGES)
    # with 1e-7 even a path of only skips underflows: no cell has a score
    shared_weights = (1e-5, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_images(self, 32, "32: it is halved five times")

    def parse(self, text: str) -> Arch:
        match = NOTATION.fullmatch(text)
        if match is None:
            raise ValueError(
                f"'{text}' is no cell of TransNAS-Bench-101: write 64-41414-a_bc_def with digits "
                f"from 0 to 3, which are {', '.join(OPERATIONS)}"
            )
        return tuple(map(int, match.groups()))

    def format(self, arch: Arch) -> str:
        a, b, c, d, e, f = arch
        return f"64-41414-{a}_{b}{c}_{d}{e}{f}"

    def canonical(self, arch: Arch) -> Arch:
        """The first of all cells that compute the same function, in the order of tuples.

        As in NAS-Bench-201, a skip equals its source, 'none' and every operation on zeros give
        zeros, parts that do not reach the output do not count, and weights may be exchanged
        between convolutions. But in cells that halve the resolution, a skip from the input has
        weights, so two such skips are different functions.
        """
        return _representatives()[arch]

    def modules(self, arch: Arch) -> Sequence[int]:
        return WIDER_AND_SMALLER, SAME, WIDER_AND_SMALLER, SAME, WIDER_AND_SMALLER

    def block(
        self, net: Builder, node: int, arch: Arch, inputs: int, outputs: int, stride: int
    ) -> int:
        def edge(op: int, source: int, layer: int) -> int | None:
            if op == NONE:
                return None
            kernel = 1 if op == CONV_1X1 else 3
            if source > 0:
                convs = relu_conv_norm(outputs, outputs, kernel)
                return layer if op == SKIP else net.chain(layer, *convs)
            if op == SKIP:
                return layer if stride == 1 else _halved(net, layer, inputs, outputs)
            return net.chain(layer, *relu_conv_norm(inputs, outputs, kernel, stride))

        return cell(net, node, arch, edge, lambda: net.add(Zero(outputs, stride), node))


def _halved(net: Builder, node: int, inputs: int, outputs: int) -> int:
    """Add the layers that replace a skip if the resolution is halved."""
    values = net.add(ReLU(), node)
    half = outputs // 2
    even = net.add(Conv(inputs, half, 1, 2), values)
    odd = net.chain(values, Crop(), Conv(inputs, outputs - half, 1, 2))
    return net.chain(net.add(Concat(), even, odd), BatchNorm(outputs))


@cache
def _representatives() -> dict[Arch, Arch]:
    """Every cell's canonical form."""
    return representatives(KINDS)
