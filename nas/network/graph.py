"""A network as layers in topological order, and the builder that writes it. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from nas.network.ops import Input, Op, Shape


class Layer(NamedTuple):
    """An operation, and the indices of the earlier layers that it reads."""

    op: Op
    inputs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Network:
    """Layers in topological order; the first is the Input, the last is the output.

    `Builder` has an example.
    """

    layers: tuple[Layer, ...]
    blocks: tuple[int, ...] = ()
    """Layers that end a main block, in order; a block that changes nothing repeats an index."""

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of every layer's output; ValueError if layers do not fit together."""
        shapes: list[Shape] = []
        for op, inputs in self.layers:
            shapes.append(op.shape(*[shapes[index] for index in inputs]))
        return tuple(shapes)

    @cached_property
    def params(self) -> int:
        """The number of trainable parameters, unused layers included."""
        return sum(layer.op.params() for layer in self.layers)

    @cached_property
    def flops(self) -> int:
        """Multiply-adds for one example by `FLOPS_RULE`, unused layers included."""
        return sum(
            layer.op.flops(shape) for layer, shape in zip(self.layers, self.shapes, strict=True)
        )

    @cached_property
    def shared(self) -> Network:
        """A network with the same output if all weights are equal, and with fewer layers.

        Layers with the same operation on the same inputs become one; unused layers are left out.

        >>> from nas.network import Add, Conv
        >>> net = Builder((3, 8, 8))
        >>> one, other = (net.add(Conv(3, 3, kernel=1), net.input) for _ in range(2))
        >>> _ = net.add(Add(), one, other)
        >>> [layer.inputs for layer in net.build().shared.layers]
        [(), (0,), (1, 1)]
        """
        first: dict[Layer, int] = {}
        same: list[int] = []
        for index, layer in enumerate(self.layers):
            key = Layer(layer.op, tuple(same[earlier] for earlier in layer.inputs))
            same.append(first.setdefault(key, index))
        layers = {index: layer for layer, index in first.items()}
        needed: set[int] = set()
        pending = [same[-1]]
        while pending:
            index = pending.pop()
            if index not in needed:
                needed.add(index)
                pending.extend(layers[index].inputs)
        place = {index: position for position, index in enumerate(sorted(needed))}
        return Network(
            tuple(
                Layer(layers[index].op, tuple(place[earlier] for earlier in layers[index].inputs))
                for index in place
            ),
            tuple(place[same[index]] for index in self.blocks if same[index] in place),
        )


class Builder:
    """Writes a network layer by layer. A layer is referred to by its index.

    >>> from nas.network import Conv, GlobalAvgPool, Linear, ReLU
    >>> net = Builder((3, 8, 8))
    >>> features = net.chain(net.input, Conv(3, 4, kernel=3, padding=1), ReLU(), GlobalAvgPool())
    >>> net.add(Linear(4, 10), features)
    4
    >>> network = net.build()
    >>> network.shapes
    ((3, 8, 8), (4, 8, 8), (4, 8, 8), (4,), (10,))
    >>> network.params, network.flops
    (158, 6952)
    """

    def __init__(self, size: Shape) -> None:
        self._layers = [Layer(Input(size))]
        self._blocks: list[int] = []
        self.input = 0

    def add(self, op: Op, *inputs: int) -> int:
        """Append an operation on earlier layers and return its index."""
        self._layers.append(Layer(op, inputs))
        return len(self._layers) - 1

    def chain(self, start: int, *ops: Op) -> int:
        """Append operations one after the other and return the last one's index."""
        for op in ops:
            start = self.add(op, start)
        return start

    def mark(self, index: int) -> int:
        """Record that a layer ends a main block, and return the layer's index."""
        self._blocks.append(index)
        return index

    def build(self) -> Network:
        """The network written so far; ValueError if layers do not fit together."""
        network = Network(tuple(self._layers), tuple(self._blocks))
        assert len(network.shapes) == len(network.layers)
        return network
