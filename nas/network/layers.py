"""A layer, and the layers that lead to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nas.network.ops import Op


class Layer(NamedTuple):
    """An operation, and the indices of the earlier layers that it reads."""

    op: Op
    inputs: tuple[int, ...] = ()


Layers = tuple[Layer, ...]


def reached(
    layers: Sequence[Layer], end: int, blocks: Sequence[int]
) -> tuple[Layers, tuple[int, ...]]:
    """The layers that lead from the input to the layer `end`, which is the last; their blocks."""
    needed: set[int] = {0}
    pending = [end]
    while pending:
        index = pending.pop()
        if index not in needed:
            needed.add(index)
            pending.extend(layers[index].inputs)
    place = {index: position for position, index in enumerate(sorted(needed))}
    return (
        tuple(
            Layer(layers[index].op, tuple(place[earlier] for earlier in layers[index].inputs))
            for index in place
        ),
        tuple(place[index] for index in blocks if index in place),
    )
