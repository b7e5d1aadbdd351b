"""How each operation is written in plain PyTorch: as a layer of `nn`, or as a function's call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Literal

from nas.errors import UsageError
from nas.network import (
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    Crop,
    GlobalAvgPool,
    Linear,
    MaxPool,
    Narrow,
    Op,
    ReLU,
    Scale,
    Shape,
    Sigmoid,
    SiLU,
    Zero,
)

Role = Literal[
    "in",
    "out",
    "both",
    "kernel",
    "stride",
    "padding",
    "dilation",
    "groups",
    "size",
    "repeats",
    "classes",
]
"""What a number means. `in`, `out` and `both` are numbers of channels or features."""


@dataclass(frozen=True)
class Size:
    """A number in a layer's constructor or a function's call; keyword arguments have a name."""

    role: Role
    value: int
    keyword: str = ""
    default: int | None = None
    """The keyword argument is left out where it has this value."""


@dataclass(frozen=True)
class Written:
    """An operation in plain PyTorch.

    With `layer` it is a module, made by this callable with the sizes, and then with the text
    `rest`. Otherwise `call` writes the expression: it gets the texts of the inputs and of the
    sizes; the text of a keyword argument is `stride=2`, or empty for the default value. An
    expression is `loose` if it needs parentheses inside others, such as a sum.
    """

    sizes: tuple[Size, ...] = ()
    layer: str = ""
    rest: str = ""
    call: Callable[[Sequence[str], Sequence[str]], str] | None = None
    loose: bool = False
    word: str = ""
    """The operation in the name of a class, as `Conv` in `ConvBN`."""


@singledispatch
def written(op: Op, *shapes: Shape) -> Written:  # noqa: ARG001  (the rules use them)
    """The operation on inputs of these shapes; UsageError if it has no rule here."""
    raise UsageError(
        f"the operation {type(op).__name__} has no rule for format=source: register one with "
        "nas.exporting.operations.written, or export format=pt2"
    )


def function(text: str, word: str = "", *sizes: Size, loose: bool = False) -> Written:
    """An operation as a call: `text` has {0} for the input, and {1}, {2}, … for the sizes."""

    def call(inputs: Sequence[str], numbers: Sequence[str]) -> str:
        return text.format(inputs[0], *numbers)

    return Written(sizes, call=call, loose=loose, word=word)


@written.register
def _(op: Conv, *_: Shape) -> Written:
    sizes = (
        Size("in", op.in_channels),
        Size("out", op.out_channels),
        Size("kernel", op.kernel),
        Size("stride", op.stride, "stride", 1),
        Size("padding", op.padding, "padding", 0),
        Size("dilation", op.dilation, "dilation", 1),
        *groups(op.in_channels, op.groups),
    )
    word = "DepthwiseConv" if op.groups == op.in_channels > 1 else "Conv"
    return Written(sizes, "nn.Conv2d", "" if op.bias else "bias=False", word=word)


def groups(channels: int, number: int) -> tuple[Size, ...]:
    """The groups of a convolution; as many as channels if it is depthwise."""
    if number == 1:
        return ()
    return (Size("both" if number == channels else "groups", number, "groups"),)


@written.register
def _(op: Linear, *_: Shape) -> Written:
    sizes = Size("in", op.in_features), Size("out", op.out_features)
    return Written(sizes, "nn.Linear", "" if op.bias else "bias=False", word="Linear")


@written.register
def _(op: BatchNorm, *shapes: Shape) -> Written:
    layer = {3: "nn.BatchNorm2d", 4: "nn.BatchNorm3d"}.get(len(shapes[0]), "nn.BatchNorm1d")
    rest = "" if op.eps == 1e-5 else f"eps={op.eps!r}"
    return Written((Size("both", op.channels),), layer, rest, word="BN")


@written.register(ReLU)
def _(_: Op, *__: Shape) -> Written:
    return function("F.relu({0})", "ReLU")


@written.register(SiLU)
def _(_: Op, *__: Shape) -> Written:
    return function("F.silu({0})", "SiLU")


@written.register(Sigmoid)
def _(_: Op, *__: Shape) -> Written:
    return function("torch.sigmoid({0})", "Sigmoid")


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
    return Written(_window(op), call=_called("F.avg_pool2d", rest), word="Pool")


@written.register
def _(op: MaxPool, *_: Shape) -> Written:
    return Written(_window(op), call=_called("F.max_pool2d"), word="Pool")


@written.register(GlobalAvgPool)
def _(_: Op, *shapes: Shape) -> Written:
    dims = tuple(range(2, len(shapes[0]) + 1))
    return function(f"{{0}}.mean(dim={dims})", "Mean")


@written.register
def _(op: Narrow, *_: Shape) -> Written:
    return function("{0}[:, :{1}]", "", Size("out", op.channels))


@written.register(Crop)
def _(_: Op, *__: Shape) -> Written:
    return function("{0}[:, :, 1:, 1:]")


@written.register
def _(op: Zero, *_: Shape) -> Written:
    if op.size is not None:
        sizes = [Size("out", op.size[0]), *(Size("size", each) for each in op.size[1:])]
        places = ", ".join(f"{{{place}}}" for place in range(1, len(sizes) + 1))
        return function(f"{{0}}.new_zeros({{0}}.shape[0], {places})", "", *sizes)
    strided = "" if op.stride == 1 else f", ::{op.stride}, ::{op.stride}"
    if op.channels is None:
        return function(f"torch.zeros_like({{0}}[:, :{strided}])" if strided else ZEROS)
    one = f"torch.zeros_like({{0}}[:, :1{strided}])"
    return function(f"{one}.expand(-1, {{1}}, -1, -1)", "", Size("out", op.channels))


ZEROS = "torch.zeros_like({0})"


@written.register(Add)
def _(_: Op, *__: Shape) -> Written:
    return Written(call=lambda inputs, _: " + ".join(inputs), loose=True)


@written.register(Scale)
def _(_: Op, *__: Shape) -> Written:
    def call(inputs: Sequence[str], _: Sequence[str]) -> str:
        return f"{inputs[0]} * {inputs[1]}[:, :, None, None]"

    return Written(call=call, loose=True)


@written.register(Concat)
def _(_: Op, *__: Shape) -> Written:
    return Written(call=lambda inputs, _: f"torch.cat([{', '.join(inputs)}], dim=1)")
