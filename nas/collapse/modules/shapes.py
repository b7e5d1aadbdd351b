"""`Segmented` tensors reshaped, with dimensions moved, cut, repeated and joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.collapse.modules.operations import HANDLERS, counted, each, handles, handles_each
from nas.collapse.modules.segments import (
    Memo,
    Part,
    Parts,
    Segmented,
    along,
    columns,
    cut,
    segmented,
)


def view(
    x: Segmented, key: object, function: Callable[[Tensor], Tensor], axis: int, memo: Memo
) -> Segmented:
    """Apply a function to every part; the result shares the memory of `x`."""
    made = each(memo, x, key, function, axis)
    return segmented(made.parts, axis, x)


@handles_each(
    "reshape", "view", "flatten", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as"
)
def _(function: Callable[..., Any], memo: Memo, x: Segmented, *args: Any, **kwargs: Any) -> Any:
    image = function(torch.empty(x.shape, dtype=x.dtype, device="meta"), *args, **kwargs)
    return reshaped(memo, x, list(image.shape)) if image.dtype == x.dtype else NotImplemented


def reshaped(memo: Memo, x: Segmented, shape: list[int]) -> Any:
    """The same entries in another shape; NotImplemented if the segments have no single axis."""
    if x.whole:
        return view(
            x, ("shape", *shape), lambda v: v.reshape(shape), min(1 - len(shape), -1), memo
        )
    before, size = prod(x.shape[: x.axis]), x.shape[x.axis]
    place = next((i for i, new in enumerate(shape) if prod(shape[:i]) == before and new > 1), None)
    if place is None:
        return NotImplemented
    if shape[place] % size == 0:  # joined with dimensions after it
        return _with_width(memo, x, shape, place, shape[place] // size)
    inner = next((i for i in range(place, len(shape)) if prod(shape[place : i + 1]) == size), None)
    if inner is None:
        return NotImplemented
    starts = range(0, size, shape[inner])  # the axis is split: the innermost is the new axis
    pieces = [piece(x, start, start + shape[inner]) for start in starts]
    return _with_width(memo, stacked([p.parts for p in pieces], x.axis, x), shape, inner, 1)


def _with_width(memo: Memo, x: Segmented, shape: list[int], place: int, times: int) -> Segmented:
    """Every part in this shape; the axis is then at `place` and `times` times as wide."""

    def reshape(values: Tensor) -> Tensor:
        width = values.shape[x.axis] * times
        return values.reshape(*shape[:place], width, *shape[place + 1 :])

    return view(x, ("width", place, times, *shape), reshape, place - len(shape), memo)


def stacked(sides: Sequence[Parts], axis: int, view_of: Segmented | None = None) -> Segmented:
    """Tensors stacked along a new dimension before the axis."""
    parts = []
    for values, count in columns(sides, axis):
        if all(other is values[0] for other in values):  # no new memory is needed
            sizes = list(values[0].unsqueeze(axis - 1).shape)
            sizes[axis - 1] = len(values)
            together = values[0].unsqueeze(axis - 1).expand(sizes)
        else:
            level = torch.broadcast_tensors(*values)  # type: ignore[no-untyped-call]
            together = torch.stack(level, axis - 1)
        parts.append(Part(together, count))
    return segmented(parts, axis, view_of)


@handles_each(
    "permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "adjoint",
    "__getitem__", "select", "narrow", "chunk", "split", "tensor_split", "unbind",
)  # fmt: skip
def moved(
    function: Callable[..., Any], memo: Memo, x: Segmented, *args: Any, **kwargs: Any
) -> Any:
    """A view, or several.

    The function is called with an image of `x` that has no memory; the strides of the result show
    where the axis went.
    """
    strides = [1] * x.dim()
    order = [place for place in range(-x.dim(), 0) if place != x.axis][::-1]
    step = 1
    for place in [*order, x.axis]:
        strides[place], step = step, step * (x.shape[place] + 1)
    image = torch.empty_strided(x.shape, strides, device="meta")
    images = function(image, *args, **kwargs)
    several = isinstance(images, tuple | list)
    known: dict[int, Any] = {}  # all of a part's views, by its id
    made = []
    for number, goal in enumerate(images if several else [images]):

        def apply(values: Tensor, number: int = number) -> Tensor:
            if id(values) not in known:
                known[id(values)] = function(values, *args, **kwargs)
            result = known[id(values)]
            return result[number] if several else result  # type: ignore[no-any-return]

        key = function, number, *args, *kwargs.items()
        one = _moved(memo, x, key, apply, goal, strides[x.axis])
        if one is NotImplemented:
            return NotImplemented
        made.append(one)
    return type(images)(made) if several else made[0]


def _moved(
    memo: Memo,
    x: Segmented,
    key: object,
    function: Callable[[Tensor], Tensor],
    goal: Tensor,
    step: int,
) -> Any:
    """One view of `x`. In its image `goal`, neighbours along the axis are `step` apart."""
    if not goal._is_view():  # an index with tensors gives a copy in another order
        return NotImplemented
    if x.whole:
        return view(x, key, function, min(1 - goal.dim(), -1), memo)
    places = [place for place in range(-goal.dim(), 0) if goal.stride(place) == step]
    if places and goal.shape[places[0]] == x.shape[x.axis]:
        return view(x, key, function, places[0], memo)
    start, shape = goal.storage_offset() // step, list(x.shape)
    if places:  # some of the channels
        shape[x.axis] = goal.shape[places[0]]
        same = places == [x.axis] and shape == list(goal.shape)
        return piece(x, start, start + shape[x.axis]) if same else NotImplemented
    del shape[x.axis]  # one channel
    same = shape == list(goal.shape)
    return reshaped(memo, piece(x, start, start + 1), shape) if same else NotImplemented


def piece(x: Segmented, start: int, end: int) -> Segmented:
    """The channels from start to end."""
    edges = [place for place in (start, end) if 0 < place < x.shape[x.axis]]
    inside, place = [], 0
    for part in cut(x.parts, x.axis, edges):
        if start <= place < end:
            inside.append(part)
        place += part.size(x.axis)
    return segmented(inside, x.axis, x)


for _name in ("T", "mT"):
    HANDLERS[getattr(Tensor, _name).__get__] = HANDLERS[
        Tensor.t if _name == "T" else Tensor.adjoint
    ]


@handles("embedding")
def _(
    memo: Memo,
    ids: Segmented,
    table: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    **_: Any,  # about gradients
) -> Any:
    if not isinstance(ids, Segmented) or max_norm is not None:  # max_norm scales rows in place
        return NotImplemented
    rows = [memo.kept("rows", F.embedding, part.values, table) for part in ids.parts]
    parts = [Part(each, part.times) for each, part in zip(rows, ids.parts, strict=True)]
    return segmented(parts, ids.axis - 1)


@handles("expand")
def expand(memo: Memo, x: Segmented, *sizes: Any) -> Any:
    """Dimensions of size 1 repeated, and new ones in front."""
    wanted = list(sizes if isinstance(sizes[0], int) else sizes[0])
    if not x.dim():
        return NotImplemented
    parts, size = x.parts, wanted[x.axis]
    if x.shape[x.axis] == 1 and size > 1:
        parts = [Part(x.parts[0].values, size)]
    elif size not in (-1, x.shape[x.axis]):
        return NotImplemented
    made = []
    for part in parts:
        wanted[x.axis] = part.width(x.axis)
        made.append(Part(part.values.expand(wanted), part.times))
    return segmented(made, x.axis, x)


@handles("expand_as")
def _(memo: Memo, x: Segmented, other: Tensor) -> Any:
    return expand(memo, x, other.shape)


@handles("cat", "concat", "concatenate")
def _(memo: Memo, tensors: Sequence[Tensor], dim: int = 0) -> Any:
    (place,) = counted(tensors[0], dim)
    if len({(*x.shape[:place], *x.shape[place:][1:]) for x in tensors}) > 1:
        return NotImplemented
    dtype = reduce(torch.promote_types, [x.dtype for x in tensors])
    axis = next((x.axis for x in tensors if isinstance(x, Segmented) and not x.whole), place)
    sides = [[Part(v.to(dtype), n) for v, n in along(x, axis)] for x in tensors]
    if axis == place:
        return segmented([part for side in sides for part in side], axis)
    parts = []
    for values, count in columns(sides, axis):
        width = max(tensor.shape[axis] for tensor in values)
        level = []
        for tensor in values:
            sizes = list(tensor.shape)
            sizes[axis] = width
            level.append(tensor.expand(sizes))
        parts.append(Part(torch.cat(level, place), count))
    return segmented(parts, axis)


@handles("stack")
def _(memo: Memo, tensors: Sequence[Tensor], dim: int = 0) -> Any:
    place = dim % (tensors[0].dim() + 1)
    unsqueeze = HANDLERS[Tensor.unsqueeze]
    rows = [
        unsqueeze(memo, x, place) if isinstance(x, Segmented) else x.unsqueeze(place)
        for x in tensors
    ]
    return HANDLERS[torch.cat](memo, rows, place)
