"""The live part of a network: without layers and channels that cannot change the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import NamedTuple

from nas.network.layers import Layer, Layers, reached
from nas.network.ops import (
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
    Flatten,
    GlobalAvgPool,
    GroupNorm,
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
    ReLU,
    ReLU6,
    RMSNorm,
    Scale,
    SequenceMean,
    Shape,
    SiLU,
    Tanh,
    Upsample,
    Zero,
)

Alive = tuple[bool, ...]
"""For every channel of a tensor, whether it can be anything but zeros.

The channels are along the first axis of an example; in a sequence these are the places.
"""

MIXING = (Flatten, GroupNorm, InstanceNorm, LayerNorm, Permute, RMSNorm, SequenceMean)
"""Operations that make zeros of zeros alone, and need all channels else."""


class WholeError(Exception):
    """An operation needs whole tensors, also the channels that are zeros."""


class _Value(NamedTuple):
    """A tensor of the whole network: the live layer that holds its live channels."""

    layer: int | None
    """None if all channels are zeros."""
    alive: Alive


def live_part(
    layers: Layers, shapes: Sequence[Shape], blocks: Sequence[int]
) -> tuple[Layers, tuple[int, ...]]:
    """A network's layers and blocks without those that cannot change its output.

    These are layers that the output does not reach, and layers whose output is zeros whatever
    their weights are: `Zero`, and all that keeps zeros, such as a convolution without bias. A
    norm keeps zeros too: that holds until training changes its shift, which begins at 0. A sum
    loses its terms that are zeros, and a concatenation its parts; what reads the concatenation
    then has fewer input channels. If an operation needs the whole concatenation, such as a
    sigmoid, whose value at 0 is not 0, then no part of any concatenation is removed.

    An output that the input does not reach stays: zeros, and the layers with a bias behind them.
    """
    try:
        return _Writer(cut=True).written(layers, shapes, blocks)
    except WholeError:
        return _Writer(cut=False).written(layers, shapes, blocks)


def all_live(layers: Layers, shapes: Sequence[Shape]) -> bool:
    """Whether `live_part` would change nothing in layers that the output reaches.

    Zeros come from `Zero` alone. Besides them, only joins that do nothing are left out.
    """
    for op, inputs in layers:
        match op:
            case Zero():
                return False
            case Add() | Concat() if len(inputs) < 2:
                return False
            case Narrow() if op.channels == shapes[inputs[0]][0]:
                return False
    return True


@dataclass
class _Writer:
    """Writes the live layers in the order of the whole network."""

    cut: bool
    """Whether concatenations lose their parts that are zeros."""
    layers: list[Layer] = field(default_factory=list)
    name: str = ""
    """The name of the layer whose live part is being written."""
    zeros: dict[Shape, int] = field(default_factory=dict)
    """The layers that make zeros for operations that need them, by shape."""

    def written(
        self, layers: Layers, shapes: Sequence[Shape], blocks: Sequence[int]
    ) -> tuple[Layers, tuple[int, ...]]:
        """The live layers and blocks; WholeError if a concatenation must stay whole."""
        values: list[_Value] = []
        for layer, shape in zip(layers, shapes, strict=True):
            given = [values[index] for index in layer.inputs]
            sizes = [shapes[index] for index in layer.inputs]
            values.append(self._value(layer, given, sizes, shape))
        end = self._whole(values[-1], shapes[-1])
        ends = [values[index].layer for index in blocks]
        return reached(self.layers, end, [index for index in ends if index is not None])

    def _value(
        self, layer: Layer, given: Sequence[_Value], shapes: Sequence[Shape], shape: Shape
    ) -> _Value:
        """The output of a layer, whose live part is added under the layer's name."""
        self.name, op = layer.name, layer.op
        match op:
            case Input():
                return self._added(op, (), (True,) * shape[0])
            case Zero():
                return _Value(None, (False,) * shape[0])
            case Add():
                return self._sum(op, given)
            case Concat():
                return self._joined(op, given, shapes)
            case Narrow():
                return self._first(op, given[0])
        dead = [value.layer is None for value in given]
        if (any(dead) and isinstance(op, Multiply)) or (all(dead) and _keeps_zeros(op, shape)):
            return _Value(None, (False,) * shape[0])
        try:
            if isinstance(op, Linear) and len(shape) > 1:
                raise WholeError  # its features are not the channels of `kept`
            made, alive = kept(op, *[value.alive for value in given])
        except WholeError:
            inputs = [self._whole(*each) for each in zip(given, shapes, strict=True)]
            return self._added(op, inputs, (True,) * shape[0])
        if not any(alive):
            return _Value(None, alive)
        return self._added(made, [value.layer or 0 for value in given], alive)

    def _added(self, op: Op, inputs: Sequence[int], alive: Alive, name: str = "") -> _Value:
        self.layers.append(Layer(op, tuple(inputs), name or self.name))
        return _Value(len(self.layers) - 1, alive)

    def _whole(self, value: _Value, shape: Shape) -> int:
        """The layer that holds a tensor with all its channels, which may be zeros."""
        if value.layer is None:
            if shape not in self.zeros:
                name = f"zeros.{len(self.zeros)}"
                self.zeros[shape] = self._added(Zero(size=shape), (0,), (), name).layer or 0
            return self.zeros[shape]
        if not all(value.alive):
            raise WholeError
        return value.layer

    def _sum(self, op: Op, given: Sequence[_Value]) -> _Value:
        terms = [value for value in given if value.layer is not None] or [given[0]]
        if len(terms) == 1:
            return terms[0]
        if len({value.alive for value in terms}) > 1:
            raise WholeError
        return self._added(op, [value.layer or 0 for value in terms], terms[0].alive)

    def _joined(self, op: Op, given: Sequence[_Value], shapes: Sequence[Shape]) -> _Value:
        if not self.cut and any(value.layer is not None for value in given):
            pairs = zip(given, shapes, strict=True)
            given = [_Value(self._whole(*each), (True,) * each[1][0]) for each in pairs]
        parts = [value for value in given if value.layer is not None]
        alive = tuple(flag for value in given for flag in value.alive)
        if len(parts) < 2:
            return _Value(parts[0].layer if parts else None, alive)
        return self._added(op, [value.layer or 0 for value in parts], alive)

    def _first(self, op: Narrow, value: _Value) -> _Value:
        alive = value.alive[: op.channels]
        if not any(alive):
            return _Value(None, alive)
        if sum(alive) == sum(value.alive):
            return _Value(value.layer, alive)
        return self._added(Narrow(sum(alive)), [value.layer or 0], alive)


