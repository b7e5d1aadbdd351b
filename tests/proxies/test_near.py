"""NEAR against reference values and against loops."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from math import exp, isnan, log
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, NotApplicableError
from nas.batch import Batch
from nas.seeding import generator, number, one_thread
from proxies.near import Draw, effective_ranks, window, windows
from tests.support.double import Double
from tests.support.nets import OneModule, Residual, Tiny, formula_batch
from tests.support.small import small

DTYPES = [torch.float32, torch.float64]
PLACES: dict[str, Draw] = {
    "start_0": lambda _: 0,
    "start_middle": lambda below: below // 2,
    "start_last": lambda below: below - 1,
    "batch1_start_0": lambda _: 0,
}
CELLS = [(3, 1, 2, 4, 0, 3), (0, 0, 0, 1, 0, 0), (2, 0, 3, 0, 1, 2)]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread, as in scoring; small tensors are also quicker on one."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def oracle(data: Path) -> dict[str, Any]:
    values = json.loads((data / "oracles" / "proxies_more.json").read_text())["values"]["near"]
    assert isinstance(values, dict)
    return values


def name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def images(dtype: torch.dtype) -> Tensor:
    return formula_batch().inputs.to(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
@pytest.mark.parametrize("place", PLACES)
def test_every_layer_has_the_reference_s_rank(
    oracle: dict[str, Any], dtype: torch.dtype, place: str
) -> None:
    """In float32 the reference also takes the singular values in float32: 5e-7 of a rank."""
    size = 1 if place.startswith("batch1") else 16
    matrices = windows(Tiny(dtype), torch.split(images(dtype), size), PLACES[place])
    ranks = [float(effective_ranks([matrix])) for matrix in matrices]
    expected = oracle[f"{name(dtype)}_{place}_per_layer"]
    assert [layer for layer, _ in expected][:3] == ["conv1", "bn1", "relu1"]
    tolerance = 1e-4 if dtype == torch.float32 else 1e-8
    assert ranks == pytest.approx([rank for _, rank in expected], rel=tolerance)
    total = float(effective_ranks(matrices).sum())
    assert total == pytest.approx(oracle[f"{name(dtype)}_{place}"], rel=tolerance)


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_the_first_layer_s_matrix_is_the_reference_s(
    oracle: dict[str, Any], dtype: torch.dtype
) -> None:
    expected = oracle[f"{name(dtype)}_conv1_matrix_start_0"]
    matrix = windows(Tiny(dtype), [images(dtype)], PLACES["start_0"])[0]
    assert matrix.shape == (8, 8)
    for row, column in ((0, 0), (1, 0), (7, 7)):
        there = expected[f"m_{row}_{column}"]
        assert float(matrix[row, column]) == pytest.approx(there, rel=1e-5)
    values = torch.linalg.svdvals(matrix.double())
    assert values.tolist() == pytest.approx(expected["singular_values"], rel=1e-5, abs=1e-6)


def test_scores_are_spread_as_the_reference_s(oracle: dict[str, Any]) -> None:
    """The whole proxy with its own draws, on the net with weights that are drawn."""

    def net() -> nn.Module:
        model = Tiny()
        for part in model.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                part.reset_parameters()
        return model

    proxy = PROXIES.build("near", repetitions=32, samples=16)
    candidates = [Candidate(OneModule(net), (0,), seed) for seed in range(3)]
    scores = [proxy.score(one, Batch(images(torch.float32))) for one in candidates]
    means = oracle["unmodified_default_init_batch_16_mean_of_32_repetitions_float32_seeds_0_1_2"]
    assert len(set(scores)) == 3
    assert fmean(scores) == pytest.approx(fmean(means), abs=1.0)


def slow(model: nn.Module, parts: list[Tensor], draw: Draw) -> float:
    """The score in loops over positions, for the layers that torch.nn has."""
    layers = (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.ReLU)
    found: dict[nn.Module, list[Tensor]] = {}
    places: dict[nn.Module, int] = {}

    def keep(layer: nn.Module, _: object, output: Tensor) -> None:
        rows = found.setdefault(layer, [])
        if len(rows) >= output.shape[1]:
            return
        if output.ndim == 2:
            rows.extend(output.detach().clone())
        else:
            for image in output.detach().clone():
                rows.extend(
                    image[:, i, j] for j in range(image.shape[2]) for i in range(len(image[0]))
                )
        if len(rows) >= output.shape[1]:
            below = len(rows) // output.shape[-1] - 1
            places[layer] = draw(below) * output.shape[-1] if below > 0 else 0

    for part in model.modules():
        if isinstance(part, layers):
            part.register_forward_hook(keep)
    for inputs in parts:
        model(inputs)
    score = 0.0
    for layer, rows in found.items():
        matrix = torch.stack(rows)[places.get(layer, 0) :].numpy()
        values = np.linalg.svd(matrix[: matrix.shape[1]], compute_uv=False)
        if values.sum() > 0:
            shares = [value / values.sum() for value in values if value > 0]
            score += exp(-sum(share * log(share) for share in shares))
    return score


NETS = [
    Candidate(OneModule(lambda: Residual().double()), (0,), seed=3),
    *(Candidate(Double(), cell, seed=4) for cell in CELLS),
]


@pytest.mark.parametrize("candidate", NETS)
@pytest.mark.parametrize("samples", [1, 3, 20])
def test_near_against_loops(candidate: Candidate, samples: int) -> None:
    inputs = torch.randn(6, 3, 8, 8, generator=generator("test"), dtype=torch.float64)
    draws = candidate.generator("windows")

    def draw(below: int) -> int:
        return int(torch.randint(below, (), generator=draws))

    expected = slow(candidate.model(), list(torch.split(inputs, samples)), draw)
    score = PROXIES.build("near", samples=samples).score(candidate, Batch(inputs))
    assert score == pytest.approx(expected, rel=1e-9)


def test_the_mean_over_repetitions() -> None:
    candidate = NETS[1]
    batch = Batch(torch.randn(4, 3, 8, 8, generator=generator("test"), dtype=torch.float64))
    seeds = [candidate.seed, *(number("repetition", candidate.seed, n) for n in (1, 2))]
    single = [PROXIES.build("near").score(candidate.under(seed), batch) for seed in seeds]
    assert len(set(single)) == 3
    mean = PROXIES.build("near", repetitions=3).score(candidate, batch)
    assert mean == pytest.approx(fmean(single))


def test_a_window_at_the_end_is_shorter() -> None:
    rows = torch.arange(20.0).reshape(10, 2)
    assert window(rows, 2, PLACES["start_last"]).tolist() == rows[6:8].tolist()
    wide = rows.reshape(5, 4)
    assert window(wide, 1, PLACES["start_last"]).tolist() == wide[3:].tolist()
    assert window(wide, 4, PLACES["start_last"]).tolist() == wide[:4].tolist()


def test_ranks_of_known_matrices() -> None:
    spread = torch.diag(torch.tensor([3.0, 1.0, 0.0]))
    matrices = [torch.eye(3), torch.zeros(3, 3), torch.ones(3, 3), spread]
    entropy = -0.75 * log(0.75) - 0.25 * log(0.25)
    assert effective_ranks(matrices).tolist() == pytest.approx([3, 0, 1, exp(entropy)])
    overflow = torch.full((2, 2), torch.inf)
    assert effective_ranks([torch.eye(2), overflow]).isnan().tolist() == [False, True]


class Last(nn.Module):
    """A net that ends in a given function."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.fc, self.function = nn.Linear(6, 4), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.fc(x))


