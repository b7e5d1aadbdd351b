"""MeCo on some channels against reference values and against loops."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nas import PROXIES, Candidate, UsageError
from nas.batch import Batch
from nas.seeding import generator, one_thread
from proxies.meco import smallest_eigenvalues
from tests.support.activations import pearson
from tests.support.double import Double
from tests.support.nets import OneModule, Residual, Tiny, formula_batch
from tests.support.small import small

DTYPES = [torch.float32, torch.float64]
NETS = [
    Candidate(OneModule(lambda: Residual().double()), (0,), seed=3),
    Candidate(Double(), (3, 1, 2, 4, 0, 3), seed=4),
    Candidate(Double(), (0, 0, 0, 1, 0, 0), seed=4),
]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread, as in scoring; small tensors are also quicker on one."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def oracle(data: Path) -> dict[str, Any]:
    values = json.loads((data / "oracles" / "proxies_more.json").read_text())["values"]["meco_opt"]
    assert isinstance(values, dict)
    return values


def name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def inputs() -> Batch:
    return Batch(torch.randn(4, 3, 8, 8, generator=generator("test"), dtype=torch.float64))


CHOICES: dict[str, Callable[[int], Tensor]] = {
    "first_8": lambda _: torch.arange(8),
    "last_8": lambda size: torch.arange(size - 8, size),
    "spread_floor_k_n_over_8": lambda size: torch.arange(8) * size // 8,
}


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
@pytest.mark.parametrize("choice", CHOICES)
def test_meco_opt_has_the_reference_values(
    oracle: dict[str, Any], dtype: torch.dtype, choice: str
) -> None:
    image = formula_batch(size=1, resolution=64).inputs.to(dtype)
    values = smallest_eigenvalues(Tiny(dtype), image, CHOICES[choice])
    expected = sorted(value for _, value in oracle[f"{name(dtype)}_{choice}_per_module"])
    tolerance = 1e-5 if dtype == torch.float32 else 1e-9
    assert sorted(values) == pytest.approx(expected, abs=tolerance)
    close = 1e-4 if dtype == torch.float32 else 1e-8
    assert sum(values) == pytest.approx(oracle[f"{name(dtype)}_{choice}"], rel=close)


def test_scores_are_spread_as_the_reference_s(oracle: dict[str, Any]) -> None:
    """The whole proxy with its own draws, on weights that the net draws."""

    def net() -> Tiny:
        model = Tiny()
        for layer in (model.conv1, model.conv2, model.conv3, model.fc):
            layer.reset_parameters()
        return model

    batch = Batch(formula_batch(size=2, resolution=64).inputs.float())
    proxy = PROXIES.build("meco_opt", input="batch")
    scores = [proxy.score(Candidate(OneModule(net), (0,), seed), batch) for seed in range(8)]
    theirs = oracle["unmodified_default_init_random_channels_float32_seeds_0_to_4"]
    assert len(set(scores)) == 8
    assert fmean(scores) == pytest.approx(fmean(theirs), abs=0.5)


@pytest.mark.parametrize("candidate", NETS)
@pytest.mark.parametrize("number", [3, 8])
def test_meco_opt_against_loops(candidate: Candidate, number: int) -> None:
    batch = inputs()
    draws = candidate.generator("inputs")
    image = torch.randn(1, *batch.inputs.shape[1:], generator=draws, dtype=torch.float64)
    generator, total = candidate.generator("channels"), 0.0

    def look(_: object, __: object, output: Tensor) -> None:
        nonlocal total
        rows = output[0].reshape(output.shape[1], -1).detach().numpy().copy()
        drawn = torch.randperm(len(rows), generator=generator)[:number].tolist()
        if rows.shape[1] > 1:
            matrix = [[pearson(rows[i], rows[j]) for j in drawn] for i in drawn]
            total += len(rows) / len(drawn) * float(np.linalg.eigvalsh(np.array(matrix))[0])

    model = candidate.model()
    for part in model.modules():
        part.register_forward_hook(look)
    model(image)
    score = PROXIES.build("meco_opt", channels=number).score(candidate, batch)
    assert score == pytest.approx(total, rel=1e-9, abs=1e-12)


def test_meco_opt_is_meco_if_all_channels_are_drawn() -> None:
    batch = inputs()
    score = PROXIES.build("meco").score(NETS[1], batch)
    assert PROXIES.build("meco_opt", channels=64).score(NETS[1], batch) == pytest.approx(score)
    assert PROXIES.build("meco_opt", channels=2).score(NETS[1], batch) > score


def test_meco_opt_says_what_image_it_needs() -> None:
    candidate = Candidate(small("nasbench201"), (3,) * 6)
    batch = Batch(torch.randn(4, 3, 4, 4))
    with pytest.raises(UsageError, match=r"meco_opt's .* use proxy\.resolution=8 or more"):
        PROXIES.build("meco_opt").score(candidate, batch)


def test_other_channels_have_another_score() -> None:
    scores = [PROXIES.build("meco_opt").score(NETS[1].under(seed), inputs()) for seed in (0, 0, 1)]
    assert scores[0] == scores[1] != scores[2]


def test_a_drawn_image_has_its_own_resolution() -> None:
    scores = {
        PROXIES.build("meco_opt", resolution=side).score(NETS[1], inputs()) for side in (8, 16)
    }
    assert len(scores) == 2
    assert PROXIES.build("meco_opt").score(NETS[1], inputs()) in scores
    with pytest.raises(ValueError, match="is for input=gaussian"):
        PROXIES.build("meco_opt", resolution=16, input="batch")


@pytest.mark.parametrize("option", ["channels", "resolution"])
def test_numbers_below_one_are_refused(option: str) -> None:
    with pytest.raises(ValueError, match=f"{option}=0 must be at least 1"):
        PROXIES.build("meco_opt", **{option: 0})
