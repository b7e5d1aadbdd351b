"""L-SWAG against the oracles' evaluation of its formula and a slow computation."""

from __future__ import annotations

import json
from math import inf, isnan, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas import PROXIES, Candidate, NotApplicableError, UsageError
from nas.batch import Batch
from nas.seeding import generator
from proxies._passes import seen, slopes_of_parts
from proxies.l_swag import interval, patterns, steadiness
from tests.support.double import Double
from tests.support.nets import OneModule, Tiny, formula_batch
from tests.support.slow_proxies import gradient, loss, weighted
from tests.support.small import small

CELLS = [(3, 1, 2, 4, 0, 3), (1, 1, 1, 1, 1, 1), (2, 0, 3, 0, 1, 2)]
ALL = range(4)


def slopes(model: nn.Module, batch: Batch, chosen: range) -> list[list[Tensor]]:
    """The gradients of the chosen layers' weights, for each half of the batch."""
    candidate = Candidate(OneModule(lambda: model), (0,))
    looks = slopes_of_parts(batch, 2, "default", "l_swag")
    parts = [seen(candidate, batch, look) for look in looks]
    return [[part[layer][1] for layer in chosen] for part in parts]


@pytest.fixture(scope="module")
def oracle(data: Path) -> dict[str, Any]:
    values = json.loads((data / "oracles" / "proxies_more.json").read_text())["values"]
    found = values["l_swag_own_computation_of_the_formula"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_formula(oracle: dict[str, Any], dtype: torch.dtype) -> None:
    """float32 figures differ by 2e-5 from those of float64: deviations of nearly equal numbers."""
    key = str(dtype).removeprefix("torch.")
    tolerance = 1e-4 if dtype == torch.float32 else 1e-8
    images = formula_batch(size=32)
    batch = Batch(images.inputs.to(dtype), images.labels)
    terms = [term.item() for term in steadiness(slopes(Tiny(dtype), batch, ALL))]
    expected = oracle[f"{key}_log_terms_std_of_abs_gradient"]
    assert terms == pytest.approx(expected, rel=tolerance)
    few = batch.inputs[:16]
    assert patterns(Tiny(dtype), few, ALL, "relu") == oracle[f"{key}_psi_all_layers_batch_A"]
    assert patterns(Tiny(dtype), few, range(2), "relu") == oracle[f"{key}_psi_first_2_relus"]
    middle = sum(steadiness(slopes(Tiny(dtype), batch, interval(4, 0.25, 0.75))))
    assert float(middle) == pytest.approx(oracle[f"{key}_lambda_conv2_conv3"], rel=tolerance)
    score = PROXIES.build("l_swag").score(Candidate(OneModule(lambda: Tiny(dtype)), (0,)), batch)
    assert score == pytest.approx(oracle[f"{key}_score_all_layers"], rel=tolerance)


def slow(candidate: Candidate, batch: Batch, chosen: range, parts: int, samples: int) -> float:
    model = candidate.model()
    slopes = []
    for part in torch.arange(len(batch.inputs)).chunk(parts):
        model.zero_grad()
        torch.autograd.backward(loss(model, batch, part))
        slopes.append([gradient(part).flatten().numpy() for part in weighted(model)])
    terms = 0.0
    for number in chosen:
        spreads = np.std([abs(each[number]) for each in slopes], axis=0)
        summed = sum(1 / spread for spread in spreads if spread)
        terms += log(summed) if summed else 0
    units = set()
    order: list[nn.Module | Tensor] = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(lambda module, *_: order.append(module))
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _, __, output: order.append(output.clone()))
    model(batch.inputs[:samples])
    number = 0
    for each in order:
        if isinstance(each, nn.Conv2d | nn.Linear):
            number = weighted(model).index(each)
        elif isinstance(each, Tensor) and number in chosen:
            units |= {tuple(column) for column in (each > 0).flatten(1).T.tolist()}
    return terms * len(units)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("start", "stop", "parts"), [(0.0, 1.0, 2), (0.3, 0.6, 3)])
