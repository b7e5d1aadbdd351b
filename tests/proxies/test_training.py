"""Training as a proxy: against a training in NumPy, on labels of every kind."""

from __future__ import annotations

from math import isnan
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nas import PROXIES, Candidate, NotApplicableError, Space, UsageError
from nas.batch import Batch
from nas.scoring.objective import ProxyObjective
from nas.seeding import generator
from nas.training.fitting import split
from tests.support.small import small


class Heads(Space):
    """One module, in several shapes."""

    decisions = {"kind": ("linear", "norm", "dense", "token", "pair", "empty")}
    inputs = (4,)

    def build(self, kind: str) -> nn.Module:
        made: dict[str, Any] = {
            "linear": lambda: nn.Linear(4, 3),
            "norm": lambda: nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3)),
            "dense": lambda: nn.Conv1d(4, 3, 1),
            "token": lambda: nn.Sequential(nn.Embedding(7, 5), nn.Linear(5, 7)),
            "pair": Pair,
            "empty": nn.Identity,
        }
        module: nn.Module = made[kind]()
        return module


class Pair(nn.Linear):
    """A module that gives two tensors."""

    def __init__(self) -> None:
        super().__init__(4, 3)

    def forward(self, inputs: torch.Tensor) -> Any:
        return super().forward(inputs), inputs


SPACE = Heads()


def candidate(kind: str, seed: int = 0) -> Candidate:
    return Candidate(SPACE, SPACE.parse(f"kind={kind}"), seed)


def points(examples: int = 60) -> Batch:
    """Points whose class is the largest of their first three coordinates."""
    inputs = torch.randn(examples, 4, generator=generator("points"))
    return Batch(inputs, inputs[:, :3].argmax(1))


def training(**options: object) -> Any:
    return PROXIES.build("training", **options)


def softmax(logits: Any) -> Any:
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def test_against_gradient_descent_in_numpy() -> None:
    """SGD with Nesterov momentum, weight decay and a cosine, all examples at every step."""
    batch, steps, rate = points(), 25, 0.3
    assert batch.labels is not None
    model: Any = candidate("linear").model()
    w, b = (part.detach().double().numpy() for part in (model.weight, model.bias))
    train, valid = (part.numpy() for part in split(60, 0.25, batch.seed))
    x, y = batch.inputs.double().numpy(), np.eye(3)[batch.labels.numpy()]
    velocity: list[Any] = [0.0, 0.0]
    for step in range(steps):
        lr = rate * (1 + np.cos(np.pi * step / steps)) / 2
        error = (softmax(x[train] @ w.T + b) - y[train]) / len(train)
        slopes = [error.T @ x[train] + 5e-4 * w, error.sum(0) + 5e-4 * b]
        velocity = [0.9 * old + slope for old, slope in zip(velocity, slopes, strict=True)]
        w = w - lr * (slopes[0] + 0.9 * velocity[0])
        b = b - lr * (slopes[1] + 0.9 * velocity[1])
    found = softmax(x[valid] @ w.T + b)
    options = {"steps": steps, "lr": rate, "optimizer": "sgd", "batch_size": 64}
    score = training(**options).score(candidate("linear"), batch)
    assert score == (found.argmax(1) == batch.labels.numpy()[valid]).mean() > 0.7
    loss = training(**options, metric="loss").score(candidate("linear"), batch)
    assert loss == pytest.approx(np.log((found * y[valid]).sum(1)).mean(), rel=1e-4)


@pytest.mark.long
def test_training_helps_and_is_the_same_again() -> None:
    few, many = (
        [training(steps=steps, batch_size=16, lr=0.05).score(candidate("norm", seed), points())
         for seed in range(5)]
        for steps in (1, 100)
    )  # fmt: skip
    assert np.mean(many) > np.mean(few) + 0.2
    again = training(steps=100, batch_size=16, lr=0.05).score(candidate("norm", 3), points())
    assert again == many[3]


def test_epochs_are_passes_over_what_is_trained_on() -> None:
    batch = points(64)  # 48 to train on, three batches an epoch
    each = [
        training(batch_size=16, metric="loss", **options).score(candidate("norm"), batch)
        for options in ({"epochs": 4, "steps": 2}, {"steps": 12}, {"steps": 11})
    ]
    assert each[0] == each[1] != each[2]


def test_every_candidate_is_measured_on_the_same_examples() -> None:
    train, valid = split(100, 0.25, 0)
    assert len(valid) == 25
    assert sorted([*train.tolist(), *valid.tolist()]) == list(range(100))
    assert torch.equal(valid, split(100, 0.25, 0)[1])
    assert not torch.equal(valid, split(100, 0.25, 1)[1])


