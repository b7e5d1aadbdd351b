"""The output of a module whose weights are all one number, without memory for the weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from nas.collapse_modules.interception import Interception, current
from nas.collapse_modules.runs import Runs, compressed, expanded


def constants(model: nn.Module, weight: float) -> Iterator[tuple[nn.Parameter, float]]:
    """Each parameter with the number that epsilon puts in its place: 0 in one named `bias`.

    Embeddings stay as they are. The model is set to use the batch's statistics in its norms, to
    keep the running ones, and to leave dropout off.
    """
    model.eval()
    for part in model.modules():
        if isinstance(part, _NormBase):
            part.train()
            part.momentum = 0.0
        for name, parameter in part.named_parameters(recurse=False):
            if not isinstance(part, nn.Embedding):
                yield parameter, 0.0 if name == "bias" else weight


def collapsed_module(
    skeleton: Callable[[], nn.Module],
    fresh: Callable[[], nn.Module],
    inputs: Tensor,
    weights: Sequence[float],
    notes: set[str],
) -> list[Tensor]:
    """A module's flattened outputs, in float64, with its parameters as in `constants`.

    `skeleton` gives it on the meta device; `inputs` sets dtype and device. Operations without a
    collapsed form are computed for all channels and named in `notes`. `fresh` gives it with memory
    and is called only where there are embeddings, or buffers other than a norm's. Raises whatever
    comes of a module that does not let its tensors be replaced: compiled parts, tensors in plain
    attributes, views that are written to.
    """
    outputs: list[Tensor] = []
    stubs: _Stubs | None = None
    for weight in weights:
        if stubs is None or stubs.changed():
            stubs = _Stubs(skeleton(), fresh)
        with torch.no_grad(), Interception(stubs.known(inputs, weight), notes):
            output = stubs.model(compressed(inputs))
        if isinstance(output, Runs):
            output = expanded(current(output))
        if output.is_meta:
            raise ValueError("the output comes from a tensor made in a constructor")
        outputs.append(output.flatten().double())
    return outputs


class _Stubs:
    """A module on the meta device, and what stands for its tensors."""

    def __init__(self, model: nn.Module, fresh: Callable[[], nn.Module]) -> None:
        self.model = model
        self._weights = {p: value > 0 for p, value in constants(model, 1.0)}
        others: list[str] = [n for n, p in model.named_parameters() if p not in self._weights]
        for path, part in model.named_modules():
            if isinstance(part, _NormBase):
                part.num_batches_tracked = None
            else:
                own = part.named_buffers(path, recurse=False)
                others += [name for name, _ in own]
        self._real = dict(_tensors(fresh(), others)) if others else {}
        self._stubs = dict(_tensors(model, others))
        self._state = list(self._attributes())

    def known(self, inputs: Tensor, weight: float) -> dict[int, Tensor]:
        """What stands for each tensor of the module, by id; a constant has one number's memory."""
        zero, one = inputs.new_zeros(()), inputs.new_full((), weight)
        known = {
            id(p): (one if is_weight else zero).expand(p.shape)
            for p, is_weight in self._weights.items()
        }
        for name, stub in self._stubs.items():
            real = self._real[name].detach()
            known[id(stub)] = real.to(inputs.dtype) if real.is_floating_point() else real
        return known

    def changed(self) -> bool:
        """Whether the module is not as it was built: then a second pass may differ."""
        now = list(self._attributes())
        return len(now) != len(self._state) or any(
            new is not old for new, old in zip(now, self._state, strict=True)
        )

    def _attributes(self) -> Iterator[object]:
        for part in self.model.modules():
            yield from vars(part).values()
            yield from part._buffers.values()


def _tensors(model: nn.Module, names: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    everything = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return ((name, everything[name]) for name in names)
