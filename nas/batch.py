"""What networks are fed while they are scored: inputs, and labels if there are any."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, TypeVar

import torch
from torch import Tensor

from nas.errors import UsageError
from nas.seeding import generator

T = TypeVar("T")


@dataclass(eq=False)
class Batch:
    """Inputs (batch, …) and, if the source has them, labels (batch,).

    Every proxy gets its own copy of the batch (`fresh`). In its `notes` the copy records what the
    proxy got instead of what it asked for.
    """

    inputs: Tensor
    labels: Tensor | None = None
    seed: int = 0
    """Seed of the random labels: a proxy gets these if it asks for labels and there are none."""
    notes: set[str] = field(default_factory=set)
    """What the proxy got instead of what it asked for; the summary shows it."""
    _made: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def labels_for(self, classes: int) -> Tensor:
        """Labels (batch,) from 0 to classes - 1: the batch's own, else random ones with a note.

        Raises UsageError if the network has fewer outputs than the batch's own labels need.
        """
        if self.labels is None:
            self.notes.add("random labels, for the batch has none")
            size = (len(self.inputs),)
            drawn = torch.randint(classes, size, generator=generator("labels", self.seed))
            return drawn.to(self.inputs.device)
        most = int(self.labels.max())
        if most >= classes:
            raise UsageError(
                f"the label {most} needs at least {most + 1} outputs; the network has {classes}"
            )
        return self.labels

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of `make`, which runs at the first call with this key; the batch keeps it.

        It is for values that a proxy derives from the inputs alone and needs for every candidate.
        """
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made

    def fresh(self, seed: int | None = None) -> Batch:
        """The same batch without notes; both share the results that `once` keeps."""
        copy = replace(self, notes=set(), seed=self.seed if seed is None else seed)
        copy._made = self._made
        return copy

    def __getstate__(self) -> dict[str, Any]:
        """The state without the results that `once` keeps: another process makes its own."""
        return {**vars(self), "_made": {}}

    def digest(self) -> str:
        """SHA-256 of inputs and labels, because a file may change and keep its name."""
        content = sha256()
        for part in (self.inputs, self.labels):
            if part is not None:
                content.update(part.cpu().contiguous().numpy().tobytes())
        return content.hexdigest()

    def to(self, device: str) -> Batch:
        """The same batch on a device."""
        labels = None if self.labels is None else self.labels.to(device)
        return replace(self, inputs=self.inputs.to(device), labels=labels)
