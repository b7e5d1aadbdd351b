"""What is to be learnt from some data: decided once, for a batch of it may look like another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from nas.batch import Batch
from nas.errors import UsageError
from nas.training.examples import Data, InMemory, Part
from nas.training.task import Classes, NextToken, Numbers, Task, task_of

Kind = Literal["auto", "classes", "numbers"]


@dataclass(frozen=True)
class Aim:
    """What is to be learnt, from every batch of some data."""

    kind: type[Task]
    vocabulary: int | None

    def of(self, inputs: Tensor, labels: Tensor | None) -> Task:
        """What is to be learnt from a batch; raises UsageError for labels that are no classes."""
        if self.kind is NextToken or labels is None:
            assert self.vocabulary is not None
            return NextToken(inputs, self.vocabulary)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if self.kind is Numbers:
            return Numbers(labels)
        batch = Batch(torch.zeros(len(labels), 1, device=labels.device), labels)
        return Classes(labels.long(), batch)


def aim_of(data: Data, kind: Kind, vocabulary: int | None) -> Aim:
    """What the labels of the data ask for, or what `kind` says.

    `auto`: whole numbers from 0 on are classes, others numbers; without labels it is the next
    token. Raises UsageError where there is nothing to learn, or a part lacks labels.
    """
    pairs = [_pair(part) for part in (data.train, data.valid)]
    if (pairs[0][1] is None) != (pairs[1][1] is None):
        raise UsageError("one part of the data has labels and the other has none: give both some")
    inputs, labels = pairs[0]
    if kind != "auto" and labels is None:
        raise UsageError(f"task={kind} needs labels, and the data has none")
    if kind != "auto":
        return Aim(Numbers if kind == "numbers" else Classes, vocabulary)
    if labels is None and (vocabulary is None or inputs.ndim != 2):
        raise UsageError(
            "training needs labels, and the data has none: give an array or a column that is "
            "called labels or y, or its name by labels=NAME, or a folder for each class, or to a "
            "space of tokens a text"
        )
    some = inputs if inputs.dtype == torch.int64 else torch.zeros(len(inputs), 1)
    return Aim(type(task_of(Batch(some, labels), vocabulary)), vocabulary)


def _pair(part: Part) -> tuple[Tensor, Tensor | None]:
    """All inputs and labels of a part in memory, else those of the first examples."""
    if isinstance(part.examples, InMemory):
        return part.examples.inputs.cpu(), None if part.examples.labels is None else (
            part.examples.labels.cpu()
        )
    return next(iter(part.examples.batches([part.numbers[:16]], ("aim",))))


def extremes(part: Part) -> Part:
    """Two examples of a part: with the least and the largest label, where all are known."""
    labels = getattr(part.examples, "labels", None)
    numbers = part.numbers[:2]
    if labels is not None:
        own = (
            labels.cpu()[part.numbers].flatten(1)
            if labels.ndim > 1
            else labels.cpu()[part.numbers].unsqueeze(1)
        )
        least, most = own.amin(1).argmin(), own.amax(1).argmax()
        numbers = part.numbers[torch.stack([least, most])]
    return Part(part.examples, numbers)
