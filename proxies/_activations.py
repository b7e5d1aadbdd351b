"""Every ReLU of a network while it runs, whether a module or a function makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from nas import NotApplicableError

RELUS = frozenset({F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_})
"""What nn.ReLU, too, comes down to; in place or not. A ReLU6 or a GELU is none."""


class _Watch(TorchFunctionMode):
    """Hands the output of every ReLU to `visit` as soon as it is there."""

    def __init__(self, visit: Callable[[Tensor], None]) -> None:
        super().__init__()
        self.visit = visit

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if func in RELUS:
            self.visit(output)
        return output


def each_relu(
    model: nn.Module, inputs: Tensor, visit: Callable[[Tensor], None], proxy: str
) -> None:
    """Run the model and visit every ReLU's output, none of which is kept alive.

    An output is positive where the ReLU's input is, so the input is not needed. Outputs without
    one row per sample do not count. NotApplicableError, naming the proxy, where there is no ReLU.
    """
    found = False

    def rows(output: Tensor) -> None:
        nonlocal found
        if output.ndim > 1 and len(output) == len(inputs):
            found = True
            visit(output)

    with _Watch(rows):
        model(inputs)
    if not found:
        raise NotApplicableError(f"{proxy} looks at ReLUs, and this model has none")