def test_tokens_are_rows() -> None:
    """Outputs (batch, tokens, features) have a row a token; only one window fits here."""
    model = Last(lambda x: x).double()
    inputs = torch.randn(2, 3, 6, generator=generator("test"), dtype=torch.float64)
    (matrix,) = windows(model, [inputs], PLACES["start_last"])
    assert torch.equal(matrix, model(inputs).reshape(6, 4)[:4])


def test_an_overflow_is_no_score() -> None:
    def net() -> nn.Module:
        model = Last(lambda x: x)
        model.fc.weight.data.fill_(1e38)
        return model

    score = PROXIES.build("near").score(Candidate(OneModule(net), (0,)), Batch(torch.ones(4, 6)))
    assert isnan(score)
    assert getattr(score, "reason", "") == "not finite"


def test_a_model_without_layers_is_refused() -> None:
    candidate = Candidate(OneModule(nn.Flatten), (0,))
    with pytest.raises(NotApplicableError, match="near looks at modules with weights"):
        PROXIES.build("near").score(candidate, Batch(torch.ones(4, 6)))


@pytest.mark.parametrize("option", ["repetitions", "samples"])
def test_numbers_below_one_are_refused(option: str) -> None:
    with pytest.raises(ValueError, match=f"{option}=0 must be at least 1"):
        PROXIES.build("near", **{option: 0})


def test_a_norm_of_one_value_says_what_would_do() -> None:
    candidate = Candidate(small("nasbench201"), (3,) * 6)
    with pytest.raises(NotApplicableError, match="larger inputs"):
        PROXIES.build("near", samples=1).score(candidate, Batch(torch.randn(4, 3, 4, 4)))
