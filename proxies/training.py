"""Training: the accuracy on examples that a network was not trained on."""

from __future__ import annotations

from typing import ClassVar, Literal

from nas import PROXIES, Candidate, NoScore, NotApplicableError, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from nas.training.fitting import (
    RATES,
    DivergedError,
    Optimizer,
    Recipe,
    batches_in,
    fit,
    measure,
    split,
)
from nas.training.task import task_of


@PROXIES.register("training")
class Training(Proxy):
    """Trains every candidate for some steps, and scores it on examples kept apart.

    A share `valid` of the batch, the same for every candidate, is kept apart; the network is
    trained on the rest for `steps` steps, or for `epochs` epochs if they are given, and the score
    is its accuracy on the part kept apart, or minus its mean loss (`metric`; `auto`: accuracy
    where there are classes). Labels that are whole numbers from 0 on are classes, one an example
    or one a place, with the cross entropy; others are numbers, with the squared error. Tokens
    without labels: the next token, where the network gives logits of the space's vocabulary. A
    batch without labels is refused otherwise.

    `optimizer`: `adamw`, or `sgd` with Nesterov momentum .9 and weight decay 5e-4; the learning
    rate `lr` (null: 0.002 or 0.05) falls to 0 along a half cosine. There is no augmentation, and
    dropout is off. Norms have the statistics of the trained network when it is measured. Split,
    weights and order are drawn from the seed, so the score is the same in every run on the CPU. A
    training that diverges gives no score.
    """

    decides: ClassVar[bool] = True

    def __init__(
        self,
        steps: int = 20,
        epochs: int | None = None,
        lr: float | None = None,
        optimizer: Optimizer = "adamw",
        batch_size: int = 64,
        valid: float = 0.25,
        metric: Literal["auto", "accuracy", "loss"] = "auto",
        init: Init = "default",
    ) -> None:
        if steps < 1 or (epochs is not None and epochs < 1) or batch_size < 2:
            raise ValueError(
                f"steps={steps}, epochs={epochs} and batch_size={batch_size} must be at least 1, "
                f"1 and 2"
            )
        if not 0 < valid < 1:
            raise ValueError(f"valid={valid} must be a share between 0 and 1")
        self.lr = RATES[optimizer] if lr is None else lr
        if not 0 < self.lr < float("inf"):
            raise ValueError(f"lr={lr} must be over 0")
        self.steps, self.epochs, self.optimizer = steps, epochs, optimizer
        self.batch_size, self.valid, self.metric, self.init = batch_size, valid, metric, init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The accuracy, or minus the loss; a `NoScore` if the training diverges."""
        task = task_of(batch, candidate.space.vocabulary)
        parts = split(len(batch.inputs), self.valid, batch.seed)
        train, valid = (part.to(batch.inputs.device) for part in parts)
        steps = self.steps
        if self.epochs is not None:
            steps = self.epochs * batches_in(len(train), self.batch_size)
        recipe = Recipe(steps, self.batch_size, self.optimizer, self.lr)
        model = candidate.model(self.init)
        try:
            fit(model, batch.inputs, task, train, recipe, candidate.generator("order"))
        except DivergedError as error:
            return NoScore(f"the training diverged: {error}")
        loss, accuracy = measure(model, batch.inputs, task, valid, self.batch_size)
        if self.metric == "loss" or (self.metric == "auto" and accuracy is None):
            return -loss
        if accuracy is None:
            raise NotApplicableError(
                "metric=accuracy needs labels that are whole numbers from 0 on: use metric=loss"
            )
        return accuracy
