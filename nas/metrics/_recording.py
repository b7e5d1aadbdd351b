"""The memory of a module's pass, recorded operation by operation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nas.metrics._spans import Span, peak
from nas.network.passes import own_inputs, plain


def of_module(model: nn.Module, inputs: Tensor) -> int:
    """Peak bytes of the activations of a pass of a module on inputs (batch, …).

    >>> of_module(torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.ReLU()), torch.ones(1, 8))
    48
    """
    model = plain(model).eval()
    [given] = own_inputs(model, (inputs,))
    record = Record()
    record.began(given)
    with torch.no_grad(), record:
        output = model(given)
    record.ended(output)
    return peak(record.spans.values())


@dataclass
class Record(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """What every operation of a pass reads and makes, by memory: the spans of what it makes."""

    spans: dict[int, Span] = field(default_factory=dict)
    seen: dict[int, StorageWeakRef] = field(default_factory=dict)
    """All memory, which keeps its key as long as it is here; the weights' too, as it is read."""
    step: int = 0

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def began(self, inputs: Tensor) -> None:
        """The inputs are there from the start."""
        self._made([inputs])

    def ended(self, output: object) -> None:
        """The outputs are there to the end."""
        self.step += 1
        self._read(output)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run an operation and take note of it."""
        self.step += 1
        self._read((args, kwargs))
        output = func(*args, **(kwargs or {}))
        self._made(output)
        return output

    def _read(self, values: object) -> None:
        for key, _ in self._memory(values):
            if key in self.spans:
                self.spans[key].end = self.step

    def _made(self, values: object) -> None:
        first = True
        for key, size in [*self._memory(values, known=False)]:
            self.spans[key] = Span(size, self.step, self.step, first)
            first = False

    def _memory(self, values: object, known: bool = True) -> Iterator[tuple[int, int]]:
        """Key and bytes of the memory of all tensors in a value; not `known`: of new ones only."""
        for tensor in tree_leaves(values):
            if isinstance(tensor, Tensor):
                with suppress(NotImplementedError, RuntimeError):  # a sparse tensor has no one
                    storage = tensor.untyped_storage()
                    reference = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
                    key = reference.cdata
                    if key not in self.seen or known:
                        self.seen.setdefault(key, reference)
                        yield key, storage.nbytes()
