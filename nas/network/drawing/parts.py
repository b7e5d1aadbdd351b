"""The parts of a network as a picture names them: one for every layer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nas.network.drawing.diagram import Kind
from nas.network.layers import Layer
from nas.network.ops import Input, Shape


@dataclass(frozen=True)
class Part:
    """One operation with what a picture says of it."""

    label: str
    kind: Kind
    inputs: tuple[int, ...]
    shape: Shape
    name: str = ""
    """A path such as stages.0.cells.2.conv; the scopes are all words but the last."""
    details: tuple[str, ...] = ()
    """What else decides what the operation does, whatever its width: its stride."""
    widths: tuple[int, int] | None = None
    """The channels or features that a convolution or a linear layer reads and gives."""
    op: Any = None
    """What the operation is, sizes and all: equal for two parts that do the same."""


WORDS: dict[str, tuple[str, Kind]] = {
    "Input": ("input", "input"),
    "Add": ("+", "join"),
    "Scale": ("×", "join"),
    "Mul": ("×", "join"),
    "Multiply": ("×", "join"),
    "Concat": ("concat", "join"),
    "BatchNorm": ("norm", "norm"),
    "ReLU": ("ReLU", "activation"),
    "ReLU6": ("ReLU6", "activation"),
    "SiLU": ("SiLU", "activation"),
    "GELU": ("GELU", "activation"),
    "ELU": ("ELU", "activation"),
    "Linear": ("linear", "linear"),
    "GlobalAvgPool": ("global avg pool", "pool"),
    "Zero": ("zeros", "zero"),
    "Identity": ("identity", "other"),
    "Narrow": ("first channels", "other"),
    "Crop": ("shift 1 pixel", "other"),
    "MultiheadAttention": ("attention", "mix"),
}
KINDS: tuple[tuple[str, Kind], ...] = (
    ("norm", "norm"),
    ("pool|mean", "pool"),
    ("conv", "conv"),
    ("attention|matmul|bmm|einsum|mixing", "mix"),
    ("linear|embedding|dense|matrix|positions", "linear"),
    ("relu|elu|silu|swish|tanh|sigm|softmax|softplus|dropout|activation", "activation"),
    ("^add|^mul|^sum|^product|^concat|^cat$|^stack$|join", "join"),
    ("zero", "zero"),
)
"""The kind of an operation that has no entry in `WORDS`, by what its name has."""


def parts_of(layers: Sequence[Layer], shapes: Sequence[Shape]) -> list[Part]:
    """One part for every layer of a network."""
    return [
        part_of(layer.op, layer.inputs, shape, [shapes[i] for i in layer.inputs], layer.name)
        for layer, shape in zip(layers, shapes, strict=True)
    ]


def part_of(
    op: Any, inputs: tuple[int, ...], shape: Shape, read: Sequence[Shape], name: str
) -> Part:
    """The part of an operation that has its sizes as attributes, of `nas.network` or torch's."""
    label, kind = worded(type(op).__name__)
    details = []
    if kind in ("conv", "pool") and window(op) is not None:
        dimensions = len(read[0]) - 1 if read else len(shape) - 1
        label = f"{label} {_window(op, dimensions)}"
        stride = _one(getattr(op, "stride", 1))
        if stride not in (1, None) and any(each != 1 for each in _list(stride)):
            details.append(f"stride {'×'.join(map(str, _list(stride)))}")
    if kind == "conv":
        label, details = _convolution(op, label), [*details, *_dilation(op)]
    if isinstance(op, Input):
        label = "input"
    return Part(label, kind, inputs, shape, name, tuple(details), _widths(op), op)


def worded(name: str) -> tuple[str, Kind]:
    """An operation's name as a reader says it, and what kind of operation it is."""
    bare = re.sub(r"(?<=[a-z])(1d|2d|3d)$", "", name)
    if bare in WORDS:
        return WORDS[bare]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_", " ", bare).strip()
    spoken = " ".join(word if word[1:].isupper() else word.lower() for word in words.split())
    for pattern, kind in KINDS:
        if re.search(pattern, spoken.lower()):
            return spoken, kind
    return spoken or name, "other"


def window(op: Any) -> Any:
    """The size of a window, or None if the operation has none."""
    for name in ("kernel", "kernel_size", "output_size"):
        if getattr(op, name, None) is not None:
            return getattr(op, name)
    return None


def _window(op: Any, dimensions: int) -> str:
    sizes = _list(window(op))
    if len(sizes) == 1:
        sizes *= max(1, min(dimensions, 3))
    return "×".join(map(str, sizes))


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value]


def _one(value: Any) -> Any:
    """A tuple of equal numbers as one number."""
    values = _list(value)
    return values[0] if len(set(values)) == 1 else value


def _convolution(op: Any, label: str) -> str:
    groups, channels = getattr(op, "groups", 1), getattr(op, "in_channels", 0)
    if groups > 1:
        return f"{'depthwise' if groups == channels else 'grouped'} {label}"
    return label


def _dilation(op: Any) -> list[str]:
    dilation = _one(getattr(op, "dilation", 1))
    return [] if dilation == 1 else [f"dilation {'×'.join(map(str, _list(dilation)))}"]


def _widths(op: Any) -> tuple[int, int] | None:
    for names in (("in_channels", "out_channels"), ("in_features", "out_features")):
        if all(isinstance(getattr(op, name, None), int) for name in names):
            return getattr(op, names[0]), getattr(op, names[1])
    return None
