"""Tensors with many equal channels, as distinct channels and how often each repeats."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import accumulate, groupby, pairwise
from operator import itemgetter
from typing import NamedTuple

import torch
from torch import Tensor

from nas.collapse.cutting import ends, pieces


class Part(NamedTuple):
    """`values`, repeated `times` times along the axis of their tensor."""

    values: Tensor
    times: int

    def width(self, axis: int) -> int:
        """The number of channels of the values; 1 if they have no such axis and broadcast."""
        return self.values.shape[axis] if self.values.dim() >= -axis else 1

    def size(self, axis: int) -> int:
        """The number of channels, with repeats."""
        return self.width(axis) * self.times


Parts = Sequence[Part]


class Segmented(Tensor):
    """A tensor as a module sees it, of which only `parts` are computed.

    It has the shape, dtype and device of the whole tensor, but no memory: an operation that does
    not go through `Interception` raises. The parts lie one after the other along `axis`, which is
    negative: so it is the same dimension in tensors that broadcast. If the values have three or
    more dimensions, the batch is innermost in memory: so pooling and elementwise operations are
    fastest.
    """

    parts: Parts
    axis: int
    writes: list[int]
    """How often the memory was written to: one counter, shared by all views."""
    seen: int
    """The value of that counter when `parts` were computed."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, func: object, *_: object) -> None:
        raise NotImplementedError(f"{func} reads channels that were never computed")

    @property
    def whole(self) -> bool:
        """Whether all channels are stored; then any dimension can serve as the axis."""
        return len(self.parts) == 1 and self.parts[0].times == 1

    def write(self, other: Segmented) -> None:
        """Replace the values by another tensor's; views of this tensor become out of date."""
        self.parts = [Part(part.values.to(self.dtype), part.times) for part in other.parts]
        self.axis = other.axis
        self.writes[0] += 1
        self.seen = self.writes[0]


def segmented(parts: Iterable[Part], axis: int, view_of: Segmented | None = None) -> Segmented:
    """A tensor of these parts; neighbouring parts with the same values become one."""
    merged = list(parts)
    if len(merged) > 1:
        merged = _joined(merged)
    values = merged[0].values
    shape = list(values.shape)
    if shape:
        shape[axis] *= merged[0].times
        shape[axis] += sum([part.size(axis) for part in merged[1:]])
    dtype, device = values.dtype, values.device
    made: Segmented = Tensor._make_wrapper_subclass(Segmented, shape, dtype=dtype, device=device)
    made.parts, made.axis = merged, axis
    made.writes = [0] if view_of is None else view_of.writes
    made.seen = made.writes[0]
    return made


def _joined(parts: Parts) -> list[Part]:
    joined = [parts[0]]
    for part in parts[1:]:
        if joined[-1].values is part.values:
            joined[-1] = Part(part.values, part.times + joined[-1].times)
        else:
            joined.append(part)
    return joined


def whole(values: Tensor) -> Segmented:
    """A tensor of which no channel is known to equal another; the values are not copied."""
    return segmented([Part(values, 1)], min(1 - values.dim(), -1))


def compressed(values: Tensor) -> Segmented:
    """A copy that stores equal neighbours once, along the dimension that has the most of them."""
    shares = {axis: _share(values, axis) for axis in range(1 - values.dim(), 0)}
    best = min(shares, key=shares.__getitem__, default=0)
    if shares.get(best, 1) < 1:
        return segmented(_split(values, best), best)
    return whole(_copy(values))


def expanded(tensor: Segmented) -> Tensor:
    """All channels, in memory of their own."""
    if tensor.whole:
        return tensor.parts[0].values.clone(memory_format=torch.contiguous_format)
    parts = [_tiled(part, tensor.axis) for part in tensor.parts]
    return torch.cat(parts, tensor.axis).contiguous()


def along(tensor: Tensor, axis: int) -> Parts:
    """A tensor's parts along an axis.

    If the tensor has its segments along another axis, equal channels are searched for again.
    """
    if isinstance(tensor, Segmented):
        if tensor.axis == axis or tensor.whole:
            return tensor.parts
        tensor = expanded(tensor)
    return _split(tensor, axis)


def cut(parts: Parts, axis: int, bounds: Iterable[int]) -> list[Part]:
    """The same channels as parts, with a part that ends at each of the bounds.

    Parts also end where they ended before. `bounds` increase.
    """
    counts = [part.size(axis) for part in parts]
    found = pieces(counts, sorted({*bounds, *accumulate(counts)}))
    result: list[Part] = []
    for place, group in groupby(found, itemgetter(0)):
        result += _divided(parts[place], axis, [count for _, count in group])
    return result


