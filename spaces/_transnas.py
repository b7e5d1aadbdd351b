"""The network that both spaces of TransNAS-Bench-101 share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nas import Arch, Space
from nas.network import BatchNorm, Builder, Conv, GlobalAvgPool, Linear, Network
from spaces._images import Resolution, sides
from spaces._nasbench201 import relu_conv_norm

if TYPE_CHECKING:
    pass

SAME, WIDER, SMALLER, WIDER_AND_SMALLER = range(4)
"""Kinds of modules (published digit minus 1): are channels doubled, is resolution halved."""


@dataclass(frozen=True)
class TransNAS(Space):
    """A stem that quarters the resolution, modules of two blocks each, and a classifier."""

    channels: int = 64
    classes: int = 47
    resolution: Resolution = 256
    input_channels: int = 3

    part: ClassVar[str] = "cells"
    """What the parts of a module are called in the names of layers."""

    release = (
        "the official release is transnas-bench_v10141024.pth, linked from "
        "https://github.com/yawen-d/TransNASBench, and its figures are read with the API there."
    )

    def __post_init__(self) -> None:
        if self.channels < 2 or self.channels % 2:
            raise ValueError(
                f"channels={self.channels} must be a multiple of 2: half of them are the stem's"
            )
        if self.classes < 1:
            raise ValueError(f"classes={self.classes} must be at least 1")

    @abstractmethod
    def modules(self, arch: Arch) -> Sequence[int]:
        """The kinds of the modules, in order."""

    @abstractmethod
    def block(
        self, net: Builder, node: int, arch: Arch, inputs: int, outputs: int, stride: int
    ) -> int:
        """Add a block and return its last layer."""

    @property
    def inputs(self) -> tuple[int, ...]:
        return self.input_channels, *sides(self.resolution)

    def network(self, arch: Arch) -> Network:
        net = Builder(self.inputs)
        width = self.channels
        half = width // 2
        stem = (
            Conv(self.input_channels, half, 3, 2, padding=1),
            BatchNorm(half),
            *relu_conv_norm(half, width, 3, 2),
        )
        with net.scope("stem"):
            node = net.mark(net.chain(net.input, *stem))
        for stage, kind in enumerate(self.modules(arch)):
            inputs = width
            if kind in (WIDER, WIDER_AND_SMALLER):
                width *= 2
            stride = 2 if kind in (SMALLER, WIDER_AND_SMALLER) else 1
            with net.scope("stages", stage, self.part, 0):
                node = net.mark(self.block(net, node, arch, inputs, width, stride))
            with net.scope("stages", stage, self.part, 1):
                node = net.mark(self.block(net, node, arch, width, width, 1))
        with net.scope("head"):
            net.chain(node, GlobalAvgPool(), Linear(width, self.classes))
        return net.build()