@pytest.mark.parametrize("order", ["first", "last"])
def test_a_class_for_every_place(order: str) -> None:
    inputs = torch.randn(40, 4, 6, generator=generator("places"))
    labels = inputs[:, :3].argmax(1)
    assert training(steps=200, lr=0.1).score(candidate("dense"), Batch(inputs, labels)) > 0.9
    if order == "last":  # (n, places, classes), as a linear layer over places gives
        batch = Batch(inputs.movedim(1, 2), labels)
        assert training(steps=200, lr=0.1).score(candidate("linear"), batch) > 0.9


def test_numbers_have_minus_the_squared_error() -> None:
    inputs = torch.randn(80, 4, generator=generator("numbers"))
    batch = Batch(inputs, inputs[:, :3] * 2 - 1)
    few, many = (
        training(steps=steps, lr=0.1).score(candidate("linear"), batch) for steps in (1, 300)
    )
    assert few < -1 < -0.01 < many < 0
    signed = Batch(inputs, torch.tensor([-1, 1, 0]).repeat(80, 1))
    assert training().score(candidate("linear"), signed) < 0
    with pytest.raises(NotApplicableError, match="metric=accuracy needs labels that are whole"):
        training(metric="accuracy").score(candidate("linear"), batch)


def test_tokens_have_the_next_one() -> None:
    class Tokens(Heads):
        vocabulary = 7

    space = Tokens()
    start = torch.randint(7, (60, 1), generator=generator("tokens"))
    batch = Batch((start + torch.arange(5)) % 7)  # each token says the next one
    each = Candidate(space, space.parse("kind=token"))
    assert training(steps=300, lr=0.05).score(each, batch) == 1.0
    space.vocabulary = 9
    with pytest.raises(NotApplicableError, match="needs logits of the next token at each place"):
        training().score(each, batch)


def test_an_embedding_is_the_decoder_too() -> None:
    """The cells of NAS-Bench-NLP give vectors; their products with it are logits."""
    nlp = small("nasbench_nlp")
    assert nlp.vocabulary is not None
    each = Candidate(nlp, nlp.sample(Random(0)))
    batch = nlp.batch(64, generator("nlp"))
    untrained = training(steps=1, lr=1e-9, metric="loss").score(each, batch)
    trained = training(steps=60, lr=0.02, metric="loss").score(each, batch)
    assert untrained < trained < 0
    model = each.model().eval()
    valid = split(64, 0.25, batch.seed)[1]
    with torch.no_grad():
        outputs = model(batch.inputs[valid])
    weights = next(part for part in model.modules() if isinstance(part, nn.Embedding)).weight
    logits = outputs[:, :-1] @ weights.T
    loss = nn.functional.cross_entropy(logits.movedim(-1, 1), batch.inputs[valid][:, 1:])
    assert -untrained == pytest.approx(loss.item(), rel=1e-3)


def test_labels_in_a_column_are_labels() -> None:
    batch = points()
    assert batch.labels is not None
    column = Batch(batch.inputs, batch.labels[:, None])
    one, other = (training().score(candidate("linear"), each) for each in (batch, column))
    assert one == other


def test_a_training_that_diverges_has_no_score() -> None:
    batch = points()
    score = training(lr=1e30, steps=30).score(candidate("norm"), batch)
    assert isnan(score)
    found = ProxyObjective(SPACE, training(lr=1e30, steps=30), batch).evaluate((1,))
    assert found.reason.startswith("the training diverged: the loss is")
    assert not found.failed


def test_of_several_outputs_the_logits_are_trained() -> None:
    """`Candidate.model` says which of them these are."""
    assert training(steps=100, lr=0.05).score(candidate("pair"), points()) > 0.7


def test_what_has_no_parameters_is_measured_as_it_is() -> None:
    batch = points()
    assert training().score(candidate("empty"), batch) > 0.6  # the class is the largest input


@pytest.mark.parametrize(
    ("kind", "batch", "message"),
    [
        ("linear", Batch(torch.zeros(9, 4)), "training needs labels, and the batch has none"),
        ("linear", Batch(torch.zeros(9, 4), torch.arange(9)), "the label 8 needs at least 9"),
        ("linear", Batch(torch.zeros(2, 4), torch.zeros(2)), "2 to train on and 1 to measure"),
        (
            "linear",
            Batch(torch.zeros(9, 4), torch.full((9, 2), 0.5)),
            "2 for each example, and",
        ),
        ("linear", Batch(torch.zeros(9, 4), torch.ones(9, 2).long()), "need logits of each"),
    ],
)
def test_what_cannot_be_learned_is_a_sentence(kind: str, batch: Batch, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        training().score(candidate(kind), batch)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps=0 must be a whole number of at least 1"),
        ({"valid": 1.0}, "valid=1.0 must be a share between 0 and 1"),
        ({"lr": -1.0}, "lr=-1.0 must be a number over 0"),
        ({"optimizer": "adam"}, "must be one of sgd, adamw"),
        ({"metric": "f1"}, "must be one of auto, accuracy, loss"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        training(**options)
