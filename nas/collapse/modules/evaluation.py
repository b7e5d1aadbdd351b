"""The output of a module under one shared weight, without memory for its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from nas.collapse.modules.interception import Interception, current
from nas.collapse.modules.segments import Memo, Part, Segmented, compressed, expanded, segmented
from nas.network.initialisation import constants, embeddings

Entries = Callable[[str, torch.Size], Tensor]
"""A function of an embedding's name among the parameters, and its shape; returns its weights."""


def collapsed_module(
    skeleton: Callable[[], nn.Module],
    fresh: Callable[[], nn.Module],
    inputs: Tensor,
    weights: Sequence[float],
    notes: set[str],
    *,
    dtype: torch.dtype = torch.float64,
    entries: Entries | None = None,
    distinct: bool = False,
) -> list[Tensor]:
    """A module's output under each shared weight, flattened, in float64.

    - `skeleton` builds the module on the meta device, `fresh` with memory. `fresh` is called only
      if the module has buffers other than a norm's, or embeddings and there are no `entries`.
    - `inputs` decides on the device. It also decides on the dtype, unless it holds whole numbers
      (tokens): then `dtype` does.
    - Parameters have the values of `nas.network.initialisation.constants`; `entries` gives the
      weights of embeddings.
    - `notes` receives the names of operations that are computed for all channels, because there
      is no handler for them.
    - With `distinct`, equal channels are in the output only once, provided that every channel is
      repeated equally often.

    Any exception may come from a module whose tensors cannot be replaced: it has compiled parts or
    tensors in plain attributes, or it writes to views.

    >>> from functools import partial
    >>> def skeleton() -> nn.Module:
    ...     with torch.device("meta"):
    ...         return nn.Linear(4, 2)
    >>> [output] = collapsed_module(skeleton, skeleton, torch.ones(1, 4), [0.5], set())
    >>> output.tolist()
    [2.0, 2.0]
    """
    outputs: list[Tensor] = []
    real: dict[str, Tensor] | None = None
    given, memo = compressed(inputs), Memo()
    for weight in weights:
        stubs = _Stubs(skeleton())  # one for each weight: a pass may change the module
        if real is None:
            real = stubs.real(fresh, entries)
        one = inputs if inputs.is_floating_point() else inputs.new_empty((), dtype=dtype)
        with torch.no_grad(), Interception(stubs.known(real, one, weight), notes, memo):
            output = stubs.model(segmented(given.parts, given.axis))
        outputs.append(_checked(output))
    if distinct:
        outputs = _once(outputs)
    full = [expanded(output) if isinstance(output, Segmented) else output for output in outputs]
    return [output.flatten().double() for output in full]


def _checked(output: object) -> Tensor:
    """A module's output; TypeError if it is no tensor, ValueError if it was not computed."""
    if not isinstance(output, Tensor):
        raise TypeError(f"the module returns {type(output).__name__}, no tensor")
    if output.is_meta:
        raise ValueError("the output comes from a tensor made in a constructor")
    return current(output) if isinstance(output, Segmented) else output


def _once(outputs: list[Tensor]) -> list[Tensor]:
    """The outputs with every channel once, if all channels of all outputs repeat equally often."""
    every = [output for output in outputs if isinstance(output, Segmented)]
    repeats = {tuple((part.width(x.axis), part.times) for part in x.parts) for x in every}
    if len(every) < len(outputs) or len(repeats) > 1 or len({n for _, n in repeats.pop()}) > 1:
        return outputs
    return [segmented([Part(part.values, 1) for part in x.parts], x.axis) for x in every]


class _Stubs:
    """A module on the meta device, and the tensors to use in place of its own."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self._weights = {p: value > 0 for p, value in constants(model, 1.0)}
        self._tables = embeddings(model)
        self._buffers: list[str] = []
        for path, part in model.named_modules():
            if isinstance(part, _NormBase):
                part.num_batches_tracked = None
            else:
                own = part.named_buffers(path, recurse=False)
                self._buffers += [name for name, _ in own]

    def real(self, fresh: Callable[[], nn.Module], entries: Entries | None) -> dict[str, Tensor]:
        """The tensors that are not constant, by name: embeddings and buffers."""
        others = [*self._buffers, *(() if entries else self._tables)]
        found = dict(_tensors(fresh(), others)) if others else {}
        if entries is not None:
            found |= {name: entries(name, table.shape) for name, table in self._tables.items()}
        return {name: tensor.detach() for name, tensor in found.items()}

    def known(
        self, real: Mapping[str, Tensor], inputs: Tensor, weight: float
    ) -> dict[int, Tensor]:
        """The tensor to use in place of each of the module's, by the id of that one.

        A constant takes the memory of one number.
        """
        zero, one = inputs.new_zeros(()), inputs.new_full((), weight)
        known = {
            id(p): (one if is_weight else zero).expand(p.shape)
            for p, is_weight in self._weights.items()
        }
        for name, stub in _tensors(self.model, real):
            values = real[name]
            if name in self._buffers:  # a pass may write to it
                values = values.clone()
            known[id(stub)] = values.to(inputs.dtype) if values.is_floating_point() else values
        return known


def _tensors(model: nn.Module, names: Iterable[str]) -> Iterator[tuple[str, Tensor]]:
    everything: dict[str, Tensor] = dict(model.named_parameters(remove_duplicate=False))
    everything |= dict(model.named_buffers(remove_duplicate=False))
    return ((name, everything[name]) for name in names)
