"""Convolutions and linear maps of `Segmented` tensors, if all of their weights are one number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.collapse.modules.operations import entrywise, handles, handles_each, mixed, summed
from nas.collapse.modules.segments import Memo, Part, Segmented, along, cut, segmented

Sizes = int | Sequence[int]


def constant(tensor: Tensor | None) -> float | None:
    """The number that all entries of a tensor equal; None if they differ."""
    if tensor is None or isinstance(tensor, Segmented) or not tensor.numel():
        return None
    if any(tensor.stride()):
        low, high = tensor.aminmax()
        return low.item() if low == high else None
    return tensor.as_strided((), ()).item()


def _several(value: Sizes, dims: int) -> list[int]:
    return [value] * dims if isinstance(value, int) else [*value] * (dims // len(value))


def affine(
    memo: Memo, x: Any, weight: Tensor | None, bias: Tensor | None, axis: int | None
) -> Any:
    """`weight * x + bias`, where weight and bias lie along one dimension (None: the last ones).

    A weight or bias that is None is left out, and so is a bias of zeros.
    """
    shape = None if axis is None else (-1, *[1] * (-axis - 1))
    if weight is not None:
        x = entrywise(torch.mul, memo, x, weight if shape is None else weight.view(shape))
    if bias is not None and constant(bias) != 0:
        x = entrywise(torch.add, memo, x, bias if shape is None else bias.view(shape))
    return x


def _averages(memo: Memo, x: Segmented, size: int, groups: int, outputs: int) -> list[Part]:
    """The mean of each group of `size` channels, repeated `outputs` times."""
    if groups == 1:
        return [Part(mixed(memo, x, [part.times / size for part in x.parts]), outputs)]
    if size == 1:
        if outputs == 1:
            return list(x.parts)
        return [_repeated(memo, part, x.axis, outputs) for part in x.parts]
    averages = []
    group: list[Part] = []
    for part in cut(x.parts, x.axis, range(size, size * groups, size)):
        group.append(part)
        if sum(p.size(x.axis) for p in group) == size:
            mean = mixed(memo, segmented(group, x.axis), [p.times / size for p in group])
            averages.append(Part(mean, outputs))
            group = []
    return averages


def _repeated(memo: Memo, part: Part, axis: int, times: int) -> Part:
    """Every channel `times` times in a row."""
    if part.width(axis) == 1:
        return Part(part.values, part.times * times)
    repeat = partial(torch.repeat_interleave, repeats=times, dim=axis)
    return Part(memo(("repeat", times, axis), repeat, part.values), part.times)


@handles("conv1d", "conv2d", "conv3d")
def _(
    memo: Memo,
    x: Segmented,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Any:
    kernel = list(weight.shape[2:])
    steps, gaps = _several(stride, len(kernel)), _several(dilation, len(kernel))
    if isinstance(padding, str):
        beyond = [gap * (size - 1) for gap, size in zip(gaps, kernel, strict=True)]
        pads = [(n // 2, n - n // 2) if padding == "same" else (0, 0) for n in beyond]
    else:
        pads = [(n, n) for n in _several(padding, len(kernel))]

    spans = [gap * (size - 1) + 1 for gap, size in zip(gaps, kernel, strict=True)]
    rooms = [n + sum(pad) for n, pad in zip(x.shape[-len(kernel) :], pads, strict=True)]
    if any(room < span for room, span in zip(rooms, spans, strict=True)):
        return NotImplemented  # PyTorch raises the error

    def windows(values: Tensor) -> Tensor:
        return _box(values.transpose(0, 1), kernel, steps, pads, gaps).transpose(0, 1)

    key = "box", *kernel, *steps, *pads, *gaps
    outputs, inputs = weight.shape[0], weight.shape[1] * groups
    return _convolved(memo, x, weight, bias, groups, inputs, outputs, key, windows)


def _convolved(
    memo: Memo,
    x: Segmented,
    weight: Tensor,
    bias: Tensor | None,
    groups: int,
    inputs: int,
    outputs: int,
    key: tuple[object, ...],
    windows: Callable[[Tensor], Tensor],
) -> Any:
    """A convolution, if all its weights are equal.

    `windows` is what it does to one channel if its weight is 1, `key` its name in `memo`.
    """
    w, channel = constant(weight), 1 - weight.dim()
    fits = x.dim() == weight.dim() and x.shape[channel] == inputs and outputs % groups == 0
    if w is None or not fits:
        return NotImplemented
    size = inputs // groups
    means = _averages(memo, segmented(along(x, channel), channel), size, groups, outputs // groups)
    gain = w * size

    def weighted(values: Tensor) -> Tensor:
        return windows(values) * gain

    made = [Part(memo((*key, gain), weighted, mean), count) for mean, count in means]
    return affine(memo, segmented(made, channel), None, bias, channel)


def _box(
    rows: Tensor,
    kernel: list[int],
    steps: list[int],
    pads: list[tuple[int, int]],
    gaps: list[int],
) -> Tensor:
    """Sums over windows; padding is zeros. The last dimensions are those of the image."""
    if all(size == 1 for size in (*kernel, *steps)) and not any(map(any, pads)):
        return rows
    low = [before for before, _ in pads]
    central = all(a == b and 2 * a <= size for (a, b), size in zip(pads, kernel, strict=True))
    if len(kernel) == 2 and central and all(gap == 1 for gap in gaps):
        if min(kernel) < 4:
            return F.avg_pool2d(rows, kernel, steps, low, divisor_override=1)
        rows = F.avg_pool2d(rows, (kernel[0], 1), (steps[0], 1), (low[0], 0), divisor_override=1)
        return F.avg_pool2d(rows, (1, kernel[1]), (1, steps[1]), (0, low[1]), divisor_override=1)
    rows = F.pad(rows, [n for pad in reversed(pads) for n in pad])
    for place, (size, step, gap) in enumerate(zip(kernel, steps, gaps, strict=True)):
        dim = rows.dim() - len(kernel) + place
        length = rows.shape[dim] - gap * (size - 1)
        taps = [rows.narrow(dim, gap * tap, length) for tap in range(size)]
        every = (*[slice(None)] * dim, slice(None, None, step))
        rows = sum((tap[every] for tap in taps[1:]), taps[0][every])
    return rows


@handles_each("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _(
    function: Callable[..., Tensor],
    memo: Memo,
    x: Segmented,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Any:
    kernel = weight.shape[2:]
    sizes = [_several(s, len(kernel)) for s in (stride, padding, output_padding, dilation)]
    inputs, outputs = weight.shape[0], weight.shape[1] * groups

    def windows(values: Tensor) -> Tensor:
        ones = values.new_ones(1, 1, *kernel)
        rows = values.reshape(-1, 1, *values.shape[2:])
        spread = function(rows, ones, None, *sizes[:3], 1, sizes[3])
        return spread.reshape(*values.shape[:2], *spread.shape[2:])

    key = "transposed", *kernel, *map(tuple, sizes)
    return _convolved(memo, x, weight, bias, groups, inputs, outputs, key, windows)


@handles("linear")
def linear(memo: Memo, x: Segmented, weight: Tensor, bias: Tensor | None = None) -> Any:
    """A linear map of the last dimension."""
    w = constant(weight)
    if w is None or weight.dim() != 2 or x.shape[-1:] != weight.shape[1:]:
        return NotImplemented
    outputs, size = weight.shape
    if x.whole or x.axis == -1:
        x = x if x.axis == -1 else segmented(x.parts, -1)
        means = _averages(memo, x, size, 1, outputs)
        result = segmented([Part(mean * (w * size), count) for mean, count in means], -1)
    else:
        made = [Part(_spread(summed(v, -1) * w, outputs), count) for v, count in x.parts]
        result = segmented(made, x.axis)
    return affine(memo, result, None, bias, -1)


def _spread(values: Tensor, size: int) -> Tensor:
    return values.expand(*values.shape[:-1], size)


@handles("matmul", "mm", "__matmul__")
def _(memo: Memo, x: Segmented, other: Tensor) -> Any:
    if not isinstance(x, Segmented) or x.dim() < 2 or other.dim() != 2:
        return NotImplemented
    return linear(memo, x, other.t()) if constant(other) is not None else NotImplemented
