"""A network under one shared weight, with tensors: equal channels are computed once.

If all weights of a layer are the same number w, all its output channels are the same map. A tensor
of many channels is then a few distinct maps, each with a count. Where all input channels are equal
to x, a convolution is w * (input channels) * box(x), and box sums over windows. This is exact.

A map is stored as values of moderate size and the logarithm of a scale, so that nothing underflows
or overflows, however small w is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce, singledispatch
from math import exp, inf, log, log1p, log2, sqrt
from operator import mul

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.collapse.activations import ACTIVATIONS
from nas.collapse.cutting import ends, pieces
from nas.collapse.maps import Map, Maps, each, rows, scaled
from nas.network import (
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    ConvTranspose,
    Crop,
    Dropout,
    GlobalAvgPool,
    Input,
    LeakyReLU,
    Linear,
    MaxPool,
    Multiply,
    Narrow,
    Network,
    Op,
    ReLU,
    Scale,
    Upsample,
    Zero,
)

AVG_POOLS: Sequence[Callable[..., Tensor]] = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)
MAX_POOLS: Sequence[Callable[..., Tensor]] = (F.max_pool1d, F.max_pool2d, F.max_pool3d)
CONVS: Sequence[Callable[..., Tensor]] = (F.conv1d, F.conv2d, F.conv3d)
TRANSPOSED: Sequence[Callable[..., Tensor]] = (
    F.conv_transpose1d,
    F.conv_transpose2d,
    F.conv_transpose3d,
)


def collapsed(network: Network, inputs: Tensor, weight: float) -> Maps:
    """The network's output if every weight and every norm's scale is `weight` and biases are 0.

    `inputs` has the shape (batch, channels, height, width), or another number of sizes, or
    (batch, features), and decides on dtype and device. Norms use the statistics of the batch.
    ValueError for a weight that is not positive; TypeError for an operation that `known` refuses.

    >>> from nas.network import Builder
    >>> net = Builder((3, 8, 8))
    >>> _ = net.add(Conv(3, 16, kernel=3, padding=1), net.input)
    >>> [output] = collapsed(net.build(), torch.ones(5, 3, 8, 8), weight=0.1)
    >>> output.count, tuple(output.values.shape)
    (16, (1, 5, 8, 8))
    """
    logarithm = _log(weight)
    network = network.shared
    last_use = {i: index for index, layer in enumerate(network.layers) for i in layer.inputs}
    tensors: dict[int, Maps] = {}
    for index, layer in enumerate(network.layers):
        arguments = [tensors[i] for i in layer.inputs] or [_split(inputs)]
        output = _apply(layer.op, arguments, logarithm)
        for i in set(layer.inputs):
            if last_use[i] == index:
                del tensors[i]
        tensors[index] = output
    return output


def known(network: Network) -> bool:
    """Whether this collapse has a rule for every layer: not for sequences, tokens, layer norms.

    >>> from nas.network import Attention, Builder
    >>> net = Builder((4, 8))
    >>> _ = net.add(Attention(8, heads=2), net.input)
    >>> known(net.build())
    False
    """
    return all(
        _apply.dispatch(type(layer.op)) is not _apply.dispatch(object)
        and not (isinstance(layer.op, Linear) and len(shape) > 1)
        for layer, shape in zip(network.layers, network.shapes, strict=True)
    )


def _log(weight: float) -> float:
    if not weight > 0:
        raise ValueError(f"the shared weight must be positive, not {weight}")
    return log(weight)


def flat(maps: Maps) -> tuple[Tensor, float]:
    """All the entries of a tensor as one float64 vector, and the logarithm of their scale."""
    top = max(part.scale for part in maps)
    if top == -inf:
        return torch.zeros(1, dtype=torch.float64), top
    entries = [
        (part.values.flatten().double() * exp(part.scale - top)).repeat(part.count)
        for part in maps
    ]
    return torch.cat(entries), top


def _split(inputs: Tensor) -> Maps:
    """Every input channel as a map of its own."""
    channels = inputs.movedim(0, -1).contiguous()
    if inputs.dim() == 2:
        return tuple(Map(channel, 0.0, 1) for channel in channels)
    return tuple(Map(channel[None].movedim(-1, 1), 0.0, 1) for channel in channels)


def _sum(terms: Sequence[tuple[Map, int]], gain: float, count: int) -> Map:
    """`count` channels, each exp(gain) times a sum: every map times its number in `terms`.

    The values are a weighted mean, so that they keep their size over any number of layers.
    """
    top = max(term.scale for term, _ in terms)
    if top == -inf:
        return replace(terms[0][0], count=count)
    shares = [times * exp(term.scale - top) for term, times in terms]
    total = sum(shares)
    parts = [
        (term.values, share / total)
        for (term, _), share in zip(terms, shares, strict=True)
        if share > 0
    ]
    values = parts[0][0]
    if len(parts) > 1:
        values = values * parts[0][1]
        for other, share in parts[1:]:
            values.add_(other, alpha=share)
    return Map(values, top + log(total) + gain, count)


def _cut(maps: Maps, bounds: Sequence[int]) -> Maps:
    """The same channels as segments that end at `bounds`.

    `bounds` contain the ends of all segments.
    """
    counts = [part.count for part in maps]
    return tuple(replace(maps[place], count=count) for place, count in pieces(counts, bounds))


def _ends(*tensors: Maps) -> list[int]:
    """The channels at which a segment of any tensor ends, in increasing order."""
    return ends(*([part.count for part in maps] for maps in tensors))


@singledispatch
def _apply(op: Op, inputs: Sequence[Maps], weight: float) -> Maps:
    """The output of one operation; `weight` is the logarithm of the shared weight."""
    raise TypeError(f"the collapse has no rule for {op}")


@_apply.register
def _(op: Conv, inputs: Sequence[Maps], weight: float) -> Maps:
    channels, group = op.in_channels // op.groups, op.out_channels // op.groups
    gain = weight + log(_divisor(op))
    if all(part.count % channels == 0 for part in inputs[0]):  # the channels of a group are equal
        sums = [
            _sum([(part, channels)], gain, part.count // channels * group) for part in inputs[0]
        ]
        return scaled(lambda values: _box(op, values), tuple(sums))
    starts = range(0, op.in_channels, channels)
    parts = _cut(inputs[0], sorted({*_ends(inputs[0]), *starts[1:]}))
    sums = []
    place = 0
    for _ in starts:
        terms: list[tuple[Map, int]] = []
        while sum(times for _, times in terms) < channels:
            terms.append((parts[place], parts[place].count))
            place += 1
        sums.append(_sum(terms, gain, group))
    return scaled(lambda values: _box(op, values), tuple(sums))


def _divisor(op: Conv | ConvTranspose) -> int:
    """The power of two nearest to the window's size: dividing by it keeps sizes and is exact."""
    return 1 << round(op.dims * log2(op.kernel))


