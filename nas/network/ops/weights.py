"""Operations with weights: convolutions, linear layers, embeddings, attention."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from nas.network.ops.op import Op, Shape, check_dims, check_features, check_maps, window


@dataclass(frozen=True, slots=True)
class Conv(Op):
    """Convolution with equal sides on maps of `dims` dimensions; `groups=channels`: depthwise."""

    in_channels: int
    out_channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    bias: bool = False
    dims: int = 2

    def __post_init__(self) -> None:
        check_dims(self, self.dims)

    def shape(self, *inputs: Shape) -> Shape:
        check_maps(self, inputs[0], self.dims, self.in_channels)
        sizes = (self.kernel, self.stride, self.padding, self.dilation, self.dims)
        return self.out_channels, *(window(size, *sizes) for size in inputs[0][1:])

    def params(self) -> int:
        fan_in = self.in_channels // self.groups * prod([self.kernel] * self.dims)
        return self.out_channels * (fan_in + self.bias)

    def flops(self, output: Shape) -> int:
        return prod(output) * (self.in_channels // self.groups) * prod([self.kernel] * self.dims)


@dataclass(frozen=True, slots=True)
class ConvTranspose(Op):
    """Transposed convolution: with `stride=2` and `kernel=2`, maps of twice the size."""

    in_channels: int
    out_channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    output_padding: int = 0
    bias: bool = False
    dims: int = 2

    def __post_init__(self) -> None:
        check_dims(self, self.dims)

    def shape(self, *inputs: Shape) -> Shape:
        check_maps(self, inputs[0], self.dims, self.in_channels)
        added = self.kernel + self.output_padding - 2 * self.padding
        sizes = [(size - 1) * self.stride + added for size in inputs[0][1:]]
        if min(sizes) < 1:
            raise ValueError(f"{self} was given maps of {inputs[0][1:]}, which leaves none")
        return self.out_channels, *sizes

    def params(self) -> int:
        return self.out_channels * (self.in_channels * prod([self.kernel] * self.dims) + self.bias)

    def flops(self, output: Shape) -> int:
        added = self.kernel + self.output_padding - 2 * self.padding
        read = prod((size - added) // self.stride + 1 for size in output[1:])
        return read * self.in_channels * self.out_channels * prod([self.kernel] * self.dims)


@dataclass(frozen=True, slots=True)
class Linear(Op):
    """Fully connected layer on features, which are the last axis: (…, in) to (…, out)."""

    in_features: int
    out_features: int
    bias: bool = True

    def shape(self, *inputs: Shape) -> Shape:
        check_features(self, inputs[0], self.in_features)
        return (*inputs[0][:-1], self.out_features)

    def params(self) -> int:
        return self.out_features * (self.in_features + self.bias)

    def flops(self, output: Shape) -> int:
        return self.in_features * prod(output)


@dataclass(frozen=True, slots=True)
class Embedding(Op):
    """A vector for each token: whole numbers (…) to (…, features)."""

    vocabulary: int
    features: int

    def shape(self, *inputs: Shape) -> Shape:
        return (*inputs[0], self.features)

    def params(self) -> int:
        return self.vocabulary * self.features


@dataclass(frozen=True, slots=True)
class Positions(Op):
    """A learned vector for each place, added to a sequence (length, features)."""

    length: int
    features: int

    def shape(self, *inputs: Shape) -> Shape:
        if inputs[0] != (self.length, self.features):
            raise ValueError(f"{self} was given {inputs[0]}")
        return inputs[0]

    def params(self) -> int:
        return self.length * self.features


@dataclass(frozen=True, slots=True)
class Attention(Op):
    """Multi-head self-attention on a sequence (Vaswani et al. 2017, section 3.2).

    With `causal`, a place reads itself and the places before it.
    """

    features: int
    heads: int
    bias: bool = True
    causal: bool = False

    def __post_init__(self) -> None:
        if self.heads < 1 or self.features % self.heads:
            raise ValueError(
                f"Attention was given {self.features} features, which {self.heads} heads cannot "
                f"share evenly"
            )

    def shape(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) != 2:
            raise ValueError(f"{self} was given {inputs[0]}, no sequence (length, features)")
        check_features(self, inputs[0], self.features)
        return inputs[0]

    def params(self) -> int:
        return 4 * self.features * (self.features + self.bias)

    def flops(self, output: Shape) -> int:
        length, features = output
        return 4 * length * features**2 + 2 * length**2 * features
