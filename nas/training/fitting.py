"""How a network is trained: some steps on a part of a batch, measured on the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, isfinite, pi
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from nas.errors import UsageError
from nas.seeding import generator
from nas.training.task import Task, outputs_of

Optimizer = Literal["sgd", "adamw"]
RATES = {"sgd": 0.05, "adamw": 0.002}
"""Learning rates if none is given."""


class DivergedError(Exception):
    """The loss of a training is no number any more."""


@dataclass(frozen=True)
class Recipe:
    """How to train: so many steps, each on a batch of examples, with one optimizer."""

    steps: int
    batch_size: int
    optimizer: Optimizer
    lr: float

    def made(self, model: nn.Module) -> torch.optim.Optimizer:
        """The optimizer: SGD with Nesterov momentum .9 and weight decay 5e-4, or AdamW."""
        if self.optimizer == "adamw":
            return torch.optim.AdamW(model.parameters(), self.lr)
        return torch.optim.SGD(
            model.parameters(), self.lr, momentum=0.9, nesterov=True, weight_decay=5e-4
        )


def split(examples: int, valid: float, seed: int) -> tuple[Tensor, Tensor]:
    """The numbers of the examples to train on and to measure on; it depends on the seed alone.

    Raises UsageError if there are not two or more to train on and one or more to measure on.
    """
    measured = max(1, round(examples * valid))
    if examples - measured < 2:
        raise UsageError(
            f"training needs 2 examples to train on and 1 to measure on, and a batch of "
            f"{examples} with valid={valid} has {max(0, examples - measured)} and {measured}: "
            f"give a larger batch.size"
        )
    order = torch.randperm(examples, generator=generator("split", seed))
    return order[measured:], order[:measured]


def fit(
    model: nn.Module,
    inputs: Tensor,
    task: Task,
    which: Tensor,
    recipe: Recipe,
    draws: torch.Generator,
) -> None:
    """Train the model on the examples `which`; `draws` says in which order.

    A model without parameters that change its loss stays as it is.

    The learning rate falls to 0 along a half cosine. Afterwards norms with running statistics have
    those of the trained network. Raises DivergedError if the loss is no number any more.
    """
    optimizer = recipe.made(model) if any(True for _ in model.parameters()) else None
    model.train()
    batches = _batches(which, recipe.batch_size, draws)
    with torch.enable_grad():
        for step in range(recipe.steps):
            if optimizer is None:
                break
            for group in optimizer.param_groups:
                group["lr"] = recipe.lr * (1 + cos(pi * step / recipe.steps)) / 2
            part = next(batches)
            loss = task.loss(outputs_of(model(inputs[part])), part)
            if not isfinite(value := loss.item()):
                raise DivergedError(f"the loss is {value} at step {step + 1} of {recipe.steps}")
            if not loss.requires_grad:
                break
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
    _settle(model, inputs, which, recipe.batch_size)


def measure(
    model: nn.Module, inputs: Tensor, task: Task, which: Tensor, batch_size: int
) -> tuple[float, float | None]:
    """The mean loss and, with classes, the accuracy on the examples `which`."""
    model.eval()
    loss, right = 0.0, 0.0
    for part in which.chunk(-(-len(which) // batch_size)):
        with torch.no_grad():
            outputs = outputs_of(model(inputs[part]))
            loss += task.loss(outputs, part).item() * len(part) / len(which)
        share = task.right(outputs, part)
        if share is None:
            return loss, None
        right += share * len(part) / len(which)
    return loss, right


def batches_in(examples: int, batch_size: int) -> int:
    """How many batches an epoch has; the rest of the examples, less than one, waits."""
    return max(1, examples // batch_size)


def _batches(which: Tensor, batch_size: int, draws: torch.Generator) -> Iterator[Tensor]:
    """Batches of the examples without end, in another order in every epoch."""
    while True:
        order = which[torch.randperm(len(which), generator=draws).to(which.device)]
        for number in range(batches_in(len(which), batch_size)):
            yield order[number * batch_size : (number + 1) * batch_size]


def _settle(model: nn.Module, inputs: Tensor, which: Tensor, batch_size: int) -> None:
    """Give norms the statistics of the trained network: the mean over the batches of an epoch.

    Their running means are of all steps, and after a short training mostly of the first ones.
    """
    norms = [part for part in model.modules() if isinstance(part, _NormBase)]
    norms = [norm for norm in norms if norm.track_running_stats]
    if not norms:
        return
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all that follow
    with torch.no_grad():
        for number in range(batches_in(len(which), batch_size)):
            model(inputs[which[number * batch_size : (number + 1) * batch_size]])
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
