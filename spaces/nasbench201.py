"""NAS-Bench-201: one cell of four nodes and six edges, five operations each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from nas import SPACES, Arch, Space
from nas.network import (
    AvgPool,
    BatchNorm,
    Builder,
    Conv,
    GlobalAvgPool,
    Linear,
    Network,
    ReLU,
    Zero,
)
from spaces._images import Resolution, check_images, sides
from spaces._nasbench201 import EDGES, Kind, cell, relu_conv_norm, representatives, residual

if TYPE_CHECKING:
    from pathlib import Path


OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NONE, SKIP, CONV_1X1, CONV_3X3, POOL = range(5)
KINDS: tuple[Kind, ...] = ("nothing", "skip", "conv", "conv", "pool")
NOTATION = re.compile(r"\|(\w+)~0\|\+\|(\w+)~0\|(\w+)~1\|\+\|(\w+)~0\|(\w+)~1\|(\w+)~2\|")


@SPACES.register("nasbench201")
@dataclass(frozen=True)
class NASBench201(Space):
    """NAS-Bench-201: 15,625 cells for small images (Dong & Yang 2020, arXiv:2001.00326).

    The i-th decision is the operation (index in `OPERATIONS`) of the i-th edge in `EDGES`. Macro:
    a 3x3 stem, three stages of `cells` cells with `channels`, 2x and 4x channels, a residual
    block of stride 2 between stages, then norm, ReLU, spatial mean and a linear classifier.
    Parameters equal those of the benchmark (10 classes: its CIFAR-10 figures).
    """

    channels: int = 16
    cells: int = 5
    classes: int = 10
    resolution: Resolution = 32
    input_channels: int = 3

    choices = (len(OPERATIONS),) * len(EDGES)
    shared_weights = (1e-7, 1.0)
    release = (
        "the official releases are NAS-Bench-201-v1_1-096897.pth, linked from "
        "https://github.com/D-X-Y/NAS-Bench-201, and NATS-tss-v1_0-3ffb9-simple.tar, linked from "
        "https://github.com/D-X-Y/NATS-Bench, and nas convert FILE makes a table of either."
    )

    def __post_init__(self) -> None:
        for name in ("channels", "cells", "classes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1")
        check_images(self, 4, "4: it is halved twice")

    def parse(self, text: str) -> Arch:
        match = NOTATION.fullmatch(text)
        if match is None or not set(match.groups()) <= set(OPERATIONS):
            raise ValueError(
                f"'{text}' is not a NAS-Bench-201 cell: write "
                f"|op~0|+|op~0|op~1|+|op~0|op~1|op~2| with op one of {', '.join(OPERATIONS)}"
            )
        return tuple(OPERATIONS.index(operation) for operation in match.groups())

    def format(self, arch: Arch) -> str:
        names = [f"{OPERATIONS[op]}~{source}" for op, (source, _) in zip(arch, EDGES, strict=True)]
        return f"|{names[0]}|+|{'|'.join(names[1:3])}|+|{'|'.join(names[3:])}|"

    def canonical(self, arch: Arch) -> Arch:
        """The first of all cells that compute the same function, in the order of tuples.

        Two cells are the same if their outputs are the same sum for every input and all weights of
        the convolutions; weights may be exchanged between convolutions. A skip equals its source.
        'none', and every operation on zeros, gives zeros (shifts of norms are 0 before training).
        The average pool is linear, so it may come before or after a sum. Parts that do not reach
        the output do not count. Two convolutions of the same source are different functions.
        """
        return _representatives()[arch]

    def released(self, path: Path) -> Iterator[tuple[str, dict[str, float]]]:
        from spaces._nasbench201_release import read

        return read(path)

    @property
    def inputs(self) -> tuple[int, ...]:
        return self.input_channels, *sides(self.resolution)

    def network(self, arch: Arch) -> Network:
        net = Builder(self.inputs)
        width = self.channels
        with net.scope("stem"):
            node = net.mark(
                net.chain(
                    net.input, Conv(self.input_channels, width, 3, padding=1), BatchNorm(width)
                )
            )
        for stage in range(3):
            if stage:
                with net.scope("stages", stage, "reduction"):
                    node = net.mark(residual(net, node, width, 2 * width))
                width *= 2
            for number in range(self.cells):
                with net.scope("stages", stage, "cells", number):
                    node = net.mark(_cell(net, node, arch, width))
        head = (BatchNorm(width), ReLU(), GlobalAvgPool(), Linear(width, self.classes))
        with net.scope("head"):
            net.chain(node, *head)
        return net.build()


def _cell(net: Builder, node: int, arch: Arch, width: int) -> int:
    def edge(op: int, _: int, layer: int) -> int | None:
        if op in (NONE, SKIP):
            return None if op == NONE else layer
        if op == POOL:
            return net.add(AvgPool(3, 1, 1), layer)
        return net.chain(layer, *relu_conv_norm(width, width, 1 if op == CONV_1X1 else 3))

    return cell(net, node, arch, edge, lambda: net.add(Zero(), node))


@cache
def _representatives() -> dict[Arch, Arch]:
    """Every cell's canonical form."""
    return representatives([(kind, kind) for kind in KINDS])
