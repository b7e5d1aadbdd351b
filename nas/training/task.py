"""What a network has to learn from a batch: its loss, and its accuracy where there are classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas.batch import Batch
from nas.errors import NotApplicableError, UsageError


@dataclass(frozen=True)
class Task(ABC):
    """What the outputs of a network are compared with: the targets of every example."""

    targets: Tensor

    @abstractmethod
    def loss(self, outputs: Tensor, which: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean loss over the examples `which`, whose outputs these are.

        `smoothing` is the share of label smoothing; numbers have none. Raises NotApplicableError
        for outputs of another shape than the targets need.
        """

    def right(self, outputs: Tensor, which: Tensor) -> float | None:
        """The share of targets that the outputs get right; None where there are no classes."""
        return None


@dataclass(frozen=True)
class Classes(Task):
    """Classes from 0 on, one an example (n,), or one a place (n, …): the mean cross entropy."""

    whole: Batch

    def loss(self, outputs: Tensor, which: Tensor, smoothing: float = 0.0) -> Tensor:
        logits = self._logits(outputs)
        if logits.shape[1] == 1 and (most := int(self.targets.max())):
            raise UsageError(
                f"the labels are whole numbers up to {most}, so they are classes, and the network "
                f"has one output: give it one for each class, or to nas train task=numbers if "
                f"they are measurements"
            )
        self.whole.labels_for(logits.shape[1])  # raises UsageError for a class that has no output
        return F.cross_entropy(logits, self.targets[which], label_smoothing=smoothing)

    def right(self, outputs: Tensor, which: Tensor) -> float:
        found = self._logits(outputs).argmax(1)
        return float((found == self.targets[which]).double().mean())

    def _logits(self, outputs: Tensor) -> Tensor:
        """The outputs as (n, classes, …); they may be (n, …, classes) too."""
        places = self.targets.shape[1:]
        shape = outputs.shape
        if len(shape) == len(places) + 2 and shape[2:] == places:
            return outputs
        if len(shape) == len(places) + 2 and shape[1:-1] == places:
            return outputs.movedim(-1, 1)
        raise _unfit(outputs, f"labels of shape {_shape(self.targets)} need logits of each")


@dataclass(frozen=True)
class Numbers(Task):
    """Numbers (n, …), as many as the network has outputs: the mean squared error."""

    def loss(self, outputs: Tensor, which: Tensor, smoothing: float = 0.0) -> Tensor:
        wanted = self.targets[which].to(outputs.dtype)
        if outputs.numel() != wanted.numel():
            raise self._misfit(outputs)
        return F.mse_loss(outputs.reshape(wanted.shape), wanted)

    def _misfit(self, outputs: Tensor) -> NotApplicableError:
        """The error for outputs that are not as many as the numbers, and why these are numbers."""
        each, there = self.targets[0].numel(), outputs[0].numel()
        no_class = self.targets[(self.targets < 0) | (self.targets != self.targets.round())]
        why = f"one label is {no_class[0].item():g}, so " if len(no_class) else ""
        return NotApplicableError(
            f"{why}the labels are numbers to predict, {each} for each example, and the network "
            f"has {there} output{'' if there == 1 else 's'}: give it as many, or labels that are "
            f"classes, whole numbers from 0 on"
        )


@dataclass(frozen=True)
class NextToken(Task):
    """Tokens (n, length): the mean cross entropy of each but the first, given those before it."""

    vocabulary: int

    def loss(self, outputs: Tensor, which: Tensor, smoothing: float = 0.0) -> Tensor:
        tokens = self.targets[which][:, 1:]
        return F.cross_entropy(self._logits(outputs), tokens, label_smoothing=smoothing)

    def right(self, outputs: Tensor, which: Tensor) -> float:
        found = self._logits(outputs).argmax(1)
        return float((found == self.targets[which][:, 1:]).double().mean())

    def _logits(self, outputs: Tensor) -> Tensor:
        if outputs.shape[1:] != (self.targets.shape[1], self.vocabulary):
            raise _unfit(
                outputs,
                f"a batch of tokens without labels needs logits of the next token at each place, "
                f"{self.targets.shape[1]} x {self.vocabulary:,}",
            )
        return outputs[:, :-1].movedim(-1, 1)


def task_of(batch: Batch, vocabulary: int | None) -> Task:
    """What the labels of a batch ask for: classes if they are whole numbers from 0 on.

    Without labels it is the next token, if the inputs are tokens of a vocabulary. Raises
    NotApplicableError where there is nothing to learn.
    """
    labels = batch.labels
    if labels is None and vocabulary is not None and batch.inputs.ndim == 2:
        return NextToken(batch.inputs, vocabulary)
    if labels is None:
        raise NotApplicableError(
            "training needs labels, and the batch has none; random ones teach nothing: give one "
            "that has labels, such as batch=images batch.path=FILE"
        )
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.is_floating_point() or int(labels.min()) < 0:
        return Numbers(labels)
    return Classes(labels.long(), batch)


def answered(model: nn.Module, inputs: Tensor, task: Task) -> Tensor:
    """The outputs of a model for a task; raises NotApplicableError where they are no tensor.

    Where the next token is wanted and the model gives vectors as wide as its embedding, their
    products with the embedding's weights are the logits (Press & Wolf 2017, arXiv:1608.05859).
    """
    outputs = outputs_of(model(inputs))
    if isinstance(task, NextToken) and outputs.ndim == 3:
        sizes = task.vocabulary, outputs.shape[2]
        for part in model.modules() if sizes[1] != task.vocabulary else ():
            if isinstance(part, nn.Embedding) and tuple(part.weight.shape) == sizes:
                return F.linear(outputs, part.weight)
    return outputs


def outputs_of(found: object) -> Tensor:
    """What a network gives; raises NotApplicableError if it is no tensor."""
    if isinstance(found, torch.Tensor):
        return found
    raise NotApplicableError(
        f"training needs a network that gives one tensor; this one gives a {type(found).__name__}"
    )


def _unfit(outputs: Tensor, needs: str) -> NotApplicableError:
    return NotApplicableError(f"{needs}; the network gives {_shape(outputs)}, the batch included")


def _shape(tensor: Tensor) -> str:
    return " x ".join(f"{size:,}" for size in tensor.shape)
