"""A layer, and the layers that lead to one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nas.network.ops import Op


@dataclass(frozen=True, slots=True)
class Layer:
    """An operation, the indices of the earlier layers that it reads, and its name.

    The name is a path such as `stages.0.cells.2.edges.1.conv`. Layers that differ only in their
    names are equal. A layer unpacks to its operation and inputs.
    """

    op: Op
    inputs: tuple[int, ...] = ()
    name: str = field(default="", compare=False)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.op, self.inputs))


Layers = tuple[Layer, ...]


def needed(layers: Sequence[Layer], end: int) -> list[int]:
    """The indices, in order, of the input and of the layers that lead to the layer `end`."""
    found: set[int] = {0}
    pending = [end]
    while pending:
        index = pending.pop()
        if index not in found:
            found.add(index)
            pending.extend(layers[index].inputs)
    return sorted(found)


def reached(
    layers: Sequence[Layer], end: int, blocks: Sequence[int]
) -> tuple[Layers, tuple[int, ...]]:
    """The layers that lead from the input to the layer `end`, which is the last; their blocks."""
    place = {index: position for position, index in enumerate(needed(layers, end))}
    return (
        tuple(
            Layer(layer.op, tuple([place[earlier] for earlier in layer.inputs]), layer.name)
            for layer in map(layers.__getitem__, place)
        ),
        tuple(place[index] for index in blocks if index in place),
    )
