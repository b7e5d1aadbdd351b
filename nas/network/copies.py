"""Modules of any author copied, moved and drawn anew, with no change to the author's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, is_lazy
from torch.nn.utils import parametrize

from nas.errors import UsageError
from nas.network.folding import take_over


def fresh(module: nn.Module) -> nn.Module:
    """A copy of a module whose parts draw their weights again where they can.

    A module on the meta device gets memory, unless meta is the default device. Raises UsageError
    for a module that cannot be copied, and for one on meta with a part that cannot draw.
    """
    copy = copied(module)
    if torch.get_default_device().type != "meta":
        copy = with_memory(copy)
    with parametrize.cached():
        for part in copy.modules():
            if (reset := _reset(part)) is not None:
                reset()
                take_over(part)
    return copy


def copied(module: nn.Module) -> nn.Module:
    """A copy with copies of all tensors; raises UsageError for a module that cannot be copied.

    `deepcopy` alone refuses tensors that have a gradient function, such as a pruned weight or an
    activation that the module keeps, and buffers without a size.
    """
    memo: dict[int, Any] = {}
    unknown: Any = UninitializedBuffer  # PyTorch gives it the hints of another class
    for tensor in _tensors(module, set()):
        if isinstance(tensor, UninitializedBuffer):
            memo[id(tensor)] = unknown(tensor.requires_grad, tensor.device, tensor.dtype)
        elif not is_lazy(tensor) and not tensor.is_leaf:
            memo[id(tensor)] = tensor.detach().clone()
    try:
        return deepcopy(module, memo)
    except Exception as error:  # of whatever the module holds
        raise UsageError(
            f"{type(module).__name__} cannot be copied ({type(error).__name__}: {error}): give a "
            f"function that makes it"
        ) from error


def with_memory(module: nn.Module) -> nn.Module:
    """The module, which draws its weights if it is on the meta device, where it has none.

    Raises UsageError if a part of it cannot.
    """
    without = [part for part in module.modules() if any(each.is_meta for each in _own(part))]
    if not without:
        return module
    for part in without:
        if _reset(part) is None:
            raise UsageError(
                f"{type(module).__name__} is on the meta device, and its part "
                f"{type(part).__name__} has no reset_parameters to draw its numbers: give a "
                f"function that makes it, or a module with memory"
            )
    tied(module, lambda: module.to_empty(device="cpu"))
    for part in without:
        reset = _reset(part)
        assert reset is not None
        reset()
    return module


def on_meta(module: nn.Module) -> nn.Module:
    """The module moved to the meta device; parameters that were one parameter stay one."""
    return tied(module, lambda: module.to("meta"))


def tied(module: nn.Module, move: Callable[[], nn.Module]) -> nn.Module:
    """Move a module; PyTorch makes several parameters of a shared one where it changes devices."""
    first: dict[int, tuple[nn.Module, str]] = {}
    ties: list[tuple[nn.Module, str, nn.Module, str]] = []
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None and id(parameter) in first:
                ties.append((part, name, *first[id(parameter)]))
            first.setdefault(id(parameter), (part, name))
    moved = move()
    for part, name, owner, own in ties:
        part._parameters[name] = owner._parameters[own]
    return moved


def shared(one: nn.Module, other: nn.Module) -> bool:
    """Whether two modules are the same, or have a part, a parameter or a buffer in common."""
    return not _identities(one).isdisjoint(_identities(other))


def _identities(module: nn.Module) -> set[int]:
    parts = [id(part) for part in module.modules()]
    return {*parts, *map(id, module.parameters()), *map(id, module.buffers())}


def _own(part: nn.Module) -> list[Tensor]:
    """The parameters and buffers of a part alone."""
    return [*part.parameters(recurse=False), *part.buffers(recurse=False)]


def _reset(part: nn.Module) -> Callable[[], object] | None:
    """What draws a part's weights again; None if nothing does."""
    found = getattr(part, "reset_parameters", getattr(part, "_reset_parameters", None))
    return found if callable(found) else None


def _tensors(held: object, seen: set[int]) -> Iterator[Tensor]:
    """All tensors in an object's attributes, also inside lists, tuples and dictionaries."""
    if id(held) in seen:
        return
    seen.add(id(held))
    if isinstance(held, Tensor):
        yield held
    elif isinstance(held, dict):
        for each in held.values():
            yield from _tensors(each, seen)
    elif isinstance(held, list | tuple | set):
        for each in held:
            yield from _tensors(each, seen)
    elif isinstance(held, nn.Module):
        yield from _tensors(vars(held), seen)
