"""Norms."""

from __future__ import annotations

from dataclasses import dataclass

from nas.network.ops.op import Op, Shape, check_dims, check_features, check_maps


@dataclass(frozen=True, slots=True)
class BatchNorm(Op):
    """Batch normalisation with scale and shift; `dims=1` takes vectors (channels,), too."""

    channels: int
    eps: float = 1e-5
    dims: int = 2

    def __post_init__(self) -> None:
        check_dims(self, self.dims)

    def shape(self, *inputs: Shape) -> Shape:
        dims = self.dims
        if len(inputs[0]) == 1 and dims != 1:
            raise ValueError(f"{self} was given the vector {inputs[0]}: dims=1 is for vectors")
        check_maps(self, inputs[0], 0 if len(inputs[0]) == 1 else dims, self.channels)
        return inputs[0]

    def params(self) -> int:
        return 2 * self.channels


@dataclass(frozen=True, slots=True)
class InstanceNorm(Op):
    """Every channel of every example by its own mean and spread, without scale and shift."""

    channels: int
    eps: float = 1e-5
    dims: int = 2

    def __post_init__(self) -> None:
        check_dims(self, self.dims)

    def shape(self, *inputs: Shape) -> Shape:
        check_maps(self, inputs[0], self.dims, self.channels)
        return inputs[0]


@dataclass(frozen=True, slots=True)
class GroupNorm(Op):
    """Groups of channels of one example, with a scale and a shift for each channel."""

    groups: int
    channels: int
    eps: float = 1e-5

    def __post_init__(self) -> None:
        if self.groups < 1 or self.channels % self.groups:
            raise ValueError(
                f"GroupNorm was given {self.channels} channels, which {self.groups} groups "
                f"cannot share evenly"
            )

    def shape(self, *inputs: Shape) -> Shape:
        if inputs[0][0] != self.channels:
            raise ValueError(f"{self} was given {inputs[0][0]} channels")
        return inputs[0]

    def params(self) -> int:
        return 2 * self.channels


@dataclass(frozen=True, slots=True)
class LayerNorm(Op):
    """The features of one place, which are the last axis, with scale and shift."""

    features: int
    eps: float = 1e-5

    def shape(self, *inputs: Shape) -> Shape:
        check_features(self, inputs[0], self.features)
        return inputs[0]

    def params(self) -> int:
        return 2 * self.features


@dataclass(frozen=True, slots=True)
class RMSNorm(Op):
    """Features divided by their root mean square, with a scale (Zhang & Sennrich 2019)."""

    features: int
    eps: float = 1e-6

    def shape(self, *inputs: Shape) -> Shape:
        check_features(self, inputs[0], self.features)
        return inputs[0]

    def params(self) -> int:
        return self.features
