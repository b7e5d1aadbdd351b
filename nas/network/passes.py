"""What a pass through a module of any author gives: its logits, and the same ones every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from nas.errors import NotApplicableError
from nas.network.norms import check_values
from nas.seeding import seeded

NAMES = ("logits", "out")
"""What the logits are called among named outputs, the first name first."""

HALF = (torch.float16, torch.bfloat16)
"""Types of weights that are too coarse for scores."""


def logits(output: object) -> Tensor:
    """The logits among a network's outputs, by one rule:

    - a tensor is itself;
    - of named outputs (a mapping, a named tuple, an object with attributes) it is `logits`, else
      `out`;
    - of other outputs, also nested ones, it is the last tensor (batch, classes): a network that
      returns (features, logits) gives its logits. If all tensors of two dimensions have one shape,
      it is the first of them: (logits, auxiliary logits). Without a tensor of two dimensions it is
      the first tensor.

    Raises NotApplicableError if there is no tensor.

    >>> features, classes = torch.zeros(4, 16), torch.ones(4, 10)
    >>> logits((features, classes)) is classes, logits((classes, torch.zeros(4, 10))) is classes
    (True, True)
    >>> logits({"aux": features, "out": classes}) is classes
    True
    """
    if isinstance(output, Tensor):
        return output
    for name in NAMES:
        named = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
        if isinstance(named, Tensor):
            return named
    found = [*_tensors(output)]
    flat = [each for each in found if each.ndim == 2]
    if flat:
        return flat[0] if len({each.shape for each in flat}) == 1 else flat[-1]
    if found:
        return found[0]
    raise NotApplicableError(
        f"the network returns {_described(output)}, and a score needs its logits: return a "
        f"tensor, a tuple with one, or a dictionary with 'logits'"
    )


def _tensors(output: object) -> Iterator[Tensor]:
    """The tensors inside tuples, lists and mappings, in their order."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for each in output.values():
            yield from _tensors(each)
    elif isinstance(output, tuple | list):
        for each in output:
            yield from _tensors(each)


def _described(output: object) -> str:
    if output is None:
        return "None"
    empty = isinstance(output, Mapping | tuple | list) and not output
    return (
        f"{'an empty' if empty else 'a'} {type(output).__name__}{'' if empty else ' without one'}"
    )


class _Draws:
    """Seeds the global generators before a pass, and restores them after it."""

    def __init__(self, parts: tuple[object, ...]) -> None:
        self.parts = parts
        self.running: list[ExitStack] = []

    def begin(self, *_: object) -> None:
        stack = ExitStack()
        stack.enter_context(seeded(*self.parts))
        self.running.append(stack)

    def end(self, *_: object) -> None:
        if self.running:
            self.running.pop().close()


def own_inputs(model: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Copies of the inputs, real ones in the type of the weights.

    A module may work on its inputs in place, and inputs that need a gradient refuse that.
    """
    kind = kind_of(model)
    return tuple(
        each.to(kind if kind and each.is_floating_point() else each.dtype, copy=True)
        if isinstance(each, Tensor)
        else each
        for each in given
    )


def kind_of(model: nn.Module) -> torch.dtype | None:
    """The type of a module's real parameters, of the first one; None without one."""
    kinds = (each.dtype for each in model.parameters() if each.is_floating_point())
    return next(kinds, None)


def _logits_only(_: nn.Module, __: object, output: object) -> Any:
    """The logits; NotApplicableError if they are no real numbers, at least one for an example."""
    found = logits(output)
    if not found.is_floating_point() or found.layout != torch.strided:
        kind = str(found.dtype if found.layout == torch.strided else found.layout)
        raise NotApplicableError(
            f"the network's outputs are {kind.removeprefix('torch.')}, and a score needs logits: "
            f"dense real numbers (batch, classes)"
        )
    if not found.ndim or not found.numel():
        shown = f"of shape {tuple(found.shape)}" if found.ndim else "a single number"
        raise NotApplicableError(
            f"the network's outputs are {shown}, and a score needs logits (batch, classes)"
        )
    return found


def finish(model: nn.Module, example: Callable[[], Tensor], *parts: object) -> None:
    """Give a module of any author all its sizes, one output, inputs of its own, repeated draws.

    Weights of fewer than 32 bits become float32, so that a score is the same on every device and
    not lost in rounding. Real inputs get the type of the weights. Lazy layers get their sizes from
    a pass with the `example`. Every pass returns `logits`, and what it draws (functional dropout,
    stochastic depth, Gumbel-softmax) depends only on the printable `parts` of a seed: two passes
    draw the same numbers, and the global generators are afterwards as they were.
    """
    if kind_of(model) in HALF:
        model.float()
    if is_lazy(model):
        materialise(model, example())
    draws = _Draws(parts)
    model.register_forward_pre_hook(own_inputs, prepend=True)
    model.register_forward_pre_hook(draws.begin, prepend=True)
    model.register_forward_hook(draws.end, always_call=True)
    model.register_forward_hook(_logits_only)


def plain(model: nn.Module) -> nn.Module:
    """The module without the hooks of `finish` and of `norms.explain`, which take time and memory.

    A pass is then the author's code alone. It needs `own_inputs`, and gives what that code gives.
    A network's layers get their inputs as they are given, as in the exported source.
    """
    from nas.network.module import NetworkModule

    if isinstance(model, NetworkModule):
        model.channels_last = False
    ours = (own_inputs, _logits_only, check_values, _Draws.begin, _Draws.end)
    for part in model.modules():
        for hooks in (part._forward_pre_hooks, part._forward_hooks):
            for key, hook in [*hooks.items()]:
                if getattr(hook, "__func__", hook) in ours:
                    del hooks[key]
                    part._forward_hooks_always_called.pop(key, None)
    return model


def is_lazy(model: nn.Module) -> bool:
    """Whether some layer waits for its first inputs to know its sizes, as `nn.LazyLinear`."""
    return any(nn.parameter.is_lazy(each) for each in [*model.parameters(), *model.buffers()])


def materialise(model: nn.Module, inputs: Tensor) -> None:
    """Run a model once so that its lazy layers get their sizes; its running statistics stay."""
    training = [(part, part.training) for part in model.modules()]
    with torch.no_grad():
        model.eval()(*own_inputs(model, (inputs,)))
    for part, mode in training:
        part.training = mode
