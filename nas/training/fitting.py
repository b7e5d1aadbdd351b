"""How a network is trained: some steps on a part of a batch, measured on the rest."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _NormBase

from nas.errors import UsageError
from nas.seeding import generator
from nas.training.augmentation import augmented
from nas.training.recipe import Recipe
from nas.training.task import Task, answered

LARGER = ": give a larger batch.size"
"""How a batch gets more examples."""


class DivergedError(Exception):
    """The loss of a training is no number any more."""


def split(
    examples: int, valid: float, seed: int, what: str = "the batch", more: str = ""
) -> tuple[Tensor, Tensor]:
    """The numbers of the examples to train on and to measure on; it depends on the seed alone.

    Raises UsageError if there are not two or more to train on and one or more to measure on;
    `what` has the examples, and `more` says how it gets more of them.
    """
    measured = max(1, round(examples * valid))
    if examples < 3:
        raise UsageError(
            f"{what} has {examples} example{'' if examples == 1 else 's'}, and a training needs 2 "
            f"to train on and 1 to measure on{more}"
        )
    if examples - measured < 2:
        raise UsageError(
            f"valid={valid:g} of {examples} examples leaves {examples - measured} to train on, "
            f"and a training needs 2: give a smaller valid"
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
    """Train the model on the recipe's share of the examples `which`; `draws` orders them.

    A model without parameters that change its loss stays as it is.

    The learning rate falls to 0 along a half cosine. Afterwards norms with running statistics have
    those of the trained network. Raises DivergedError if the loss is no number any more.
    """
    optimizer = recipe.made(model) if any(True for _ in model.parameters()) else None
    steps = recipe.steps_for(len(which))
    which = which[: recipe.examples_of(len(which))]
    model.train()
    batches = _batches(which, recipe, draws)
    with torch.enable_grad():
        for step in range(steps):
            if optimizer is None:
                break
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate_at(step, steps)
            part = next(batches)
            some = augmented(inputs[part], draws) if recipe.augment else inputs[part]
            loss = task.loss(answered(model, some, task), part, recipe.label_smoothing)
            if not isfinite(value := loss.item()):
                raise DivergedError(f"the loss is {value} at step {step + 1} of {steps}")
            if not loss.requires_grad:
                break
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
    _settle(model, inputs, which, recipe)


def measure(
    model: nn.Module, inputs: Tensor, task: Task, which: Tensor, batch_size: int
) -> tuple[float, float | None]:
    """The mean loss and, with classes, the accuracy on the examples `which`.

    Raises DivergedError if the loss is no number.
    """
    model.eval()
    loss = 0.0
    right: float | None = 0.0
    for part in which.chunk(-(-len(which) // batch_size)):
        with torch.no_grad():
            outputs = answered(model, inputs[part], task)
            loss += task.loss(outputs, part).item() * len(part) / len(which)
        share = task.right(outputs, part)
        right = None if share is None or right is None else right + share * len(part) / len(which)
    if not isfinite(loss):
        raise DivergedError(f"the loss is {loss} after the training")
    return loss, right


def resized(images: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Images (n, channels, height, width) in the height and width of `shape`, if they differ."""
    if images.ndim != 4 or images.shape[2:] == shape[1:]:
        return images
    return F.interpolate(images, shape[1:], mode="bilinear", antialias=True)


def _batches(which: Tensor, recipe: Recipe, draws: torch.Generator) -> Iterator[Tensor]:
    """Batches of the examples without end, in another order in every epoch."""
    while True:
        order = which[torch.randperm(len(which), generator=draws).to(which.device)]
        for number in range(recipe.batches_in(len(which))):
            yield order[number * recipe.batch_size : (number + 1) * recipe.batch_size]


def _settle(model: nn.Module, inputs: Tensor, which: Tensor, recipe: Recipe) -> None:
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
        size = recipe.batch_size
        for number in range(recipe.batches_in(len(which))):
            model(inputs[which[number * size : (number + 1) * size]])
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
