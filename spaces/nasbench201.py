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
from nas.notation import numbers, tidied
from nas.storage.literals import literal
from spaces._images import Resolution, check_images, sides
from spaces._nasbench201 import EDGES, Kind, cell, relu_conv_norm, representatives, residual

if TYPE_CHECKING:
    from pathlib import Path


OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NONE, SKIP, CONV_1X1, CONV_3X3, POOL = range(5)
PLACES = {name: place for place, name in enumerate(OPERATIONS)}
KINDS: tuple[Kind, ...] = ("nothing", "skip", "conv", "conv", "pool")
NOTATION = re.compile(r"\|(\w+)~0\|\+\|(\w+)~0\|(\w+)~1\|\+\|(\w+)~0\|(\w+)~1\|(\w+)~2\|")
NASLIB = (SKIP, NONE, CONV_3X3, CONV_1X1, POOL)
"""The operations in the order of NASLib (`OP_NAMES` of its nasbench201)."""
NASLIB_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
"""The edges in the order of NASLib (`EDGE_LIST`, whose nodes begin with 1)."""


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
    order = (
        f"a tuple has places in {', '.join(OPERATIONS)}; NASLib's order is naslib:(…), and means "
        "another cell"
    )
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
        """The cell of the published string, of NASLib's numbers, or of a config or a list.

        `naslib:(4, 0, 3, 1, 4, 3)` has NASLib's order of edges and operations (`op_indices`, also
        the names in NAS-Bench-Suite-Zero). A config is a mapping with `arch_str`, as the
        benchmark's API returns it; a list has (operation, source) for each node.
        """
        if (arch := _of_names(NOTATION.fullmatch(text))) is not None:
            return arch  # the published string as it is, which tables have
        plain = tidied(_published(text), "|+~:")
        if plain.lower().startswith("naslib:"):
            return _of_naslib(plain)
        match = NOTATION.fullmatch(plain)
        if (arch := _of_names(match)) is None:
            strange = [op for op in match.groups() if op not in OPERATIONS] if match else []
            why = f"there is no '{strange[0]}'; " if strange else ""
            if match is None and NOTATION.fullmatch(f"{plain}|"):
                why = "the last | is missing; "
            raise ValueError(
                f"'{text:.200}' is not a NAS-Bench-201 cell: {why}write "
                f"|op~0|+|op~0|op~1|+|op~0|op~1|op~2| with op one of {', '.join(OPERATIONS)}"
            )
        return arch

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


def naslib(arch: Arch) -> str:
    """A cell as NASLib writes it.

    >>> naslib((4, 0, 3, 1, 4, 3))
    'naslib:(4, 1, 0, 2, 4, 2)'
    """
    by_edge = dict(zip(EDGES, arch, strict=True))
    return f"naslib:{tuple(NASLIB.index(by_edge[edge]) for edge in NASLIB_EDGES)}"


def _of_naslib(text: str) -> Arch:
    places = numbers(text.partition(":")[2]) or ()
    if len(places) != len(EDGES) or not all(0 <= place < len(NASLIB) for place in places):
        raise ValueError(
            f"'{text}' must be naslib: and six numbers from 0 to 4, as naslib:(4, 0, 3, 1, 4, 3)"
        )
    by_edge = dict(zip(NASLIB_EDGES, places, strict=True))
    return tuple(NASLIB[by_edge[edge]] for edge in EDGES)


def _of_names(match: re.Match[str] | None) -> Arch | None:
    """The cell whose operations have these names; None if one of them is no operation."""
    places = [PLACES.get(name) for name in match.groups()] if match else [None]
    return None if None in places else tuple(place for place in places if place is not None)


def _published(text: str) -> str:
    """The published string of a config or a list; any other text as it is."""
    found = literal(text) if text[:1] in ("{", "[", "(") else None
    if isinstance(found, dict) and isinstance(found.get("arch_str"), str):
        return str(found["arch_str"])
    if isinstance(found, list) and all(isinstance(node, list) for node in found):
        edges = [edge for node in found for edge in node]
        if all(isinstance(edge, list) and len(edge) == 2 for edge in edges):
            nodes = ("".join(f"{op}~{source}|" for op, source in node) for node in found)
            return "+".join(f"|{node}" for node in nodes)
    return text


@cache
def _representatives() -> dict[Arch, Arch]:
    """Every cell's canonical form."""
    return representatives([(kind, kind) for kind in KINDS])
