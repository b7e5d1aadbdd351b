"""The size space of NATS-Bench: the numbers of channels of five parts of a network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas import SPACES, Arch, Space
from nas.network import Add, BatchNorm, Builder, Conv, GlobalAvgPool, Linear, Network, ReLU
from nas.storage.literals import literal
from spaces._images import Resolution, check_images, sides
from spaces._nasbench201 import relu_conv_norm, residual

if TYPE_CHECKING:
    pass

CHANNELS = (8, 16, 24, 32, 40, 48, 56, 64)
PARTS = 5
NOTATION = re.compile(":".join([f"({'|'.join(map(str, CHANNELS))})"] * PARTS))


@SPACES.register("nats_size")
@dataclass(frozen=True)
class NATSSize(Space):
    """NATS-Bench's size space: 32,768 networks (Dong et al. 2021, arXiv:2009.00437).

    The i-th decision is the number of channels (index in `CHANNELS`) of the i-th part: the first
    cell with the stem before it, a residual block of stride 2, a cell, another such block, a
    cell. Then norm, ReLU, spatial mean and a linear classifier. All three cells are this cell of
    NAS-Bench-201: |nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|
    nor_conv_3x3~2|. Its edges from the input change the number of channels; if it changes, a 1x1
    convolution and a norm replace the skip. Source: the benchmark's own network
    (`DynamicShapeTinyNet`); parameters equal its figures for CIFAR-10 (10 classes).
    """

    classes: int = 10
    resolution: Resolution = 32
    input_channels: int = 3

    choices = (len(CHANNELS),) * PARTS
    # with 1e-7 epsilon has no score if two cells change the channels
    shared_weights = (1e-5, 1.0)
    release = (
        "the official release is NATS-sss-v1_0-50262-simple.tar, linked from "
        "https://github.com/D-X-Y/NATS-Bench, and its figures are read with the API there."
    )

    def __post_init__(self) -> None:
        if self.classes < 1:
            raise ValueError(f"classes={self.classes} must be at least 1")
        check_images(self, 4, "4: it is halved twice")

    def parse(self, text: str) -> Arch:
        """The network of its channels, or of a config with `channels`, as the API returns it."""
        config = literal(text) if text.startswith("{") else None
        written = config.get("channels") if isinstance(config, dict) else text
        match = NOTATION.fullmatch(written) if isinstance(written, str) else None
        if match is None:
            raise ValueError(
                f"'{text}' is no network of NATS-Bench's size space: write five numbers of "
                f"channels, each one of {', '.join(map(str, CHANNELS))}, as 64:32:8:8:64"
            )
        return tuple(CHANNELS.index(int(number)) for number in match.groups())

    def format(self, arch: Arch) -> str:
        return ":".join(str(CHANNELS[option]) for option in arch)

    @property
    def inputs(self) -> tuple[int, ...]:
        return self.input_channels, *sides(self.resolution)

    def network(self, arch: Arch) -> Network:
        net = Builder(self.inputs)
        widths = [CHANNELS[option] for option in arch]
        first, last = widths[0], widths[-1]
        with net.scope("stem"):
            node = net.mark(
                net.chain(
                    net.input, Conv(self.input_channels, first, 3, padding=1), BatchNorm(first)
                )
            )
        for part, (inputs, outputs) in enumerate(zip([first, *widths], widths, strict=False)):
            name, add = ("reduction", residual) if part % 2 else ("cell", _cell)
            with net.scope("stages", (part + 1) // 2, name):
                node = net.mark(add(net, node, inputs, outputs))
        head = (BatchNorm(last), ReLU(), GlobalAvgPool(), Linear(last, self.classes))
        with net.scope("head"):
            net.chain(node, *head)
        return net.build()


def _cell(net: Builder, node: int, inputs: int, outputs: int) -> int:
    def conv(edge: int, layer: int, channels: int = outputs) -> int:
        with net.scope("edges", edge):
            return net.chain(layer, *relu_conv_norm(channels, outputs, 3))

    def total(number: int, *terms: int) -> int:
        with net.scope("nodes", number):
            return net.add(Add(), *terms)

    one = conv(0, node, inputs)
    two = total(2, conv(1, node, inputs), conv(2, one))
    skip = node
    if inputs != outputs:
        with net.scope("edges", 3):
            skip = net.chain(node, Conv(inputs, outputs, 1), BatchNorm(outputs))
    return total(3, skip, conv(4, one), conv(5, two))
