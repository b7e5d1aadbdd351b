"""A module and inputs that a user gives to draw, checked."""

from __future__ import annotations

from copy import deepcopy

from torch import Tensor, nn

from nas.errors import UsageError

LONGEST = 160
"""Characters of another message that are quoted."""


def tensor(inputs: object) -> Tensor:
    """The inputs (batch, …); UsageError if they are none."""
    if not isinstance(inputs, Tensor) or not inputs.ndim or not len(inputs):
        shown = tuple(inputs.shape) if isinstance(inputs, Tensor) else type(inputs).__name__
        raise UsageError(f"inputs must be a tensor (batch, …) of an example or more, not {shown}")
    return inputs


def copied(module: object) -> nn.Module:
    """A copy, because a run may change a module; results that it keeps are copied as numbers.

    UsageError for what is no module, and for a module that cannot be copied.
    """
    if not isinstance(module, nn.Module):
        name = getattr(module, "__name__", str(module))
        call = f": call it, {name}()" if callable(module) and name.isidentifier() else ""
        raise UsageError(
            f"draw takes a space, a network or a module, not a {type(module).__name__}{call}"
        )
    memo: dict[int, object] = {}
    for part in module.modules():
        for value in (*vars(part).values(), *part._buffers.values()):
            if isinstance(value, Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    try:
        return deepcopy(module, memo)
    except Exception as error:  # of whatever the module holds
        why = str(error).partition("\n")[0][:LONGEST]
        raise UsageError(
            f"this {type(module).__name__} cannot be drawn, because it cannot be copied "
            f"({type(error).__name__}: {why})"
        ) from error