def _box(op: Conv, values: Tensor) -> Tensor:
    """The sums over a convolution's windows, divided by `_divisor`; padding is zeros."""
    if op.kernel == 1 and op.stride == 1 and op.padding == 0:
        return values
    divisor = _divisor(op)
    if op.dims > 1 and op.dilation == 1 and op.padding <= op.kernel // 2:
        pool = AVG_POOLS[op.dims - 1]
        return pool(values, op.kernel, op.stride, op.padding, divisor_override=divisor)
    kernel = values.new_full((1, 1, *[op.kernel] * op.dims), 1 / divisor)
    images = values.transpose(0, 1)
    sums = CONVS[op.dims - 1](images, kernel, None, op.stride, op.padding, op.dilation)
    return sums.transpose(0, 1)


@_apply.register
def _(op: ConvTranspose, inputs: Sequence[Maps], weight: float) -> Maps:
    terms = [(part, part.count) for part in inputs[0]]
    total = _sum(terms, weight + log(_divisor(op)), op.out_channels)

    def spread(values: Tensor) -> Tensor:
        kernel = values.new_full((1, 1, *[op.kernel] * op.dims), 1 / _divisor(op))
        sizes = op.stride, op.padding, op.output_padding
        return TRANSPOSED[op.dims - 1](values.transpose(0, 1), kernel, None, *sizes).transpose(
            0, 1
        )

    return scaled(spread, (total,))


@_apply.register(Linear)
def _(op: Linear, inputs: Sequence[Maps], weight: float) -> Maps:
    return (_sum([(part, part.count) for part in inputs[0]], weight, op.out_features),)


@_apply.register(Add)
def _(_: Op, inputs: Sequence[Maps], weight: float) -> Maps:
    bounds = _ends(*inputs)
    columns = zip(*(_cut(maps, bounds) for maps in inputs), strict=True)
    return tuple(_sum([(part, 1) for part in column], 0.0, column[0].count) for column in columns)


@_apply.register(Concat)
def _(_: Op, inputs: Sequence[Maps], weight: float) -> Maps:
    return tuple(part for maps in inputs for part in maps)


@_apply.register
def _(op: BatchNorm, inputs: Sequence[Maps], weight: float) -> Maps:
    return each(lambda part: _normalised(part, op.eps, weight), inputs[0])


