"""The input, sums and joins of tensors, and other shapes of the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from nas.network.ops.op import Op, Shape


@dataclass(frozen=True, slots=True)
class Input(Op):
    """The input of the network, of shape `size`."""

    size: Shape

    def shape(self, *inputs: Shape) -> Shape:
        if inputs:
            raise ValueError("an Input has no inputs")
        return self.size


@dataclass(frozen=True, slots=True)
class Zero(Op):
    """Zeros, in the shape that a 1x1 convolution with these channels and stride would give.

    With `channels=None` there are as many channels as in the input. With `size` the shape is that
    one, whatever the input is.
    """

    channels: int | None = None
    stride: int = 1
    size: Shape | None = None

    def shape(self, *inputs: Shape) -> Shape:
        if self.size is not None:
            return self.size
        channels, *sizes = inputs[0]
        return (self.channels or channels, *(1 + (size - 1) // self.stride for size in sizes))


@dataclass(frozen=True, slots=True)
class Add(Op):
    """The sum of tensors of the same shape."""

    def shape(self, *inputs: Shape) -> Shape:
        if len(set(inputs)) != 1:
            raise ValueError(f"Add was given the shapes {inputs}")
        return inputs[0]


@dataclass(frozen=True, slots=True)
class Multiply(Op):
    """The product, number by number, of tensors of the same shape: a gate."""

    def shape(self, *inputs: Shape) -> Shape:
        if len(set(inputs)) != 1:
            raise ValueError(f"Multiply was given the shapes {inputs}")
        return inputs[0]


@dataclass(frozen=True, slots=True)
class Scale(Op):
    """Every channel of a tensor times its own factor.

    The inputs have the shapes (channels, height, width), or another number of dimensions, and
    (channels,). The factors may come from the same tensor, as in squeeze-and-excitation.
    """

    def shape(self, *inputs: Shape) -> Shape:
        maps, factors = inputs
        if len(maps) < 2 or factors != maps[:1]:
            raise ValueError(f"Scale was given the shapes {inputs}")
        return maps


@dataclass(frozen=True, slots=True)
class Concat(Op):
    """The channels of several tensors, one tensor after the other."""

    def shape(self, *inputs: Shape) -> Shape:
        if len({shape[1:] for shape in inputs}) != 1:
            raise ValueError(f"Concat was given the shapes {inputs}")
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])


@dataclass(frozen=True, slots=True)
class Narrow(Op):
    """The first channels of a tensor."""

    channels: int

    def shape(self, *inputs: Shape) -> Shape:
        if inputs[0][0] < self.channels:
            raise ValueError(f"{self} was given {inputs[0][0]} channels")
        return (self.channels, *inputs[0][1:])


@dataclass(frozen=True, slots=True)
class Flatten(Op):
    """All axes from `start` on as one: (channels, height, width) to (features,) for 0."""

    start: int = 0

    def shape(self, *inputs: Shape) -> Shape:
        if not 0 <= self.start < len(inputs[0]):
            raise ValueError(f"{self} was given {inputs[0]}")
        return (*inputs[0][: self.start], prod(inputs[0][self.start :]))


@dataclass(frozen=True, slots=True)
class Permute(Op):
    """The axes of an example in another order: (1, 0) makes a sequence of 1-d maps, and back."""

    order: tuple[int, ...]

    def shape(self, *inputs: Shape) -> Shape:
        if sorted(self.order) != list(range(len(inputs[0]))):
            raise ValueError(f"{self} was given {inputs[0]}")
        return tuple(inputs[0][axis] for axis in self.order)


@dataclass(frozen=True, slots=True)
class SequenceMean(Op):
    """Mean over the places of a sequence: (length, features) to (features,)."""

    def shape(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) != 2:
            raise ValueError(f"{self} was given {inputs[0]}, no sequence (length, features)")
        return inputs[0][1:]