def test_cells_equal_a_slow_computation(
    cell: tuple[int, ...], start: float, stop: float, parts: int
) -> None:
    candidate = Candidate(Double(), cell, seed=1)
    inputs = small("nasbench201").batch(12, generator("l_swag")).inputs.double()
    batch = Batch(inputs, torch.arange(12) % 10)
    chosen = interval(len(weighted(candidate.model())), start, stop)
    proxy = PROXIES.build("l_swag", start=start, stop=stop, parts=parts, samples=7)
    expected = slow(candidate, batch, chosen, parts, 7)
    assert proxy.score(candidate, batch) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("count", "start", "stop", "expected"),
    [
        (20, 0.0, 1.0, range(20)),
        (20, 0.25, 0.5, range(5, 10)),
        (10, 0.1, 0.7, range(1, 7)),
        (30, 0.1, 0.3, range(3, 9)),
        (4, 0.26, 0.3, range(1, 2)),
        (1, 0.0, 0.01, range(1)),
    ],
)
def test_intervals(count: int, start: float, stop: float, expected: range) -> None:
    assert interval(count, start, stop) == expected


def test_tiny_gradients_have_deviations() -> None:
    """Their squares are 0 in float32."""
    inputs = torch.rand(8, 5, generator=generator(1))
    batch = Batch(inputs, torch.tensor([0, 1, 2, 0, 2, 1, 1, 1]))
    plain = steadiness(slopes(Linear(1.0), batch, range(1)))[0]
    tiny = steadiness(slopes(Linear(1e-30), batch, range(1)))[0]
    assert tiny.item() == pytest.approx(plain.item() + 30 * log(10), rel=1e-3)


class Linear(nn.Module):
    """A layer whose outputs, 0, have gradients of a given size."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.fc, self.size = nn.Linear(5, 3, bias=False), size
        nn.init.zeros_(self.fc.weight)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(x) * self.size
        return logits


def test_nothing_in_the_interval() -> None:
    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.two(self.one(x)))

    candidate = Candidate(OneModule(Late), (0,))
    batch = Batch(torch.randn(8, 4, generator=generator(1)), torch.arange(8) % 3)
    early = PROXIES.build("l_swag", stop=0.5).score(candidate, batch)
    assert isnan(early)
    assert getattr(early, "reason", "") == "no activation in the interval of depth"
    assert PROXIES.build("l_swag", start=0.5).score(candidate, batch) > 0


def test_no_gradient_varies() -> None:
    class Lost(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.fc(x)) * 0

    (term,) = steadiness(slopes(Lost(), Batch(torch.ones(4, 4)), range(1)))
    assert term.item() == -inf
    score = PROXIES.build("l_swag").score(
        Candidate(OneModule(Lost), (0,)), Batch(torch.ones(4, 4))
    )
    assert isnan(score)
    assert getattr(score, "reason", "") == "no gradient varies"


def test_gradients_that_overflow_are_no_score() -> None:
    candidate = Candidate(small("nasbench201"), CELLS[0])
    batch = candidate.space.batch(8, generator("l_swag"))
    batch.inputs[2, 0, 0, 0] = inf
    score = PROXIES.build("l_swag").score(candidate, batch)
    assert isnan(score)
    assert getattr(score, "reason", "") == "not finite"


def test_transformers_have_universal_scores() -> None:
    space = small("vit")
    batch = space.batch(8, generator("l_swag"))
    candidate = Candidate(space, (0,) * 30)
    assert PROXIES.build("l_swag", activations="universal").score(candidate, batch) > 0
    with pytest.raises(NotApplicableError, match="l_swag looks at ReLUs, and this model has none"):
        PROXIES.build("l_swag").score(candidate, batch)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": 0.5, "stop": 0.5}, "start=0.5 must be less than stop=0.5"),
        ({"stop": 1.5}, "both from 0 to 1"),
        ({"parts": 1}, "parts=1 must be at least 2"),
        ({"samples": 0}, "samples=0 must be at least 1"),
    ],
)
def test_wrong_options(options: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PROXIES.build("l_swag", **options)


def test_too_small_a_batch_is_refused() -> None:
    space = small("nasbench201")
    with pytest.raises(UsageError, match="parts=2 needs a batch of 4 or more, this one has 3"):
        PROXIES.build("l_swag").score(
            Candidate(space, CELLS[0]), space.batch(3, generator("l_swag"))
        )


def test_a_score_depends_on_the_seed_alone() -> None:
    space = small("nasbench201")
    batch = space.batch(8, generator("l_swag"))
    scores = [
        PROXIES.build("l_swag").score(Candidate(space, CELLS[0], s), batch) for s in (0, 0, 1)
    ]
    assert scores[0] == scores[1] != scores[2]