def _normalised(part: Map, eps: float, weight: float) -> Map:
    """weight * (x - mean) / sqrt(variance + eps), with values of variance 1."""
    if part.scale == -inf:
        return part
    # Rows are summed first, the rest in float64: as exact as float64 throughout, at half the cost.
    mean = rows(part.values).sum(-1).double().sum().item() / part.values.numel()
    values = part.values - mean
    squares = torch.linalg.vector_norm(rows(values), dim=-1).double().square().sum().item()
    spread = sqrt(squares / values.numel())
    if spread <= torch.finfo(values.dtype).eps * abs(mean):  # only rounding is left
        return Map(torch.zeros_like(values), -inf, part.count)
    values = torch.mul(part.values, 1 / spread, out=values).add_(-mean / spread)
    doubt = log(eps) - 2 * (part.scale + log(spread))  # eps / variance
    return Map(values, weight - _half_log1p_exp(doubt), part.count)


def _half_log1p_exp(x: float) -> float:
    """log(sqrt(1 + exp(x))) without overflow."""
    return (x + log1p(exp(-x)) if x > 0 else log1p(exp(x))) / 2


@_apply.register(ReLU)
def _(_: Op, inputs: Sequence[Maps], weight: float) -> Maps:
    return scaled(F.relu, inputs[0])


@_apply.register
def _(op: LeakyReLU, inputs: Sequence[Maps], weight: float) -> Maps:
    return scaled(lambda values: F.leaky_relu(values, op.slope), inputs[0])


@_apply.register(Dropout)
def _(_: Op, inputs: Sequence[Maps], weight: float) -> Maps:
    return inputs[0]


def _activation(op: Op, inputs: Sequence[Maps], weight: float) -> Maps:
    return each(ACTIVATIONS[type(op)], inputs[0])


for _kind in ACTIVATIONS:
    _apply.register(_kind)(_activation)


@_apply.register(Multiply)
def _(_: Op, inputs: Sequence[Maps], weight: float) -> Maps:
    bounds = _ends(*inputs)
    columns = zip(*(_cut(maps, bounds) for maps in inputs), strict=True)
    return tuple(
        Map(
            reduce(mul, (part.values for part in column)),
            sum(part.scale for part in column),
            column[0].count,
        )
        for column in columns
    )


@_apply.register(Scale)
def _(_: Op, inputs: Sequence[Maps], weight: float) -> Maps:
    bounds = _ends(*inputs)
    maps, factors = (_cut(tensor, bounds) for tensor in inputs)
    return tuple(
        Map(
            (rows(part.values) * factor.values).movedim(-1, 1),
            part.scale + factor.scale,
            part.count,
        )
        for part, factor in zip(maps, factors, strict=True)
    )


@_apply.register
def _(op: AvgPool, inputs: Sequence[Maps], weight: float) -> Maps:
    pool = AVG_POOLS[op.dims - 1]
    return scaled(
        lambda values: pool(values, op.kernel, op.stride, op.padding, count_include_pad=False),
        inputs[0],
    )


@_apply.register
def _(op: MaxPool, inputs: Sequence[Maps], weight: float) -> Maps:
    pool = MAX_POOLS[op.dims - 1]
    return scaled(lambda values: pool(values, op.kernel, op.stride, op.padding), inputs[0])


@_apply.register
def _(op: Upsample, inputs: Sequence[Maps], weight: float) -> Maps:
    return scaled(
        lambda values: F.interpolate(values, scale_factor=float(op.factor), mode=op.mode),
        inputs[0],
    )


@_apply.register(Crop)
def _(_: Op, inputs: Sequence[Maps], weight: float) -> Maps:
    return scaled(lambda values: values[..., 1:, 1:], inputs[0])


@_apply.register
def _(op: Narrow, inputs: Sequence[Maps], weight: float) -> Maps:
    kept = [*(end for end in _ends(inputs[0]) if end < op.channels), op.channels]
    return _cut(inputs[0], sorted({*kept, *_ends(inputs[0])}))[: len(kept)]


@_apply.register(GlobalAvgPool)
def _(_: Op, inputs: Sequence[Maps], weight: float) -> Maps:
    return scaled(lambda values: values.mean(dim=(0, *range(2, values.dim()))), inputs[0])


@_apply.register
def _(op: Zero, inputs: Sequence[Maps], weight: float) -> Maps:
    total = sum(part.count for part in inputs[0])
    values = inputs[0][0].values
    if op.size is not None:
        batch = values.shape[1] if values.ndim > 1 else len(values)
        lead = (1, batch) if len(op.size) > 1 else (batch,)
        return (Map(values.new_zeros(*lead, *op.size[1:]), -inf, op.size[0]),)
    for axis in range(2, values.dim()):
        values = values[(slice(None),) * axis + (slice(None, None, op.stride),)]
    return (Map(torch.zeros_like(values), -inf, op.channels or total),)


@_apply.register(Input)
def _(_: Op, inputs: Sequence[Maps], weight: float) -> Maps:
    return inputs[0]
