"""How each operation is written in plain PyTorch: as a layer of `nn`, or as a function's call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Literal

from nas.errors import UsageError
from nas.network import Op, Shape

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
    "heads",
    "length",
    "vocabulary",
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
    definition: str = ""
    """The code of the class `layer`, if torch has none like it; the file gets it once."""


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
