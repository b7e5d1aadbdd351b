"""The `nn.Module` of each operation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch

from torch import nn

from nas.network import (
    ELU,
    GELU,
    Add,
    Attention,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    ConvTranspose,
    Crop,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    GroupNorm,
    Hardsigmoid,
    Hardswish,
    Input,
    InstanceNorm,
    LayerNorm,
    LeakyReLU,
    Linear,
    MaxPool,
    Mish,
    Multiply,
    Narrow,
    Op,
    Permute,
    Positions,
    ReLU,
    ReLU6,
    RMSNorm,
    Scale,
    SequenceMean,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    Upsample,
    Zero,
)
from nas.network.parts import (
    ChannelProduct,
    Concatenation,
    Cropped,
    FirstChannels,
    Permuted,
    PlaceEmbedding,
    Product,
    SelfAttention,
    SequenceMeans,
    SpatialMean,
    Sum,
    WindowMean,
    Zeros,
)

PLAIN: Mapping[type[Op], type[nn.Module]] = {
    Add: Sum,
    Concat: Concatenation,
    Crop: Cropped,
    ELU: nn.ELU,
    GELU: nn.GELU,
    GlobalAvgPool: SpatialMean,
    Hardsigmoid: nn.Hardsigmoid,
    Hardswish: nn.Hardswish,
    Input: nn.Identity,
    Mish: nn.Mish,
    Multiply: Product,
    ReLU: nn.ReLU,
    ReLU6: nn.ReLU6,
    Scale: ChannelProduct,
    SequenceMean: SequenceMeans,
    SiLU: nn.SiLU,
    Sigmoid: nn.Sigmoid,
    Softplus: nn.Softplus,
    Tanh: nn.Tanh,
}
"""The modules of operations without sizes."""
CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
INSTANCE_NORMS = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
MAX_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)


@singledispatch
def module(op: Op) -> nn.Module:
    """The module of one operation, with PyTorch's default initialisation.

    TypeError for an operation that has none.
    """
    if type(op) not in PLAIN:
        raise TypeError(f"no module for {op}")
    return PLAIN[type(op)]()


@module.register
def _(op: Conv) -> nn.Module:
    return CONVS[op.dims - 1](
        op.in_channels,
        op.out_channels,
        op.kernel,
        op.stride,
        op.padding,
        op.dilation,
        op.groups,
        op.bias,
    )


@module.register
def _(op: ConvTranspose) -> nn.Module:
    return TRANSPOSED[op.dims - 1](
        op.in_channels,
        op.out_channels,
        op.kernel,
        op.stride,
        op.padding,
        op.output_padding,
        bias=op.bias,
    )


@module.register
def _(op: Linear) -> nn.Module:
    return nn.Linear(op.in_features, op.out_features, op.bias)


@module.register
def _(op: Embedding) -> nn.Module:
    return nn.Embedding(op.vocabulary, op.features)


@module.register
def _(op: Positions) -> nn.Module:
    return PlaceEmbedding(op.length, op.features)


@module.register
def _(op: Attention) -> nn.Module:
    return SelfAttention(op.features, op.heads, op.bias, op.causal)


@module.register
def _(op: BatchNorm) -> nn.Module:
    return BATCH_NORMS[op.dims - 1](op.channels, op.eps)


@module.register
def _(op: InstanceNorm) -> nn.Module:
    return INSTANCE_NORMS[op.dims - 1](op.channels, op.eps)


@module.register
def _(op: GroupNorm) -> nn.Module:
    return nn.GroupNorm(op.groups, op.channels, op.eps)


@module.register
def _(op: LayerNorm) -> nn.Module:
    return nn.LayerNorm(op.features, op.eps)


@module.register
def _(op: RMSNorm) -> nn.Module:
    return nn.RMSNorm(op.features, op.eps)


@module.register
def _(op: LeakyReLU) -> nn.Module:
    return nn.LeakyReLU(op.slope)


@module.register
def _(op: Softmax) -> nn.Module:
    return nn.Softmax(op.axis if op.axis < 0 else op.axis + 1)


@module.register
def _(op: Dropout) -> nn.Module:
    return nn.Dropout(op.p)


@module.register
def _(op: AvgPool) -> nn.Module:
    return WindowMean(op.kernel, op.stride, op.padding, op.dims)


@module.register
def _(op: MaxPool) -> nn.Module:
    return MAX_POOLS[op.dims - 1](op.kernel, op.stride, op.padding)


@module.register
def _(op: Upsample) -> nn.Module:
    return nn.Upsample(scale_factor=op.factor, mode=op.mode)


@module.register
def _(op: Zero) -> nn.Module:
    return Zeros(op.channels, op.stride, op.size)


@module.register
def _(op: Narrow) -> nn.Module:
    return FirstChannels(op.channels)


@module.register
def _(op: Flatten) -> nn.Module:
    return nn.Flatten(1 + op.start)


@module.register
def _(op: Permute) -> nn.Module:
    return Permuted(op.order)
