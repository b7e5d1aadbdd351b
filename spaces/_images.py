"""The sizes of images that a space takes: channels, height and width."""

from __future__ import annotations

from typing import Any

Resolution = int | tuple[int, int]
"""The side of square images in pixels, or their height and width."""


def sides(resolution: Resolution) -> tuple[int, int]:
    """Height and width."""
    return (resolution, resolution) if isinstance(resolution, int) else resolution


def check_images(space: Any, divisor: int, why: str) -> None:
    """Check the fields `resolution` and `input_channels` of a space.

    Both sides must be multiples of `divisor`, for the reason `why`; ValueError if they are not.
    Of equal sides the field keeps one, so that equal spaces look equal.
    """
    given = space.resolution
    if not isinstance(given, int):
        listed = isinstance(given, tuple | list) and len(given) == 2
        if not listed or not all(type(side) is int for side in given):
            raise ValueError(f"resolution={given} must be a number of pixels, or (height, width)")
        pair = (given[0], given[1])
        object.__setattr__(space, "resolution", pair[0] if pair[0] == pair[1] else pair)
    for side in sides(space.resolution):
        if side < divisor or side % divisor:
            raise ValueError(f"resolution={space.resolution} must be a multiple of {why}")
    if space.input_channels < 1:
        raise ValueError(f"input_channels={space.input_channels} must be at least 1")
