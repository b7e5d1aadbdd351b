"""What networks are fed while they are scored: inputs, and labels where there are any."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor

from nas.collapse.outputs import Inputs
from nas.errors import UsageError
from nas.seeding import generator as seeded_generator


@dataclass(frozen=True, eq=False)
class Batch:
    """Inputs (batch, …) and, where the source has them, labels (batch,)."""

    inputs: Tensor
    labels: Tensor | None = None
    seed: int = 0
    """Of the random labels, where a proxy asks for labels and there are none."""
    notes: set[str] = field(default_factory=set)
    """What a proxy was given in place of what it asked for, for the summary."""

    def labels_for(self, classes: int) -> Tensor:
        """Labels (batch,) from 0 to classes - 1: the batch's own, else random ones, noted.

        UsageError where the batch's own labels go further than the network's outputs.
        """
        if self.labels is None:
            self.notes.add("random labels, for the batch has none")
            size = (len(self.inputs),)
            drawn = torch.randint(classes, size, generator=seeded_generator("labels", self.seed))
            return drawn.to(self.inputs.device)
        if int(self.labels.max()) >= classes:
            most = int(self.labels.max())
            raise UsageError(
                f"the batch has the label {most}, the network {classes} outputs: it needs "
                f"{most + 1} or more"
            )
        return self.labels

    def prepared(self, dtype: torch.dtype) -> Inputs:
        """The inputs in a dtype, for `nas.collapse.outputs`; made once for all networks."""
        if dtype not in self._prepared:
            self._prepared[dtype] = Inputs(self.inputs.to(dtype))
        return self._prepared[dtype]

    @cached_property
    def _prepared(self) -> dict[torch.dtype, Inputs]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """Without what another process makes anew."""
        return {name: value for name, value in vars(self).items() if name != "_prepared"}

    def digest(self) -> str:
        """SHA-256 of inputs and labels: files of the same name may change."""
        content = sha256()
        for part in (self.inputs, self.labels):
            if part is not None:
                content.update(part.cpu().contiguous().numpy().tobytes())
        return content.hexdigest()

    def to(self, device: str) -> Batch:
        """The same batch on a device."""
        labels = None if self.labels is None else self.labels.to(device)
        return replace(self, inputs=self.inputs.to(device), labels=labels)
