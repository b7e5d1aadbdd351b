"""LogSynFlow against the reference's values, a slow computation, and the setting of synflow."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import exp, isfinite, log
from pathlib import Path
from random import Random

import pytest
import torch
from torch import nn

from nas import PROXIES, Candidate
from nas.batch import Batch
from nas.seeding import generator
from tests.support.double import Double
from tests.support.nets import OneModule, Residual, Tiny, formula_batch
from tests.support.slow_proxies import synflow, weighted
from tests.support.small import small


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_reference(data: Path, dtype: torch.dtype) -> None:
    values = json.loads((data / "oracles" / "proxies_more.json").read_text())["values"]["freerea"]
    name = str(dtype).removeprefix("torch.")
    candidate = Candidate(OneModule(lambda: Tiny(dtype)), (0,))
    batch = Batch(formula_batch().inputs.to(dtype))
    score, flow = (
        PROXIES.build(each).score(candidate, batch) for each in ("logsynflow", "synflow")
    )
    tolerance = 1e-4 if dtype == torch.float32 else 1e-8
    assert score == pytest.approx(values[f"{name}_logsynflow"], rel=tolerance)
    assert exp(flow) == pytest.approx(values[f"{name}_synflow"], rel=tolerance)


def slow(candidate: Candidate, batch: Batch) -> float:
    """The sum over weights one by one, with slopes by differences.

    Without norms R is a polynomial of degree 1 in every single weight of these nets, so the
    difference is exact, whatever its step.
    """
    model = candidate.model().double()
    for parameter in model.parameters():
        parameter.data.abs_()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.forward = lambda input: input  # type: ignore[method-assign]  # plainest
    ones, score = torch.ones_like(batch.inputs[:1]).double(), 0.0
    with torch.no_grad():
        before = model(ones).sum().item()
        for part in weighted(model):
            entries = part.weight.data.view(-1)
            for k, weight in enumerate(entries.tolist()):
                entries[k] = weight + 1
                score += weight * log(1 + model(ones).sum().item() - before)
                entries[k] = weight
    return score


@pytest.mark.long
@pytest.mark.parametrize("make", [Residual, Tiny])
def test_equals_a_slow_computation(make: Callable[[], nn.Module]) -> None:
    candidate = Candidate(OneModule(make), (0,), seed=2)
    batch = formula_batch(size=2)
    expected = slow(candidate, batch)
    assert PROXIES.build("logsynflow").score(candidate, batch) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_cells_have_the_sum_and_synflow_has_its_logarithm(seed: int) -> None:
    space = Double()
    candidate = Candidate(space, space.sample(Random(seed)), seed)
    batch = small("nasbench201").batch(4, generator("flow"))
    score, flow = (
        PROXIES.build(each).score(candidate, batch) for each in ("logsynflow", "synflow")
    )
    assert score > 0
    assert flow == pytest.approx(synflow(candidate, batch))


def test_without_flow_the_sum_is_zero() -> None:
    space = small("nasbench201")
    candidate, batch = Candidate(space, (0,) * 6), space.batch(4, generator("flow"))
    assert PROXIES.build("logsynflow").score(candidate, batch) == 0


def test_a_transformer_s_negative_gradients_count() -> None:
    space = small("vit")
    batch = space.batch(4, generator("flow"))
    scores = [
        PROXIES.build("logsynflow").score(Candidate(space, (0,) * 30, seed), batch)
        for seed in (0, 0, 1)
    ]
    assert scores[0] == scores[1] != scores[2]
    assert all(map(isfinite, scores))


def test_a_score_depends_on_the_seed_and_the_init() -> None:
    space = small("nasbench201")
    batch = space.batch(4, generator("flow"))
    cell = (3, 1, 2, 4, 0, 3)
    scores = [
        PROXIES.build("logsynflow", init=init).score(Candidate(space, cell, seed), batch)
        for seed, init in ((0, "default"), (0, "default"), (1, "default"), (0, "kaiming"))
    ]
    assert scores[0] == scores[1]
    assert len(set(scores)) == 3
