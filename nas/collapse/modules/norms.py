"""Norms and pools of `Segmented` tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod, sqrt
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.collapse.modules.convolutions import affine, constant
from nas.collapse.modules.operations import HANDLERS, each, functions, handles
from nas.collapse.modules.segments import Memo, Part, Segmented, along, segmented
from nas.collapse.modules.shapes import piece


def standardised(
    memo: Memo, x: Segmented, dims: Sequence[int], eps: float, gain: float, centre: bool = True
) -> Segmented:
    """`gain * (x - mean) / sqrt(variance + eps)` over dimensions counted from the end."""
    key = "norm", *dims, eps, gain, centre
    if x.whole or x.axis not in dims:

        def norm(values: Tensor) -> Tensor:
            if centre and values.numel() == prod(values.shape[dim] for dim in dims):
                return _one_norm(values, eps, gain)
            mean, scale = _moments([Part(values, 1)], None, dims, eps, gain, centre)
            return (values - mean) * scale if centre else values * scale

        return segmented([Part(memo(key, norm, v), count) for v, count in x.parts], x.axis)
    times = [part.times for part in x.parts]

    def moments(*values: Tensor) -> Tensor:
        parts = [Part(v, n) for v, n in zip(values, times, strict=True)]
        return torch.stack(_moments(parts, x.axis, dims, eps, gain, centre))

    def apply(values: Tensor, both: Tensor) -> Tensor:
        return (values - both[0]) * both[1] if centre else values * both[1]

    both = memo((*key, x.axis, *times), moments, *(part.values for part in x.parts))
    return segmented([Part(memo(key, apply, v, both), n) for v, n in x.parts], x.axis)


def _one_norm(values: Tensor, eps: float, gain: float) -> Tensor:
    """The same with one mean and variance for all entries: plain numbers are faster."""
    mean = values.sum().item() / values.numel()
    values = values - mean
    line = values.as_strided((values.numel(),), (1,))  # the whole memory, in any order
    variance = torch.dot(line, line).item() / values.numel()
    rounding = torch.finfo(values.dtype).eps * abs(mean)
    if sqrt(variance) <= rounding and values.abs().mean().item() <= rounding:  # squares underflow
        return torch.zeros_like(values)  # only rounding is left
    return values.mul_(gain / sqrt(variance + eps))


def _moments(
    parts: Sequence[Part],
    axis: int | None,
    dims: Sequence[int],
    eps: float,
    gain: float,
    centre: bool,
) -> tuple[Tensor, Tensor]:
    """The mean over the parts and dimensions, and the factor for deviations from it."""
    sizes = [1 if axis is None else part.size(axis) for part in parts]
    shares = [size / sum(sizes) for size in sizes]

    def average(tensors: Sequence[Tensor]) -> Tensor:
        means = [tensor.mean(list(dims), True) for tensor in tensors]
        return torch.stack([m * share for m, share in zip(means, shares, strict=True)]).sum(0)

    mean = average([values for values, _ in parts])
    rest = [(v - mean) if centre else v for v, _ in parts]
    scale = gain / (average([v.square() for v in rest]) + eps).sqrt()
    if centre:  # 0 where only rounding is left; absolute values, for squares may underflow
        rounding = torch.finfo(mean.dtype).eps * mean.abs()
        scale = torch.where(average([v.abs() for v in rest]) <= rounding, 0.0, scale)
    return mean, scale


def _normed(
    memo: Memo,
    x: Segmented,
    dims: Sequence[int],
    eps: float,
    weight: Tensor | None,
    bias: Tensor | None,
    axis: int | None,
    centre: bool = True,
) -> Any:
    """The norm with its weight and bias; a constant weight costs nothing."""
    own = x.shape[-len(dims) :] if axis is None else x.shape[axis : axis + 1 or None]
    if weight is not None and weight.shape != own:
        return NotImplemented
    gain = constant(weight)
    result = standardised(memo, x, dims, eps, 1.0 if gain is None else gain, centre)
    return affine(memo, result, weight if gain is None else None, bias, axis)


def _channelled(x: Segmented) -> Segmented:
    """The same tensor, with its segments along the second dimension."""
    return segmented(along(x, 1 - x.dim()), 1 - x.dim())


@handles("batch_norm")
def _(
    memo: Memo,
    x: Segmented,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    if not training:
        return NotImplemented
    own = _channelled(x)
    dims = [dim for dim in range(-x.dim(), 0) if dim != own.axis]
    return _normed(memo, own, dims, eps, weight, bias, own.axis)


@handles("instance_norm")
def _(
    memo: Memo,
    x: Segmented,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    if not use_input_stats or x.dim() < 3:
        return NotImplemented
    own = _channelled(x)
    return _normed(memo, own, range(2 - x.dim(), 0), eps, weight, bias, own.axis)


@handles("group_norm")
def _(
    memo: Memo,
    x: Segmented,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Any:
    if x.shape[1] % num_groups:
        return NotImplemented
    own = _channelled(x)
    size = x.shape[1] // num_groups
    parts = [
        part
        for start in range(0, x.shape[1], size)
        for part in standardised(
            memo, piece(own, start, start + size), range(1 - x.dim(), 0), eps, 1.0
        ).parts
    ]
    return affine(memo, segmented(parts, own.axis), weight, bias, own.axis)


@handles("layer_norm")
def _(
    memo: Memo,
    x: Segmented,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Any:
    if tuple(normalized_shape) != x.shape[-len(normalized_shape) :]:
        return NotImplemented
    return _normed(memo, x, range(-len(normalized_shape), 0), eps, weight, bias, None)


@handles("rms_norm")
def _(
    memo: Memo,
    x: Segmented,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Any:
    if tuple(normalized_shape) != x.shape[-len(normalized_shape) :]:
        return NotImplemented
    least = torch.finfo(x.dtype).eps if eps is None else eps
    return _normed(memo, x, range(-len(normalized_shape), 0), least, weight, None, None, False)


def _pooled(
    function: Callable[..., Tensor], dims: int, memo: Memo, x: Segmented, *args: Any, **kwargs: Any
) -> Any:
    """A pool over the last `dims` dimensions; 0 stands for all after the second."""
    if x.dim() != (dims + 2 if dims else max(x.dim(), 3)) or kwargs.get("return_indices"):
        return NotImplemented

    def pool(values: Tensor) -> Tensor:  # the batch is innermost in memory: channels here
        return function(values.transpose(0, 1), *args, **kwargs).transpose(0, 1)

    return each(memo, _channelled(x), (function, *args, *kwargs.items()), pool)


for _dims in (1, 2, 3):
    _names = [f"{kind}_pool{_dims}d" for kind in ("avg", "max", "lp")]
    _names += [f"adaptive_{kind}_pool{_dims}d" for kind in ("avg", "max")]
    for _function in functions(*_names):
        HANDLERS[_function] = partial(_pooled, _function, _dims)
for _function in functions("interpolate", "upsample"):
    HANDLERS[_function] = partial(_pooled, _function, 0)


@handles("pad")
def _(
    memo: Memo,
    x: Segmented,
    pad: Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> Any:
    place = -2 * x.axis
    channels = list(pad[place - 2 : place])
    if x.whole or not any(channels):
        key = "pad", *pad, mode, value
        return each(memo, x, key, lambda values: F.pad(values, list(pad), mode, value))
    if len(pad) != place or any(pad[: place - 2]) or mode != "constant" or min(channels) < 0:
        return NotImplemented
    one = torch.full_like(x.parts[0].values.narrow(x.axis, 0, 1), value or 0.0)
    before, after = (Part(one, times) for times in channels)
    return segmented([part for part in (before, *x.parts, after) if part.times], x.axis)
