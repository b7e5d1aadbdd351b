"""A network as layers in topological order, and the builder that writes it. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from nas.network.layers import Layer, needed, reached
from nas.network.live import all_live, live_part
from nas.network.names import named, prefix, word
from nas.network.ops import Input, Op, Shape, Zero


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
        for layer in self.layers:
            shapes.append(layer.op.shape(*[shapes[index] for index in layer.inputs]))
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
        whole = [replace(each, inputs=tuple(same[i] for i in each.inputs)) for each in self.layers]
        return Network(*reached(whole, same[-1], [same[index] for index in self.blocks]))

    @cached_property
    def live(self) -> Network:
        """The network without layers and channels that cannot change its output.

        The rules are those of `nas.network.live.live_part`.

        >>> from nas.network import Add, Conv, Zero
        >>> net = Builder((3, 8, 8))
        >>> dead = net.add(Conv(3, 3, kernel=1), net.add(Zero(), net.input))
        >>> _ = net.add(Conv(3, 3, kernel=3, padding=1), net.add(Add(), net.input, dead))
        >>> network = net.build()
        >>> network.params, network.live.params, network.live.layers[1].inputs
        (90, 81, (0,))
        """
        read = self._read
        if all_live(read.layers, read.shapes):
            return read
        live = Network(*live_part(read.layers, read.shapes, read.blocks))
        less = len(live.layers) < len(read.layers) or live.params < read.params
        return live.live if less else live

    @property
    def _read(self) -> Network:
        """The layers that the output reads."""
        kept = needed(self.layers, len(self.layers) - 1)
        if len(kept) == len(self.layers):
            return self
        read = Network(*reached(self.layers, kept[-1], self.blocks))
        read.__dict__["shapes"] = tuple(map(self.shapes.__getitem__, kept))  # known already
        return read

    def _repr_svg_(self) -> str:
        """A picture, which a notebook shows; `nas.draw` makes others."""
        from nas.network.drawing.drawing import draw_layers

        return draw_layers(self.layers, self.shapes, self.blocks).svg

    @cached_property
    def constant(self) -> bool:
        """Whether the input cannot change the output."""
        layers = self.live.layers
        reads = (0 in inputs and not isinstance(op, Zero) for op, inputs in layers)
        return len(layers) > 1 and not any(reads)


class Scope:
    """Puts a scope before the names of layers while its block runs (`Builder.scope`)."""

    __slots__ = ("net", "outer", "part")  # a network opens hundreds

    def __init__(self, net: Builder, part: str) -> None:
        self.net = net
        self.part = part
        self.outer = ""

    def __enter__(self) -> None:
        self.outer = self.net.prefix
        self.net.prefix += self.part

    def __exit__(self, *_: object) -> None:
        self.net.prefix = self.outer


class Builder:
    """Writes a network layer by layer. A layer is referred to by its index.

    A layer's name is the path of the scopes in which it is added and a short word for its
    operation. Words that come twice in a scope are numbered.

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
    >>> [layer.name for layer in network.layers]
    ['input', 'conv', 'relu', 'pool', 'linear']
    """

    def __init__(self, size: Shape) -> None:
        self.prefix = ""
        """What the scopes put before the names of layers."""
        self._layers = [Layer(Input(size), (), "input")]
        self._blocks: list[int] = []
        self.input = 0

    def add(self, op: Op, *inputs: int) -> int:
        """Append an operation on earlier layers and return its index."""
        self._layers.append(Layer(op, inputs, self.prefix + word(op)))
        return len(self._layers) - 1

    def scope(self, *parts: str | int) -> Scope:
        """Put these parts before the names of the layers added meanwhile.

        Scopes nest. ValueError if a part is neither a number nor an identifier.

        >>> from nas.network import Conv, ReLU
        >>> net = Builder((3, 8, 8))
        >>> with net.scope("stages", 0):
        ...     with net.scope("cells.2"):
        ...         _ = net.chain(net.input, Conv(3, 3, 1), ReLU(), Conv(3, 3, 1))
        >>> [layer.name for layer in net.build().layers[1:]]
        ['stages.0.cells.2.conv1', 'stages.0.cells.2.relu', 'stages.0.cells.2.conv2']
        """
        return Scope(self, prefix(*parts))

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
        network = Network(named(self._layers), tuple(self._blocks))
        assert len(network.shapes) == len(network.layers)
        return network
