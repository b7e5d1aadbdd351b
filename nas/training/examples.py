"""Examples to train on: in memory, or given one by one by a data set of the user's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from nas.data.checks import inputs_of, labels_of
from nas.data.images import scaled
from nas.data.loaders import first
from nas.errors import UsageError
from nas.scoring.attempt import reason
from nas.seeding import seeded
from nas.training.fitting import resized

Pair = tuple[Tensor, Tensor | None]
"""Inputs (n, …) and labels (n, …), if there are any."""


class Examples(ABC):
    """Inputs with their labels, in the shape of a space's inputs."""

    @abstractmethod
    def __len__(self) -> int:
        """How many there are."""

    @abstractmethod
    def batches(self, parts: Iterable[Tensor], key: Sequence[object]) -> Iterator[Pair]:
        """The batch of each list of numbers, in order; what is drawn depends on `key` alone."""

    @abstractmethod
    def digest(self) -> str:
        """What tells other examples apart: a training goes on with the same ones only."""

    def to(self, device: str) -> Examples:
        """The same examples, on a device if they are in memory."""
        return self


class Part(NamedTuple):
    """Some of the examples, by their numbers."""

    examples: Examples
    numbers: Tensor


@dataclass(frozen=True)
class Data:
    """The examples to train on, and those to measure on."""

    train: Part
    valid: Part
    remarks: tuple[str, ...] = ()

    def to(self, device: str) -> Data:
        """The same examples, on a device if they are in memory."""
        train = self.train._replace(examples=self.train.examples.to(device))
        valid = train.examples
        if self.valid.examples is not self.train.examples:
            valid = self.valid.examples.to(device)
        return Data(train, self.valid._replace(examples=valid), self.remarks)

    def as_real(self) -> Data:
        """The same examples, with whole numbers in memory as float32: they are measurements."""
        train, valid = (
            part._replace(examples=InMemory(part.examples.inputs.float(), part.examples.labels))
            if isinstance(part.examples, InMemory) and part.examples.statistics is None
            else part
            for part in (self.train, self.valid)
        )
        return Data(train, valid, self.remarks)

    @cached_property
    def digest(self) -> str:
        """A hash of all examples and of how they are parted."""
        content = sha256()
        for part in (self.train, self.valid):
            content.update(part.examples.digest().encode() + part.numbers.numpy().tobytes())
        return content.hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class InMemory(Examples):
    """Tensors; images of uint8 are scaled by the `statistics` when they are asked for."""

    inputs: Tensor
    labels: Tensor | None
    statistics: str | None = None
    """None: the inputs are as they are."""

    def __len__(self) -> int:
        return len(self.inputs)

    def batches(self, parts: Iterable[Tensor], key: Sequence[object]) -> Iterator[Pair]:
        """The examples of these numbers; nothing is drawn."""
        for part in parts:
            which = part.to(self.inputs.device)
            inputs = self.inputs[which]
            if self.statistics is not None:
                inputs = scaled(inputs, self.statistics)
            yield inputs, None if self.labels is None else self.labels[which]

    def digest(self) -> str:
        """A hash of all numbers."""
        content = sha256(str(self.inputs.shape).encode())
        for part in (self.inputs, self.labels):
            if part is not None:
                content.update(part.cpu().contiguous().numpy().tobytes())
        return content.hexdigest()

    def to(self, device: str) -> InMemory:
        """The same tensors on a device."""
        labels = None if self.labels is None else self.labels.to(device)
        return InMemory(self.inputs.to(device), labels, self.statistics)


@dataclass(frozen=True, eq=False)
class Given(Examples):
    """A data set that gives inputs and a label by their number: `len(data)` and `data[i]`.

    What it draws from the global generators, such as an augmentation of its own, depends on the
    example's number and on the epoch alone, with any number of worker processes.
    """

    data: Any
    shape: tuple[int, ...]
    name: str
    workers: int = 0
    pinned: bool = False
    """Whether batches are put where a CUDA device reads them while it computes."""

    def __len__(self) -> int:
        return len(self.data)

    def batches(self, parts: Iterable[Tensor], key: Sequence[object]) -> Iterator[Pair]:
        """The examples of these numbers, read ahead by the worker processes."""
        loader: Iterable[Pair | str] = DataLoader(
            _Seeded(self, tuple(key)),
            sampler=[part.tolist() for part in parts],
            batch_size=None,
            num_workers=self.workers,
            pin_memory=self.pinned,
            generator=torch.Generator(),  # its draws are for nothing: each example is seeded
        )
        for found in self._read(loader):
            if isinstance(found, str):
                raise UsageError(found)
            yield found

    def _read(self, loader: Iterable[Pair | str]) -> Iterator[Pair | str]:
        """What a loader gives; UsageError if one of its processes dies."""
        try:
            yield from loader
        except RuntimeError as error:
            raise UsageError(
                f"{self.name} cannot be read by {self.workers} processes ({reason(error)})"
            ) from error

    def digest(self) -> str:
        """The name and the size: the content is the user's."""
        return f"{self.name} {len(self.data)}"

    def to(self, device: str) -> Given:
        """The same data set, read for a device."""
        return replace(self, pinned=device.startswith("cuda"))


@dataclass(frozen=True, eq=False)
class _Seeded(Dataset[Pair | str]):
    """The batches of a data set by lists of numbers; each example is made under its own seed."""

    given: Given
    key: tuple[object, ...]

    def __getitem__(self, numbers: Any) -> Pair | str:
        """A batch, or why there is none: another process could not raise it as it is."""
        try:
            return self._batch(numbers)
        except UsageError as error:
            return str(error)

    def _batch(self, numbers: Any) -> Pair:
        name, found = self.given.name, []
        for number in numbers:
            with seeded("example", *self.key, number):
                found.append(given(self.given.data, number, name))
        inputs, labels = first(found, len(found), 0)
        inputs = resized(inputs_of(inputs, f"the inputs of {name}"), self.given.shape)
        if tuple(inputs.shape[1:]) != self.given.shape:
            raise UsageError(
                f"{name} gives examples of shape {tuple(inputs.shape[1:])}, and the network takes "
                f"{self.given.shape}"
            )
        if labels is None:
            return inputs, None
        own, names = labels_of(labels, len(inputs), f"the labels of {name}")
        if names:
            raise UsageError(f"{name} gives texts as labels: give numbers of classes")
        return inputs, own


def given(data: Any, number: int, name: str) -> Any:
    """An example of a data set; UsageError where its code raises an error."""
    try:
        return data[number]
    except (Exception, SystemExit) as error:
        raise UsageError(f"example {number} of {name} fails ({reason(error)})") from error
