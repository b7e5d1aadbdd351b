"""Maps of equal channels, with their scale apart: what the collapse with tensors computes with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Map:
    """`count` equal channels, each `values * exp(scale)`; a scale of -inf means zeros.

    `values` has the shape (1, batch, height, width), with one to three sizes, or (batch,) for
    vectors. The batch is innermost in memory: so pooling and elementwise operations are fastest.
    """

    values: Tensor
    scale: float
    count: int


Maps = tuple[Map, ...]
"""A tensor: its channels in order, as segments of equal ones."""


def each(function: Callable[[Map], Map], maps: Maps) -> Maps:
    """Apply a function to every segment; segments of the same map are computed once."""
    done: dict[tuple[int, float], Map] = {}
    for part in maps:
        key = id(part.values), part.scale
        if key not in done:
            done[key] = function(part)
    return tuple(replace(done[id(part.values), part.scale], count=part.count) for part in maps)


def scaled(function: Callable[[Tensor], Tensor], maps: Maps) -> Maps:
    """Apply a function to the values of every segment; it must commute with a positive scale."""
    return each(lambda part: replace(part, values=function(part.values)), maps)


def rows(values: Tensor) -> Tensor:
    """The values with the batch as last dimension, along which they lie in memory."""
    return values.movedim(1, -1) if values.dim() > 1 else values
