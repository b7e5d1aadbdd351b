"""Operations that change the size of maps, without weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nas.network.ops.op import Op, Shape, check_dims, check_maps, window


@dataclass(frozen=True, slots=True)
class _Pool(Op):
    kernel: int
    stride: int
    padding: int = 0
    dims: int = 2

    def __post_init__(self) -> None:
        check_dims(self, self.dims)

    def shape(self, *inputs: Shape) -> Shape:
        check_maps(self, inputs[0], self.dims)
        sizes = (self.kernel, self.stride, self.padding, 1, self.dims)
        return inputs[0][0], *(window(size, *sizes) for size in inputs[0][1:])


@dataclass(frozen=True, slots=True)
class AvgPool(_Pool):
    """Average over the part of a window with equal sides that lies inside the map."""


@dataclass(frozen=True, slots=True)
class MaxPool(_Pool):
    """Maximum over a window with equal sides."""


@dataclass(frozen=True, slots=True)
class GlobalAvgPool(Op):
    """Mean over all places: (channels, height, width) to (channels,), for any dimension."""

    def shape(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) < 2:
            raise ValueError(f"{self} was given {inputs[0]}, which has no places")
        return inputs[0][:1]


@dataclass(frozen=True, slots=True)
class Upsample(Op):
    """Maps `factor` times as large, of any dimension; `bilinear` is for two."""

    factor: int = 2
    mode: Literal["nearest", "bilinear"] = "nearest"

    def shape(self, *inputs: Shape) -> Shape:
        if not 2 <= len(inputs[0]) <= 4 or (self.mode == "bilinear" and len(inputs[0]) != 3):
            raise ValueError(f"{self} was given {inputs[0]}")
        return inputs[0][0], *(size * self.factor for size in inputs[0][1:])


@dataclass(frozen=True, slots=True)
class Crop(Op):
    """Maps without their first row and column: a stride of two then reads the other pixels."""

    def shape(self, *inputs: Shape) -> Shape:
        check_maps(self, inputs[0], 2)
        channels, height, width = inputs[0]
        if height < 2 or width < 2:
            raise ValueError(f"{self} was given maps of {height}x{width}")
        return channels, height - 1, width - 1
