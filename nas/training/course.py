"""A training that can stop after any step and go on with the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from math import ceil, isfinite
from time import perf_counter
from typing import Any, Literal

import torch
from torch import Tensor, nn

from nas.errors import NotApplicableError, UsageError
from nas.scoring.attempt import reason
from nas.seeding import full_precision, generator, repeatable, seeded
from nas.training.aim import Kind, aim_of, extremes
from nas.training.augmentation import augmented
from nas.training.examples import Data, Pair, Part
from nas.training.fitting import DivergedError
from nas.training.recipe import Recipe
from nas.training.task import Task, answered

Precision = Literal["full", "bf16"]
MEASURED = 256
"""Examples in a batch that is measured on: it has no gradients, and may be larger."""


@dataclass
class State:
    """How far a training is, as plain values."""

    step: int = 0
    """Steps that are done."""
    loss: float = 0.0
    """The sum of the losses of this epoch's steps."""
    right: float | None = None
    """The sum of their accuracies; None where there are no classes."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """The learning curve, one row an epoch."""
    best: float | None = None
    """The best figure on the examples kept apart: an accuracy, or minus a loss."""
    best_epoch: int = 0
    over: bool = False
    seconds: float = 0.0
    """How long the steps took, in all runs together."""


@dataclass(frozen=True)
class Plan:
    """How a training goes, beside its recipe."""

    recipe: Recipe
    seed: int = 0
    patience: int | None = None
    """Epochs without a better figure after which it ends; the best weights are then kept."""
    precision: Precision = "full"
    task: Kind = "auto"


@contextmanager
def as_sentence(what: str) -> Iterator[None]:
    """An error of a network's own code, of any class, as a UsageError that begins so."""
    try:
        yield
    except (UsageError, DivergedError):
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"{what}: {reason(error)}") from error


