"""What norms need: two values or more per channel, to have a spread."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from nas.errors import TooFewValuesError

ALONE = "larger inputs, for it is over one example alone"
TOGETHER = (
    "a batch of 2 or more (batch.size, and samples of a proxy that has it), or larger inputs"
)


def explain(model: nn.Module) -> None:
    """Have every norm of a model refuse a single value per channel in a sentence.

    PyTorch refuses it too, but says neither which option is too small nor what would do.
    """
    for part in model.modules():
        if isinstance(part, _NormBase | nn.GroupNorm):
            part.register_forward_pre_hook(check_values)


def check_values(norm: nn.Module, given: tuple[Any, ...]) -> None:
    """TooFewValuesError where the norm has one value to take a mean and a spread of."""
    values = given[0] if given else None
    if not isinstance(values, Tensor) or values.ndim < 2 or not values.numel():
        return
    if isinstance(norm, nn.GroupNorm):
        number = values.numel() // norm.num_groups
        needs = ALONE
    elif not isinstance(norm, _NormBase) or not (norm.training or norm.running_mean is None):
        return
    elif isinstance(norm, _BatchNorm):
        number = values.numel() // values.shape[1]
        needs = TOGETHER
    else:
        number = values.shape[2:].numel()
        needs = ALONE
    if number == 1:
        shape = " x ".join(map(str, values.shape))
        raise TooFewValuesError(
            f"a {type(norm).__name__} of this network needs 2 numbers or more per channel, and "
            f"its input of {shape} has one per channel: use {needs}"
        )