def _keeps_zeros(op: Op, shape: Shape) -> bool:
    """Whether an operation without a rule of its own makes zeros of zeros."""
    if isinstance(op, Attention | Linear):
        return not op.bias and len(shape) > 1
    return isinstance(op, MIXING)


@singledispatch
def kept(op: Op, *given: Alive) -> tuple[Op, Alive]:  # noqa: ARG001  (the rules use them)
    """The operation on the live channels of its inputs alone, and its own live channels.

    WholeError if it needs whole inputs. So does every operation that has no rule here.
    """
    raise WholeError


@kept.register(ELU)
@kept.register(GELU)
@kept.register(Hardswish)
@kept.register(LeakyReLU)
@kept.register(Mish)
@kept.register(ReLU)
@kept.register(ReLU6)
@kept.register(SiLU)
@kept.register(Tanh)
@kept.register(AvgPool)
@kept.register(MaxPool)
@kept.register(GlobalAvgPool)
@kept.register(Upsample)
@kept.register(Crop)
@kept.register(Dropout)
def _(op: Op, *given: Alive) -> tuple[Op, Alive]:
    return op, given[0]


@kept.register
def _(op: BatchNorm, *given: Alive) -> tuple[Op, Alive]:
    return (op if all(given[0]) else replace(op, channels=sum(given[0]))), given[0]


@kept.register
def _(op: Multiply, *given: Alive) -> tuple[Op, Alive]:
    """A channel lives where all factors do; where they differ, the tensors are needed whole."""
    if len(set(given)) > 1:
        raise WholeError
    return op, given[0]


@kept.register
def _(op: Scale, *given: Alive) -> tuple[Op, Alive]:
    maps, factors = given
    if any(maps) and any(factors) and maps != factors:
        raise WholeError
    return op, maps if any(factors) else factors


@kept.register
def _(op: Linear, *given: Alive) -> tuple[Op, Alive]:
    if op.bias and not any(given[0]):
        raise WholeError
    return replace(op, in_features=sum(given[0])), (any(given[0]),) * op.out_features


@kept.register
def _(op: ConvTranspose, *given: Alive) -> tuple[Op, Alive]:
    if op.bias and not any(given[0]):
        raise WholeError
    return replace(op, in_channels=sum(given[0])), (any(given[0]),) * op.out_channels


@kept.register
def _(op: Conv, *given: Alive) -> tuple[Op, Alive]:
    """Groups that read zeros alone are left out; the others must have equally many channels."""
    if all(given[0]):
        return op, (True,) * op.out_channels
    size = op.in_channels // op.groups
    groups = [sum(given[0][start : start + size]) for start in range(0, op.in_channels, size)]
    inside = set(groups) - {0}
    if len(inside) > 1 or (op.bias and 0 in groups):
        raise WholeError
    out = op.out_channels // op.groups
    number = sum(map(bool, groups))
    alive = tuple(bool(group) for group in groups for _ in range(out))
    made = replace(op, in_channels=sum(groups), out_channels=number * out, groups=max(number, 1))
    return made, alive