def columns(tensors: Sequence[Parts], axis: int) -> list[tuple[list[Tensor], int]]:
    """Tensors cut at the same channels: for each piece, the tensors' values and their repeats.

    The values of a piece broadcast to each other. ValueError if the sizes along the axis differ
    and none of the two is 1.
    """
    sizes = [sum([part.size(axis) for part in parts]) for parts in tensors]
    length = max(sizes)
    if not {1, length}.issuperset(sizes):
        raise ValueError(f"sizes {sizes} do not go together")
    if all(len(parts) == 1 for parts in tensors):
        return [_level([parts[0] for parts in tensors], axis)]
    full = [parts for parts, size in zip(tensors, sizes, strict=True) if size == length]
    bounds = ends(*([part.size(axis) for part in parts] for parts in full))
    sides = [
        cut(parts, axis, bounds) if size == length else list(parts) * len(bounds)
        for parts, size in zip(tensors, sizes, strict=True)
    ]
    return [_level(column, axis) for column in zip(*sides, strict=True)]


def _level(column: Sequence[Part], axis: int) -> tuple[list[Tensor], int]:
    size = max(part.size(axis) for part in column)
    widths = {part.width(axis) for part in column} - {1}
    if len(widths) < 2:
        return [part.values for part in column], size // (widths.pop() if widths else 1)
    return [_tiled(p, axis) if p.width(axis) > 1 else p.values for p in column], 1


def _divided(part: Part, axis: int, counts: list[int]) -> list[Part]:
    """A part, cut into pieces with these numbers of channels."""
    if len(counts) == 1:
        return [part]
    width = part.width(axis)
    if all(count % width == 0 for count in counts):
        return [Part(part.values, count // width) for count in counts]
    return [Part(values, 1) for values in _tiled(part, axis).split_with_sizes(counts, axis)]


def _tiled(part: Part, axis: int) -> Tensor:
    """The values of a part, with all repeats in memory."""
    if part.times == 1:
        return part.values
    times = [1] * part.values.dim()
    times[axis] = part.times
    return part.values.repeat(times)


def _copy(values: Tensor) -> Tensor:
    """A copy with the batch innermost in memory; a constant still takes one number's memory."""
    if not any(values.stride()):
        return values
    if values.dim() < 3:
        return values.clone(memory_format=torch.contiguous_format)
    return values.movedim(0, -1).clone(memory_format=torch.contiguous_format).movedim(-1, 0)


def _split(values: Tensor, axis: int) -> list[Part]:
    """Parts along an axis: each segment of equal channels is one, and so are single neighbours."""
    if values.dim() < -axis or values.shape[axis] < 2:
        return [Part(_copy(values), 1)]
    size = values.shape[axis]
    edges = list(pairwise([*_starts(values, axis), size]))
    ends = {end for start, end in edges if end - start > 1}
    pieces = sorted({0, size, *ends, *(start for start, end in edges if end in ends)})
    parts = []
    for start, end in pairwise(pieces):
        width = 1 if end in ends else end - start
        parts.append(Part(_copy(values.narrow(axis, start, width)), (end - start) // width))
    return parts


def _share(values: Tensor, axis: int) -> float:
    """The share of channels that differ from the channel before; the first one counts."""
    size = values.shape[axis]
    return len(_starts(values, axis)) / size if size > 1 and values.numel() else 1.0


def _starts(values: Tensor, axis: int) -> list[int]:
    """The indices of channels that differ from the channel before, and 0."""
    size = values.shape[axis]
    if values.stride(axis) == 0 or not values.numel():
        return [0] if values.numel() else list(range(size))
    rows = values.movedim(axis, 0)
    line = rows
    while line.dim() > 1:
        line = line[:, 0]
    changes = line[1:] != line[:-1]
    if values.dim() > 1 and not changes.all():  # seldom: then the other entries decide
        changes = (rows[1:] != rows[:-1]).flatten(1).any(1)
    return [0, *(changes.nonzero().flatten() + 1).tolist()]


class Memo:
    """Results by operation and operands, so that nothing is computed twice.

    It keeps the most recent results, up to `limit` bytes: more would not fit the processor's
    caches.
    """

    def __init__(self, limit: int = 2**25) -> None:
        self._limit = limit
        self._bytes = 0
        self._results: OrderedDict[Hashable, tuple[tuple[Tensor, ...], Tensor]] = OrderedDict()
        self._kept: dict[Hashable, tuple[tuple[Tensor, ...], Tensor]] = {}

    def kept(self, key: Hashable, function: Callable[..., Tensor], *operands: Tensor) -> Tensor:
        """The same, but the result is always kept: for what does not depend on the weight."""
        place = (key, *map(id, operands))
        if place not in self._kept:
            self._kept[place] = operands, function(*operands)
        return self._kept[place][1]

    def __call__(
        self, key: Hashable, function: Callable[..., Tensor], *operands: Tensor
    ) -> Tensor:
        """The function of the operands; `key` says which function it is."""
        place = (key, *map(id, operands))
        try:
            known = place in self._results
        except TypeError:  # an argument that cannot be hashed
            return function(*operands)
        if known:
            self._results.move_to_end(place)
            return self._results[place][1]
        result = function(*operands)
        self._results[place] = operands, result  # an id can be used again once its operand is gone
        self._bytes += result.nbytes
        while self._bytes > self._limit and len(self._results) > 1:
            self._bytes -= self._results.popitem(last=False)[1][1].nbytes
        return result
