"""What networks are fed while they are scored: inputs, and labels if there are any."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.data.checks import check_classes, described_labels, inputs_of, labels_of
from nas.data.loaders import first
from nas.data.unchanged import unchanged
from nas.errors import UsageError
from nas.seeding import generator

T = TypeVar("T")


@dataclass(eq=False, init=False)
class Batch:
    """Inputs (batch, …) and, if the source has them, labels (batch,).

    Both are tensors or arrays of numpy. Tensors keep their type; real numbers of an array become
    float32. Labels are whole numbers of any type, of shape (batch,) or (batch, 1), or a class for
    every place (batch, …); texts are numbered in sorted order. Other real numbers are measurements
    and no classes. Raises UsageError for another number of labels than of examples, and for inputs
    that are bytes or not finite.

    Every proxy gets its own copy of the batch (`fresh`). In its `notes` the copy records what the
    proxy got instead of what it asked for, and which labels it got.

    >>> import numpy as np
    >>> batch = Batch(np.zeros((4, 3, 8, 8)), np.array([[0.0], [1.0], [1.0], [2.0]]))
    >>> batch.inputs.dtype, batch.labels.tolist()
    (torch.float32, [0, 1, 1, 2])
    """

    inputs: Tensor
    labels: Tensor | None
    seed: int
    """Seed of the random labels: a proxy gets these if it asks for labels and there are none."""
    notes: set[str]
    """What the proxy got instead of what it asked for, and which labels; the summary shows it."""
    remarks: tuple[str, ...]
    """What the source has to say of the data: it is among the notes of every copy."""
    origin: str
    """Which labels they are, in words: a note of every copy whose labels are asked for."""
    _made: dict[Hashable, Any] = field(init=False, repr=False)

    def __init__(
        self,
        inputs: Tensor | NDArray[Any],
        labels: Tensor | NDArray[Any] | None = None,
        seed: int = 0,
        notes: set[str] | None = None,
        remarks: tuple[str, ...] = (),
        origin: str = "",
    ) -> None:
        self.inputs = inputs_of(inputs)
        self.labels, names = (None, ()) if labels is None else labels_of(labels, len(self.inputs))
        if self.labels is not None and names and not origin:
            origin = described_labels(self.labels, names, "of the data")
        self.seed, self.remarks, self.origin = seed, remarks, origin
        self.notes = set() if notes is None else notes
        self._made = {}

    @classmethod
    def from_loader(cls, loader: Iterable[Any], size: int = 256, seed: int = 0) -> Batch:
        """The first `size` examples of a DataLoader, a data set or any iterable of batches.

        A batch is inputs, a pair (inputs, labels), or a dictionary with such names as `x` and
        `y`, `image` and `label`. A loader that shuffles does so under the seed, and torch's
        generator is as before. Raises UsageError if there are fewer examples.

        >>> pairs = [(torch.zeros(8, 5), torch.arange(8)), (torch.ones(8, 5), torch.arange(8))]
        >>> Batch.from_loader(pairs, size=10).labels.tolist()
        [0, 1, 2, 3, 4, 5, 6, 7, 0, 1]
        """
        inputs, labels = first(loader, size, seed)
        return cls(inputs, labels, seed)

    def labels_for(self, classes: int) -> Tensor:
        """Labels (batch,) from 0 to classes - 1: the batch's own, else random ones with a note.

        Raises UsageError if the batch's own labels are no classes of so many outputs.
        """
        if self.labels is None:
            self.notes.add("random labels, for the batch has none")
            size = (len(self.inputs),)
            drawn = torch.randint(classes, size, generator=generator("labels", self.seed))
            return drawn.to(self.inputs.device)
        if self.origin:
            self.notes.add(self.origin)
        check_classes(self.labels, classes)
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
        """The same batch without a proxy's notes; both share the results that `once` keeps."""
        other = copy(self)
        other.notes, other._made = set(self.remarks), self._made
        other.seed = self.seed if seed is None else seed
        return other

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Undo, afterwards, what is written into the inputs and labels: they are the user's."""
        parts = [part for part in (self.inputs, self.labels) if part is not None]
        with unchanged(parts, self.once("unchanged", lambda: [part.clone() for part in parts])):
            yield

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
        """The same batch on a device; UsageError for inputs that have shapes and no numbers."""
        if self.inputs.is_meta and device != "meta":
            raise UsageError(
                "inputs are on the device meta, which has no numbers: make them on the CPU"
            )
        other = copy(self)
        other.inputs = self.inputs.to(device)
        other.labels = None if self.labels is None else self.labels.to(device)
        other._made = {}
        return other
