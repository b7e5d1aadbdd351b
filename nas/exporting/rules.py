"""The rules of all operations: how each is written in plain PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nas.exporting.definitions import ATTENTION, POSITIONS
from nas.exporting.operations import Size, Written, function, written
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
    Shape,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    Upsample,
    Zero,
)

__all__ = ["written"]

FUNCTIONS: dict[type[Op], str] = {
    ReLU: "F.relu",
    ReLU6: "F.relu6",
    ELU: "F.elu",
    GELU: "F.gelu",
    SiLU: "F.silu",
    Mish: "F.mish",
    Hardswish: "F.hardswish",
    Sigmoid: "torch.sigmoid",
    Hardsigmoid: "F.hardsigmoid",
    Tanh: "torch.tanh",
    Softplus: "F.softplus",
}
"""Functions of one tensor without sizes."""


def _plain(op: Op, *_: Shape) -> Written:
    return function(f"{FUNCTIONS[type(op)]}({{0}})", type(op).__name__)


for _kind in FUNCTIONS:
    written.register(_kind, _plain)


@written.register
def _(op: Conv, *_: Shape) -> Written:
    sizes = (
        Size("in", op.in_channels),
        Size("out", op.out_channels),
        Size("kernel", op.kernel),
        Size("stride", op.stride, "stride", 1),
        Size("padding", op.padding, "padding", 0),
        Size("dilation", op.dilation, "dilation", 1),
        *_groups(op.in_channels, op.groups),
    )
    word = "DepthwiseConv" if op.groups == op.in_channels > 1 else "Conv"
    return Written(sizes, f"nn.Conv{op.dims}d", _bias(op.bias), word=word)


@written.register
def _(op: ConvTranspose, *_: Shape) -> Written:
    sizes = (
        Size("in", op.in_channels),
        Size("out", op.out_channels),
        Size("kernel", op.kernel),
        Size("stride", op.stride, "stride", 1),
        Size("padding", op.padding, "padding", 0),
        Size("padding", op.output_padding, "output_padding", 0),
    )
    return Written(sizes, f"nn.ConvTranspose{op.dims}d", _bias(op.bias), word="ConvTranspose")


def _bias(bias: bool) -> str:
    return "" if bias else "bias=False"


def _groups(channels: int, number: int) -> tuple[Size, ...]:
    """The groups of a convolution; as many as channels if it is depthwise."""
    if number == 1:
        return ()
    return (Size("both" if number == channels else "groups", number, "groups"),)


@written.register
def _(op: Linear, *_: Shape) -> Written:
    sizes = Size("in", op.in_features), Size("out", op.out_features)
    return Written(sizes, "nn.Linear", _bias(op.bias), word="Linear")


@written.register
def _(op: Embedding, *_: Shape) -> Written:
    sizes = Size("vocabulary", op.vocabulary), Size("out", op.features)
    return Written(sizes, "nn.Embedding", word="Embedding")


@written.register
def _(op: Positions, *_: Shape) -> Written:
    sizes = Size("length", op.length), Size("both", op.features)
    return Written(sizes, "Positions", word="Positions", definition=POSITIONS)


@written.register
def _(op: Attention, *_: Shape) -> Written:
    sizes = Size("both", op.features), Size("heads", op.heads)
    rest = f"bias={op.bias}, causal={op.causal}"
    return Written(sizes, "SelfAttention", rest, word="Attention", definition=ATTENTION)


def _eps(eps: float, default: float | None = 1e-5) -> str:
    return "" if eps == default else f"eps={eps!r}"


@written.register
def _(op: BatchNorm, *_: Shape) -> Written:
    layer = f"nn.BatchNorm{op.dims}d"
    return Written((Size("both", op.channels),), layer, _eps(op.eps), word="BN")


@written.register
def _(op: GroupNorm, *_: Shape) -> Written:
    sizes = Size("groups", op.groups), Size("both", op.channels)
    return Written(sizes, "nn.GroupNorm", _eps(op.eps), word="Norm")


@written.register
def _(op: LayerNorm, *_: Shape) -> Written:
    return Written((Size("both", op.features),), "nn.LayerNorm", _eps(op.eps), word="Norm")


@written.register
def _(op: RMSNorm, *_: Shape) -> Written:
    return Written((Size("both", op.features),), "nn.RMSNorm", _eps(op.eps, None), word="Norm")


@written.register
def _(op: InstanceNorm, *_: Shape) -> Written:
    rest = f", {_eps(op.eps)}" if _eps(op.eps) else ""
    return function(f"F.instance_norm({{0}}{rest})", "Norm")


@written.register
def _(op: LeakyReLU, *_: Shape) -> Written:
    return function(f"F.leaky_relu({{0}}, {op.slope!r})", "LeakyReLU")


@written.register
def _(op: Softmax, *_: Shape) -> Written:
    return function(f"{{0}}.softmax(dim={op.axis if op.axis < 0 else op.axis + 1})")


@written.register
def _(op: Dropout, *_: Shape) -> Written:
    return function(f"F.dropout({{0}}, {op.p!r}, self.training)")


def _called(name: str, rest: str = "") -> Callable[[Sequence[str], Sequence[str]], str]:
    """A function of one input and sizes, of which those with their default value are empty."""

    def call(inputs: Sequence[str], sizes: Sequence[str]) -> str:
        return f"{name}({', '.join([inputs[0], *filter(None, sizes)])}{rest})"

    return call


def _window(op: AvgPool | MaxPool) -> tuple[Size, ...]:
    return (
        Size("kernel", op.kernel),
        Size("stride", op.stride, "stride", op.kernel),
        Size("padding", op.padding, "padding", 0),
    )


@written.register
def _(op: AvgPool, *_: Shape) -> Written:
    rest = ", count_include_pad=False" if op.padding else ""
    return Written(_window(op), call=_called(f"F.avg_pool{op.dims}d", rest), word="Pool")


@written.register
def _(op: MaxPool, *_: Shape) -> Written:
    return Written(_window(op), call=_called(f"F.max_pool{op.dims}d"), word="Pool")


@written.register(GlobalAvgPool)
def _(_: Op, *shapes: Shape) -> Written:
    dims = ", ".join(str(axis) for axis in range(2, len(shapes[0]) + 1))
    return function(f"{{0}}.mean(dim=({dims}))" if "," in dims else f"{{0}}.mean(dim={dims})")


@written.register(SequenceMean)
def _(_: Op, *__: Shape) -> Written:
    return function("{0}.mean(dim=1)")


@written.register
def _(op: Upsample, *_: Shape) -> Written:
    rest = f'scale_factor={float(op.factor)}, mode="{op.mode}"'
    return function(f"F.interpolate({{0}}, {rest})")


@written.register
def _(op: Flatten, *_: Shape) -> Written:
    return function(f"{{0}}.flatten({op.start + 1})")


@written.register
def _(op: Permute, *_: Shape) -> Written:
    order = ", ".join(str(axis + 1) for axis in op.order)
    return function(f"{{0}}.permute(0, {order})")


@written.register
def _(op: Narrow, *_: Shape) -> Written:
    return function("{0}[:, :{1}]", "", Size("out", op.channels))


@written.register(Crop)
def _(_: Op, *__: Shape) -> Written:
    return function("{0}[..., 1:, 1:]")


@written.register
def _(op: Zero, *shapes: Shape) -> Written:
    if op.size is not None:
        sizes = [Size("out", op.size[0]), *(Size("size", each) for each in op.size[1:])]
        places = ", ".join(f"{{{place}}}" for place in range(1, len(sizes) + 1))
        return function(f"{{0}}.new_zeros({{0}}.shape[0], {places})", "", *sizes)
    axes = len(shapes[0]) - 1
    strided = "" if op.stride == 1 else f", ::{op.stride}" * axes
    if op.channels is None:
        part = f"[:, :{strided}]" if strided else ""
        return function(f"torch.zeros_like({{0}}{part})")
    one = f"torch.zeros_like({{0}}[:, :1{strided}])"
    return function(f"{one}.expand(-1, {{1}}{', -1' * axes})", "", Size("out", op.channels))


@written.register(Add)
def _(_: Op, *__: Shape) -> Written:
    return Written(call=lambda inputs, _: " + ".join(inputs), loose=True)


@written.register(Multiply)
def _(_: Op, *__: Shape) -> Written:
    def call(inputs: Sequence[str], _: Sequence[str]) -> str:
        return " * ".join(f"({text})" if " + " in text else text for text in inputs)

    return Written(call=call, loose=True)


@written.register(Scale)
def _(_: Op, *shapes: Shape) -> Written:
    axes = ", None" * (len(shapes[0]) - 1)

    def call(inputs: Sequence[str], _: Sequence[str]) -> str:
        maps = f"({inputs[0]})" if " + " in inputs[0] else inputs[0]
        return f"{maps} * {inputs[1]}[:, :{axes}]"

    return Written(call=call, loose=True)


@written.register(Concat)
def _(_: Op, *__: Shape) -> Written:
    return Written(call=lambda inputs, _: f"torch.cat([{', '.join(inputs)}], dim=1)")
