"""InTrain against the oracles' evaluation of its formula and a slow computation."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite, isnan, log, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, NotApplicableError
from nas.batch import Batch
from nas.seeding import generator
from proxies._gradients import cross_entropy, gradients
from proxies.intrain import directions, drawn, evenness
from tests.support.double import Double
from tests.support.nets import OneModule, Tiny, formula_batch
from tests.support.slow_proxies import loss, outputs
from tests.support.small import small
from tests.support.transformer import Transformer

DTYPES = [torch.float32, torch.float64]
CELLS = [(3, 1, 2, 4, 0, 3), (1, 1, 1, 1, 1, 1), (2, 0, 3, 0, 1, 2)]


@pytest.fixture(scope="module")
def oracle(data: Path) -> dict[str, Any]:
    values = json.loads((data / "oracles" / "proxies_more.json").read_text())["values"]
    found = values["intrain_own_computation_of_the_formula"]
    assert isinstance(found, dict)
    return found


def tiny_batch(dtype: torch.dtype) -> Batch:
    images = formula_batch()
    return Batch(images.inputs.to(dtype), images.labels)


@pytest.mark.parametrize("dtype", DTYPES)
def test_parts_equal_the_formula(oracle: dict[str, Any], dtype: torch.dtype) -> None:
    key, tolerance = str(dtype).removeprefix("torch."), 1e-4 if dtype == torch.float32 else 1e-8
    expected = dict(oracle[f"{key}_participation_ratio_per_module"])
    for kind, names in (("weighted", "conv1 conv2 conv3 fc"), ("relu", "relu1 relu2 relu3")):
        ratios, _ = directions(Tiny(dtype), tiny_batch(dtype), kind)  # type: ignore[arg-type]
        found = [ratio.item() for ratio in ratios]
        assert found == pytest.approx([expected[name] for name in names.split()], rel=tolerance)
    model = Tiny(dtype)
    slopes = gradients(cross_entropy(model, tiny_batch(dtype)), list(model.parameters()))
    for unbiased, name in ((False, "population"), (True, "unbiased")):
        health = [evenness(slope, unbiased).item() for slope in slopes]
        values = [value for _, value in oracle[f"{key}_gradient_health_{name}_std"]]
        assert health == pytest.approx(values, rel=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("kind", "unbiased", "name"),
    [
        ("weighted", False, "conv1_conv2_conv3_fc_population"),
        ("weighted", True, "conv1_conv2_conv3_fc_unbiased"),
        ("relu", False, "relu1_relu2_relu3_population"),
    ],
)
def test_equals_the_formula(
    oracle: dict[str, Any], kind: str, unbiased: bool, name: str, dtype: torch.dtype
) -> None:
    key, tolerance = str(dtype).removeprefix("torch."), 1e-4 if dtype == torch.float32 else 1e-8
    proxy = PROXIES.build("intrain", outputs=kind, unbiased=unbiased, input="batch")
    score = proxy.score(Candidate(OneModule(lambda: Tiny(dtype)), (0,)), tiny_batch(dtype))
    assert score == pytest.approx(oracle[f"{key}_layers_{name}"]["score"], rel=tolerance)


def slow(candidate: Candidate, batch: Batch, kind: str, unbiased: bool) -> float:
    """With eigenvalues in place of traces."""
    gamma, number = 0.0, 0
    kinds = (nn.ReLU,) if kind == "relu" else (nn.Conv2d, nn.Linear)
    for each in kinds:
        for output in outputs(candidate.model(), batch.inputs, each):
            rows = output.detach().movedim(1, -1).reshape(-1, output.shape[1]).numpy()
            values = np.linalg.eigvalsh(np.cov(rows.T, bias=True).reshape(rows.shape[1], -1))
            values = values + 1e-10
            gamma, number = gamma + log(values.sum() ** 2 / (values**2).sum()), number + 1
    model = candidate.model()
    torch.autograd.backward(loss(model, batch))
    health = 0.0
    for parameter in model.parameters():
        slope = (parameter.new_zeros(9) if parameter.grad is None else parameter.grad).numpy()
        health += min(1, slope.std(ddof=int(unbiased)) / (abs(slope).max() + 1e-10))
    return gamma * (1 + health) / log(number + 1)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("kind", "unbiased"), [("weighted", False), ("relu", True)])
@pytest.mark.parametrize("source", ["gaussian", "batch"])
def test_cells_equal_a_slow_computation(
    cell: tuple[int, ...], kind: str, unbiased: bool, source: str
) -> None:
    candidate = Candidate(Double(), cell, seed=1)
    inputs = small("nasbench201").batch(6, generator("intrain")).inputs.double()
    batch = Batch(inputs, torch.arange(6))
    used = batch if source == "batch" else drawn(candidate, batch)
    proxy = PROXIES.build("intrain", outputs=kind, unbiased=unbiased, input=source)
    expected = slow(candidate, used, kind, unbiased)
    assert proxy.score(candidate, batch) == pytest.approx(expected, rel=1e-8)


def test_what_is_drawn() -> None:
    space = small("nasbench201")
    like = space.batch(400, generator("intrain"))
    like.labels = torch.zeros(400, dtype=torch.long)
    one, other = (drawn(Candidate(space, CELLS[0], seed), like) for seed in (0, 1))
    assert one.inputs.shape == like.inputs.shape
    assert abs(one.inputs.mean().item()) < 0.01
    assert one.inputs.std().item() == pytest.approx(1, abs=0.01)
    counts = torch.bincount(one.labels_for(10))
    assert counts.min() > 15
    assert not torch.equal(one.inputs, other.inputs)
    assert not torch.equal(one.labels_for(10), other.labels_for(10))


@pytest.mark.parametrize("make", [Tiny, lambda: Transformer()])
def test_layers_of_a_transformer_have_tokens_as_rows(make: Callable[[], nn.Module]) -> None:
    ratios, _ = directions(make(), tiny_batch(torch.float32), "weighted")
    layers = [part for part in make().modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    assert len(ratios) == len(layers)
    for ratio, layer in zip(ratios, layers, strict=True):
        assert 1 <= ratio.item() <= len(layer.weight) + 1e-6


def test_one_dimensional_convolutions_have_channels_in_the_middle() -> None:
    class Line(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv1d(3, 2, 1), nn.Linear(9, 2)

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.fc(self.conv(x)).mean(dim=1)
            return logits

    batch = Batch(torch.randn(4, 3, 9, generator=generator(1)), torch.arange(4) % 2)
    ratios, _ = directions(Line(), batch, "weighted")
    assert all(1 <= ratio <= 2 + 1e-6 for ratio in ratios)


def test_a_single_number_has_no_health() -> None:
    assert evenness(torch.tensor([3.0]), unbiased=True) == 0
    assert evenness(torch.zeros(4), unbiased=False) == 0
    assert evenness(torch.tensor([1.0, -1.0]), unbiased=True) == 1


def test_the_empty_cell_has_little_health() -> None:
    space = small("nasbench201")
    batch = space.batch(8, generator("intrain"))
    scores = [
        PROXIES.build("intrain").score(Candidate(space, a), batch) for a in ((0,) * 6, CELLS[0])
    ]
    assert 0 < scores[0] < scores[1]


def test_what_is_refused_or_missing() -> None:
    nlp = small("nasbench_nlp")
    batch = nlp.batch(4, generator("intrain"))
    candidate = Candidate(nlp, tuple(0 for _ in nlp.choices))
    with pytest.raises(NotApplicableError, match=r"intrain draws numbers .*int64"):
        PROXIES.build("intrain").score(candidate, batch)
    vit = small("vit")
    batch = vit.batch(4, generator("intrain"))
    candidate = Candidate(vit, (0,) * 30)
    assert isfinite(PROXIES.build("intrain").score(candidate, batch))
    with pytest.raises(
        NotApplicableError, match="intrain looks at ReLUs, and this model has none"
    ):
        PROXIES.build("intrain", outputs="relu").score(candidate, batch)
    space = small("nasbench201")
    batch = space.batch(4, generator("intrain"))
    batch.inputs[0, 0, 0, 0] = nan
    score = PROXIES.build("intrain", input="batch").score(Candidate(space, CELLS[0]), batch)
    assert isnan(score)
    assert getattr(score, "reason", "") == "not finite"


def test_a_score_depends_on_the_seed_alone() -> None:
    space = small("nasbench201")
    batch = space.batch(8, generator("intrain"))
    scores = [
        PROXIES.build("intrain").score(Candidate(space, CELLS[0], s), batch) for s in (0, 0, 1)
    ]
    assert scores[0] == scores[1] != scores[2]
