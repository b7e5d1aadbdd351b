"""The operations that a network is made of, each with its sizes. Nothing here needs torch."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

Shape = tuple[int, ...]
"""The sizes of one example, without the batch: (channels, height, width) or (features,)."""

FLOPS_RULE = "multiply-adds of convolutions and linear layers, one example"


def _window(size: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    out = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    if out < 1:
        raise ValueError(f"a {kernel}x{kernel} window with stride {stride} does not fit {size}")
    return out


@dataclass(frozen=True, slots=True)
class Op:
    """One operation with its sizes.

    By default it keeps the shape of its input and has no parameters.

    >>> Conv(3, 16, kernel=3, padding=1).shape((3, 32, 32))
    (16, 32, 32)
    """

    def shape(self, *inputs: Shape) -> Shape:
        """The shape of the output for inputs of these shapes; ValueError if they do not fit."""
        return inputs[0]

    def params(self) -> int:
        """The number of trainable parameters."""
        return 0

    def flops(self, output: Shape) -> int:
        """Multiply-adds for one example (`FLOPS_RULE`)."""
        return 0


@dataclass(frozen=True, slots=True)
class Input(Op):
    """The input of the network, of shape `size`."""

    size: Shape

    def shape(self, *inputs: Shape) -> Shape:
        if inputs:
            raise ValueError("an Input has no inputs")
        return self.size


@dataclass(frozen=True, slots=True)
class Conv(Op):
    """Square 2-d convolution."""

    in_channels: int
    out_channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    bias: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        channels, height, width = inputs[0]
        if channels != self.in_channels:
            raise ValueError(f"{self} was given {channels} channels")
        sizes = (self.kernel, self.stride, self.padding, self.dilation)
        return self.out_channels, _window(height, *sizes), _window(width, *sizes)

    def params(self) -> int:
        fan_in = self.in_channels // self.groups * self.kernel**2
        return self.out_channels * (fan_in + self.bias)

    def flops(self, output: Shape) -> int:
        return prod(output) * (self.in_channels // self.groups) * self.kernel**2


@dataclass(frozen=True, slots=True)
class Linear(Op):
    """Fully connected layer on features."""

    in_features: int
    out_features: int
    bias: bool = True

    def shape(self, *inputs: Shape) -> Shape:
        if inputs[0] != (self.in_features,):
            raise ValueError(f"{self} was given {inputs[0]}")
        return (self.out_features,)

    def params(self) -> int:
        return self.out_features * (self.in_features + self.bias)

    def flops(self, output: Shape) -> int:
        return self.in_features * prod(output)


@dataclass(frozen=True, slots=True)
class BatchNorm(Op):
    """Batch normalisation with scale and shift."""

    channels: int
    eps: float = 1e-5

    def shape(self, *inputs: Shape) -> Shape:
        if inputs[0][0] != self.channels:
            raise ValueError(f"{self} was given {inputs[0][0]} channels")
        return inputs[0]

    def params(self) -> int:
        return 2 * self.channels


@dataclass(frozen=True, slots=True)
class ReLU(Op):
    """max(x, 0)."""


@dataclass(frozen=True, slots=True)
class SiLU(Op):
    """x / (1 + exp(-x)), also called Swish."""


@dataclass(frozen=True, slots=True)
class Sigmoid(Op):
    """1 / (1 + exp(-x))."""


@dataclass(frozen=True, slots=True)
class _Pool(Op):
    kernel: int
    stride: int
    padding: int = 0

    def shape(self, *inputs: Shape) -> Shape:
        channels, height, width = inputs[0]
        sizes = (self.kernel, self.stride, self.padding)
        return channels, _window(height, *sizes), _window(width, *sizes)


@dataclass(frozen=True, slots=True)
class AvgPool(_Pool):
    """Average over the part of a square window that lies inside the image."""


@dataclass(frozen=True, slots=True)
class MaxPool(_Pool):
    """Maximum over a square window."""


@dataclass(frozen=True, slots=True)
class GlobalAvgPool(Op):
    """Mean over height and width: (channels, height, width) to (channels,)."""

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0][:1]


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
class Scale(Op):
    """Every channel of a tensor times its own factor.

    The inputs have the shapes (channels, height, width) and (channels,). The factors may come from
    the same tensor, as in squeeze-and-excitation.
    """

    def shape(self, *inputs: Shape) -> Shape:
        maps, factors = inputs
        if len(maps) != 3 or factors != maps[:1]:
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
class Crop(Op):
    """Maps without their first row and column: a stride of two then reads the other pixels."""

    def shape(self, *inputs: Shape) -> Shape:
        channels, height, width = inputs[0]
        if height < 2 or width < 2:
            raise ValueError(f"{self} was given maps of {height}x{width}")
        return channels, height - 1, width - 1
