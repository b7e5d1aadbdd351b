"""Training: the accuracy on examples that a network was not trained on."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from nas import PROXIES, Candidate, NoScore, NotApplicableError, Proxy, Space
from nas.batch import Batch
from nas.network.initialisation import Init
from nas.storage.files import path_of
from nas.training.fitting import LARGER, DivergedError, fit, measure, resized, split
from nas.training.recipe import Content, Optimizer, Recipe, read_recipe
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

    The share `share` of the rest is trained on; images become `resolution` pixels large, and
    networks `width` times as wide as the space says. `recipe` is a file of such options, which
    `nas proxify` writes; those that are given here and are not the defaults count before it.
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
        share: float = 1.0,
        resolution: int | None = None,
        width: float = 1.0,
        recipe: str | None = None,
    ) -> None:
        if not 0 < valid < 1:
            raise ValueError(f"valid={valid} must be a share between 0 and 1")
        options: dict[str, Any] = {
            **{"steps": steps, "epochs": epochs, "lr": lr, "optimizer": optimizer},
            **{"batch_size": batch_size, "share": share},
            **{"resolution": resolution, "width": width},
        }
        if recipe is None:
            self.recipe = Recipe(**options)
        else:
            usual = {"steps": 20, "optimizer": "adamw", "batch_size": 64, "share": 1, "width": 1}
            given = {name: each for name, each in options.items() if each != usual.get(name)}
            self.recipe = read_recipe(path_of(recipe, "recipe="), given)
            self.content = Content.of(self.recipe)
        self.valid, self.metric, self.init = valid, metric, init

    def check_space(self, space: Space) -> None:
        """Raise UsageError if the recipe's resolution or width does not fit the space."""
        self.recipe.narrowed(space)

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The accuracy, or minus the loss; a `NoScore` if the training diverges."""
        task = task_of(batch, candidate.space.vocabulary)
        parts = split(len(batch.inputs), self.valid, batch.seed, more=LARGER)
        train, valid = (part.to(batch.inputs.device) for part in parts)
        recipe, inputs = self.recipe, batch.inputs
        if remark := recipe.remark(len(train)):
            batch.notes.add(remark)
        narrow = recipe.narrowed(candidate.space)
        draws = candidate.generator("order")
        if narrow is not candidate.space:
            arch, seed = candidate.arch, candidate.seed
            candidate = Candidate(narrow, arch, seed, candidate.device, candidate.live)
            inputs = resized(inputs, narrow.inputs)
        model = candidate.model(self.init, as_built=True)
        try:
            fit(model, inputs, task, train, recipe, draws)
            loss, accuracy = measure(model, inputs, task, valid, recipe.batch_size)
        except DivergedError as error:
            return NoScore(f"the training diverged: {error}")
        if self.metric == "loss" or (self.metric == "auto" and accuracy is None):
            return -loss
        if accuracy is None:
            raise NotApplicableError(
                "metric=accuracy needs labels that are whole numbers from 0 on: use metric=loss"
            )
        return accuracy
