"""Watches every ReLU of a running network, both modules and functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from nas import NotApplicableError

RELUS = frozenset({F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_})
"""The functions that compute a ReLU, in place or not; nn.ReLU calls them, too. ReLU6 is none."""


class _Watch(TorchFunctionMode):
    """Calls `visit` with the output of every ReLU as soon as it is computed."""

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
    """Run the model and visit every ReLU's output; no output is kept.

    An output is positive where the ReLU's input is positive, so the input is not needed. Outputs
    without one row per sample do not count. Raises NotApplicableError, which names the proxy, if
    there is no ReLU.
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