class Course:
    """The training of one model on some data.

    All that is drawn depends on the seed, the epoch and the step alone. So a course that is put
    back into an earlier state makes the same numbers again, on the CPU bit by bit.
    """

    def __init__(
        self, model: nn.Module, data: Data, plan: Plan, vocabulary: int | None, device: str
    ) -> None:
        """Raises UsageError if the model does not fit the data; nothing is trained yet."""
        self.model, self.data, self.plan, self.device = model, data.to(device), plan, device
        self.aim = aim_of(data, plan.task, vocabulary)
        self.state = State()
        self.best: dict[str, Tensor] = {}
        """With patience: the weights of the best epoch so far."""
        recipe, there = plan.recipe, len(data.train.numbers)
        self.part = data.train.numbers[: recipe.examples_of(there)]
        self.per_epoch = recipe.batches_in(len(self.part))
        self.steps = recipe.steps_for(there)
        self.epochs = ceil(self.steps / self.per_epoch)
        self._check()
        self.optimizer = recipe.made(model)

    def _check(self) -> None:
        """Raise UsageError for labels or outputs that do not fit, and for no weights."""
        if not any(parameter.requires_grad for parameter in self.model.parameters()):
            raise NotApplicableError("the network has no weights that a training could change")
        for part in (self.data.train, self.data.valid):
            two = extremes(part)
            inputs, _ = next(two.examples.batches([two.numbers], ("check",)))
            if self.plan.recipe.augment and part is self.data.train:
                augmented(inputs, generator("check"))
            shape = " x ".join(map(str, inputs.shape[1:]))
            with self._exact(), as_sentence(f"the network cannot take examples of shape {shape}"):
                self._measured(two)

    def _task(self, pair: Pair) -> Task:
        """What is to be learnt from a batch."""
        return self.aim.of(*pair)

    def go(self) -> Iterator[bool]:
        """Make steps until the training is over; after each, whether it ended an epoch.

        Raises DivergedError if the loss is no number any more.
        """
        state = self.state
        while not state.over:
            epoch = state.step // self.per_epoch
            order = generator("order", self.plan.seed, epoch)
            every = self.part[torch.randperm(len(self.part), generator=order)]
            size = self.plan.recipe.batch_size
            begun = state.step % self.per_epoch
            last = min(self.per_epoch, begun + self.steps - state.step)
            parts = [every[n * size : (n + 1) * size] for n in range(begun, last)]
            key = (self.plan.seed, epoch)
            start = perf_counter()
            for pair in self.data.train.examples.batches(parts, key):
                at = f"the network fails in step {state.step + 1} of {self.steps}"
                with self._exact(), as_sentence(at):
                    self._step(pair)
                    ends = state.step % self.per_epoch == 0 or state.step == self.steps
                    if ends:
                        self._end_epoch(epoch)
                state.seconds += perf_counter() - start
                yield ends
                start = perf_counter()
                if state.over:
                    break

    def _there(self, pair: Pair) -> Pair:
        """A batch on the device; from pinned memory it is copied while the device computes."""
        inputs, labels = (
            None if each is None else each.to(self.device, non_blocking=True) for each in pair
        )
        assert inputs is not None
        return inputs, labels

    def _exact(self) -> AbstractContextManager[None]:
        """Float32 as such, if the plan says so; convolutions alike every time."""
        return full_precision() if self.plan.precision == "full" else repeatable()

    def _coarse(self) -> AbstractContextManager[Any]:
        """Products in bfloat16, if the plan says so."""
        if self.plan.precision != "bf16":
            return nullcontext()
        return torch.autocast(torch.device(self.device).type, torch.bfloat16)

    def _step(self, pair: Pair) -> None:
        state, recipe, seed = self.state, self.plan.recipe, self.plan.seed
        inputs, labels = self._there(pair)
        if recipe.augment:
            inputs = augmented(inputs, generator("augment", seed, state.step))
        task = self._task((inputs, labels))
        which = torch.arange(len(inputs), device=inputs.device)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate_at(state.step, self.steps)
        self.model.train()
        with seeded("training", seed, state.step), torch.enable_grad():
            with self._coarse():
                outputs = answered(self.model, inputs, task)
            loss = task.loss(outputs.float(), which, recipe.label_smoothing)
            if not isfinite(value := loss.item()):
                raise DivergedError(
                    f"the loss is {value} at step {state.step + 1} of {self.steps}"
                )
            self.optimizer.zero_grad()
            torch.autograd.backward(loss)
        self.optimizer.step()
        state.step += 1
        state.loss += value
        share = task.right(outputs.detach().float(), which)
        state.right = None if share is None else (state.right or 0.0) + share

    def _end_epoch(self, epoch: int) -> None:
        """Measure, add a row to the curve, and see whether the training is over."""
        state = self.state
        steps = state.step - epoch * self.per_epoch
        loss, accuracy = self._measured(self.data.valid)
        trained = None if state.right is None else state.right / steps
        row: dict[str, Any] = {"epoch": epoch + 1, "step": state.step}
        row |= {"lr": self.plan.recipe.rate_at(state.step - 1, self.steps)}
        row |= {"train_loss": state.loss / steps, "train_accuracy": trained}
        row |= {"valid_loss": loss, "valid_accuracy": accuracy}
        state.rows.append(row)
        state.loss, state.right = 0.0, None
        figure = -loss if accuracy is None else accuracy
        if state.best is None or figure > state.best:
            state.best, state.best_epoch = figure, epoch + 1
            if self.plan.patience is not None:
                self.best = {n: t.detach().clone() for n, t in self.model.state_dict().items()}
        waited = epoch + 1 - state.best_epoch
        patient = self.plan.patience is None or waited < self.plan.patience
        state.over = state.step == self.steps or not patient

    def _measured(self, part: Part) -> tuple[float, float | None]:
        """The mean loss and, with classes, the accuracy on a part."""
        self.model.eval()
        count = len(part.numbers)
        loss, right = 0.0, [0.0]
        parts = part.numbers.chunk(ceil(count / MEASURED))
        for pair in part.examples.batches(parts, (self.plan.seed, "measured")):
            inputs, labels = self._there(pair)
            task = self._task((inputs, labels))
            which = torch.arange(len(inputs), device=self.device)
            with torch.no_grad(), self._coarse():
                outputs = answered(self.model, inputs, task).float()
            loss += task.loss(outputs, which).item() * len(inputs) / count
            share = task.right(outputs, which)
            right = [] if share is None else [right[0] + share * len(inputs) / count]
        if not isfinite(loss):
            raise DivergedError(f"the loss is {loss} after step {self.state.step} of {self.steps}")
        return loss, right[0] if right else None

    def finish(self) -> dict[str, Any]:
        """The figures of a training that is over, with the weights that are kept."""
        if self.best:
            self.model.load_state_dict(self.best)
        figures: dict[str, Any] = {}
        with self._exact(), as_sentence("the trained network cannot be measured"):
            for name, part in (
                ("train", Part(self.data.train.examples, self.part)),
                ("valid", self.data.valid),
            ):
                loss, accuracy = self._measured(part)
                figures[name] = {"examples": len(part.numbers), "loss": loss}
                figures[name] |= {} if accuracy is None else {"accuracy": accuracy}
        return figures

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Its tensors by name, and its state as plain values."""
        tensors = {f"model.{name}": each for name, each in self.model.state_dict().items()}
        tensors |= {f"best.{name}": each for name, each in self.best.items()}
        for number, own in self.optimizer.state_dict()["state"].items():
            for name, value in own.items():
                if isinstance(value, Tensor):
                    tensors[f"optimizer.{number}.{name}"] = value
        return tensors, asdict(self.state)

    def restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Put back what `saved` gave; raises KeyError, ValueError or RuntimeError for others."""
        groups: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}}
        for name, each in tensors.items():
            kind, _, rest = name.partition(".")
            groups[kind][rest] = each
        self.state = State(**state)
        self.model.load_state_dict(groups["model"])
        self.best = groups["best"]
        whole = self.optimizer.state_dict()
        inner: dict[int, dict[str, Any]] = {}
        for name, each in groups["optimizer"].items():
            number, _, rest = name.partition(".")
            inner.setdefault(int(number), {})[rest] = each
        self.optimizer.load_state_dict({**whole, "state": inner})
