"""The channels of every module's output, for one example."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


@torch.no_grad()
def each_output(model: nn.Module, inputs: Tensor, visit: Callable[[Tensor], None]) -> None:
    """Run the model and visit every module's output for the first example at every call.

    A visited tensor is (channels, pixels). Every module in `named_modules` counts, also containers
    and the network itself; an output that is not a tensor with a row an example does not count.
    The visitor must copy what it keeps, because the next layer may work in place.
    """

    def hook(_: nn.Module, __: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim > 1:
            visit(output[0].reshape(output.shape[1], -1))

    hooks = [module.register_forward_hook(hook) for module in model.modules()]
    model(inputs)
    for handle in hooks:
        handle.remove()
