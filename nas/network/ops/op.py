"""What every operation says of itself: shapes, parameters, multiply-adds. No torch here."""

from __future__ import annotations

from dataclasses import dataclass

Shape = tuple[int, ...]
"""The sizes of one example, without the batch: (features,), (channels, height, width), …

Maps have their channels first: (channels, length), (channels, height, width), (channels, depth,
height, width). A sequence has its features last: (length, features).
"""

FLOPS_RULE = "multiply-adds of convolutions, linear layers and attention, one example"


@dataclass(frozen=True, slots=True)
class Op:
    """One operation with its sizes.

    By default it keeps the shape of its input and has no parameters.

    >>> from nas.network import Conv
    >>> Conv(3, 16, kernel=3, padding=1).shape((3, 32, 32))
    (16, 32, 32)
    >>> Conv(3, 16, kernel=3, stride=2, padding=1, dims=1).shape((3, 32))
    (16, 16)
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


def check_dims(op: Op, dims: int) -> None:
    """ValueError if maps cannot have so many dimensions beside the channels."""
    if dims not in (1, 2, 3):
        raise ValueError(f"{type(op).__name__} was given dims={dims}: it must be 1, 2 or 3")


def check_maps(op: Op, shape: Shape, dims: int, channels: int | None = None) -> None:
    """ValueError unless a shape is that of maps of so many dimensions, and of these channels."""
    if len(shape) != dims + 1:
        raise ValueError(
            f"{op} was given the shape {shape}, and takes channels and {dims} more: "
            f"dims={len(shape) - 1} is for this shape"
            if 2 <= len(shape) <= 4
            else f"{op} was given the shape {shape}, which is not that of maps"
        )
    if channels is not None and shape[0] != channels:
        raise ValueError(f"{op} was given {shape[0]} channels")


def check_features(op: Op, shape: Shape, features: int) -> None:
    """ValueError unless the last axis of a shape has so many features."""
    if not shape or shape[-1] != features:
        raise ValueError(f"{op} was given {shape}")


def window(
    size: int, kernel: int, stride: int, padding: int, dilation: int = 1, dims: int = 2
) -> int:
    """The number of places of a window along an axis; ValueError if there is none."""
    out = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    if out < 1:
        sizes = "x".join([str(kernel)] * dims)
        raise ValueError(f"a {sizes} window with stride {stride} does not fit {size}")
    return out
