"""VKDNW against reference values and against differences of outputs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isnan, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, NotApplicableError
from nas.batch import Batch
from nas.network import BatchNorm, Builder, Conv, GlobalAvgPool, Linear, MaxPool, ReLU
from nas.network.module import NetworkModule
from nas.seeding import generator, one_thread
from proxies._first_weights import jacobian
from proxies.vkdnw import centred, cholesky, entropy, fisher
from tests.support.double import Double
from tests.support.nets import OneModule, Residual, Tiny, formula_batch
from tests.support.small import small

DTYPES = [torch.float32, torch.float64]
CELLS = [(3, 1, 2, 4, 0, 3), (0, 0, 0, 1, 0, 0), (3, 0, 3, 0, 1, 2)]
"""No ReLU gets the zeros of a 1x1 convolution alone: there a difference is no derivative."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread, as in scoring; small tensors are also quicker on one."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def oracle(data: Path) -> dict[str, Any]:
    values = json.loads((data / "oracles" / "proxies_more.json").read_text())["values"]["vkdnw"]
    assert isinstance(values, dict)
    return values


def name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def layered(dtype: torch.dtype) -> nn.Module:
    """The oracles' net «tiny» as a network of layers."""
    net = Builder((3, 16, 16))
    last = net.input
    for inputs, outputs in ((3, 8), (8, 8), (8, 16)):
        if outputs == 16:
            last = net.add(MaxPool(2, 2), last)
        conv = Conv(inputs, outputs, 3, padding=1)
        last = net.chain(last, conv, BatchNorm(outputs), ReLU())
    net.chain(last, GlobalAvgPool(), Linear(16, 10))
    model = NetworkModule(net.build()).to(dtype)
    for mine, theirs in zip(model.parameters(), Tiny(dtype).parameters(), strict=True):
        mine.data = theirs.data
    return model


FORMS = [Tiny, layered]


def parts(make: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    model = make(dtype).eval()
    return jacobian(model, formula_batch().inputs.to(dtype), list(model.parameters()))


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
@pytest.mark.parametrize("make", FORMS)
def test_the_parts_are_the_reference_s(
    oracle: dict[str, Any], make: Any, dtype: torch.dtype
) -> None:
    """In float32 singular values are seven digits apart or more, so the small ones are rough."""
    there = {
        key.removeprefix(f"{name(dtype)}_"): value
        for key, value in oracle.items()
        if key.startswith(name(dtype))
    }
    close = 1e-4 if dtype == torch.float32 else 1e-8
    outputs, slopes = parts(make, dtype)
    assert outputs[0].tolist() == pytest.approx(there["eval_logits_sample0"], rel=close)
    for number in (0, 7):
        expected = there[f"jacobian_sample0_logit{number}"]
        assert slopes[0, number].tolist() == pytest.approx(expected, rel=close, abs=1e-9)
    factor = cholesky(outputs)
    diagonal = [*factor[0].diagonal().tolist(), 0.0]
    assert diagonal == pytest.approx(there["L_sample0_diagonal"], rel=close)
    assert float(factor[0, 3, 1]) == pytest.approx(there["L_sample0_3_1"], rel=close)
    assert float(factor[0, 9, 8]) == pytest.approx(there["L_sample0_9_8"], rel=close)
    information = fisher(factor @ slopes[:, :-1])
    assert information.diagonal().tolist() == pytest.approx(there["fisher_diagonal"], rel=close)
    assert float(information[0, 3]) == pytest.approx(there["fisher_0_3"], rel=close)
    values = torch.linalg.svdvals(information).tolist()
    assert values == pytest.approx(there["singular_values"], rel=close)
    textbook = fisher(factor.transpose(1, 2) @ slopes)
    assert entropy(textbook) == pytest.approx(there["own_textbook_JT_L_LT_J_entropy"], rel=close)
    assert entropy(fisher(slopes)) == pytest.approx(there["own_logits_only_entropy"], rel=close)
    assert entropy(information[:6, :6]) == pytest.approx(
        there["entropy_first_6_tensors"], rel=close
    )
    plain = float(fisher(centred(outputs, slopes)).trace())
    assert plain == pytest.approx(there["own_exact_softmax_fisher_trace"], rel=close)


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
@pytest.mark.parametrize("make", FORMS)
def test_the_scores_are_the_reference_s(
    oracle: dict[str, Any], make: Any, dtype: torch.dtype
) -> None:
    close = 1e-6 if dtype == torch.float32 else 1e-9
    candidate = Candidate(OneModule(lambda: make(dtype)), (0,))
    batch = Batch(formula_batch().inputs.to(dtype))
    options = {"input": "batch", "init": "default"}
    score = PROXIES.build("vkdnw", **options).score(candidate, batch)
    assert score == pytest.approx(oracle[f"{name(dtype)}_single_dim_plus_entropy"], rel=close)
    textbook = PROXIES.build("vkdnw", fisher="textbook", **options).score(candidate, batch)
    expected = 11 + oracle[f"{name(dtype)}_own_exact_softmax_fisher_entropy"]
    assert textbook == pytest.approx(expected, rel=close)


def test_scores_are_spread_as_the_reference_s(oracle: dict[str, Any]) -> None:
    batch = Batch(torch.zeros(64, 3, 16, 16))
    space = OneModule(lambda: layered(torch.float32))
    scores = [
        PROXIES.build("vkdnw").score(Candidate(space, (0,), seed), batch) for seed in range(8)
    ]
    theirs = oracle["unmodified_kaiming_init_normal_input_batch_64_16x16_float32_seeds_0_to_4"]
    assert len(set(scores)) == 8
    assert np.mean(scores) - 11 == pytest.approx(np.mean(theirs), abs=0.3)
    assert all(0 < score - 11 < log(9) for score in scores)


def slow(candidate: Candidate, inputs: Tensor, textbook: bool) -> float:
    """Central differences of the outputs, and numpy's factors, one example after the other."""
    model = candidate.model("kaiming").eval()
    parameters = list(model.parameters())
    columns = []
    with torch.no_grad():
        shares = model(inputs).softmax(dim=1).numpy()
        for parameter in parameters:
            first = parameter.data.view(-1)[:1]
            sides = []
            for step in (1e-6, -2e-6, 1e-6):  # up, down, back
                first += step
                sides.append(model(inputs).numpy())
            columns.append((sides[0] - sides[1]) / 2e-6)
    slopes = np.stack(columns, axis=2)
    total = np.zeros((len(parameters),) * 2)
    half, size = np.float16(0.05), shares.shape[1]
    for share, slope in zip(shares, slopes, strict=True):
        if textbook:
            total += slope.T @ (np.diag(share) - np.outer(share, share)) @ slope
            continue
        smooth = share * float(np.float16(1 - half)) + float(np.float16(half / np.float16(size)))
        covariance = np.diag(smooth) - np.outer(smooth, smooth)
        factor = np.zeros((size, size))
        factor[:-1, :-1] = np.linalg.cholesky(covariance[:-1, :-1])
        factor[-1, :-1] = np.linalg.solve(factor[:-1, :-1], covariance[-1, :-1])
        total += (factor @ slope).T @ (factor @ slope)
    values = np.linalg.svd(total / len(inputs), compute_uv=False)
    deciles = [np.quantile(values, place / 10) for place in range(1, 10)]
    return float(
        len(parameters) - sum(p / sum(deciles) * log(p / sum(deciles) + 1e-10) for p in deciles)
    )


class Shared(nn.Module):
    """A net that uses one weight twice, once outside its layer; it is not made of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.fc = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(torch.nn.functional.conv2d(self.conv(x).sin(), self.conv.weight, padding=1))
        logits: Tensor = self.fc(x.mean(dim=(2, 3)))
        return logits


NETS = [
    *(Candidate(Double(), cell, seed=4) for cell in CELLS),
    Candidate(OneModule(lambda: Shared().double()), (0,), seed=2),
]


@pytest.mark.parametrize("candidate", NETS)
@pytest.mark.parametrize("kind", ["code", "textbook"])
def test_vkdnw_against_differences(candidate: Candidate, kind: str) -> None:
    """Differences are exact to about nine digits, so the smallest singular values are rough."""
    inputs = torch.randn(5, 3, 8, 8, generator=candidate.generator("inputs"), dtype=torch.float64)
    score = PROXIES.build("vkdnw", fisher=kind).score(candidate, Batch(torch.zeros_like(inputs)))
    expected = slow(candidate, inputs, kind == "textbook")
    assert score == pytest.approx(expected, abs=1e-6)


def test_both_ways_have_the_same_derivatives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a network of layers, and of the same network as any module; chunks do not matter."""
    inputs = torch.randn(5, 3, 8, 8, generator=generator("test"), dtype=torch.float64)
    models = [NETS[0].model().eval() for _ in range(3)]
    found = [jacobian(models[0], inputs, list(models[0].parameters())[:20], left_out=2)]
    monkeypatch.setattr("proxies._first_weights.CHUNK", 2)
    found.append(jacobian(models[1], inputs, list(models[1].parameters())[:20], left_out=2))
    monkeypatch.setattr("proxies._first_weights.NetworkModule", Tiny)
    found.append(jacobian(models[2], inputs, list(models[2].parameters())[:20], left_out=2))
    for outputs, slopes in found:
        assert slopes.shape == (5, 8, 20)
        assert torch.allclose(outputs, found[0][0], rtol=1e-10)
        assert torch.allclose(slopes, found[0][1], rtol=1e-8, atol=1e-12)


def test_only_the_first_examples_are_used() -> None:
    batch = Batch(torch.randn(6, 3, 8, 8, generator=generator("test"), dtype=torch.float64))
    proxy = PROXIES.build("vkdnw", samples=4, input="batch")
    few = proxy.score(NETS[0], Batch(batch.inputs[:4]))
    assert proxy.score(NETS[0], batch) == few
    assert PROXIES.build("vkdnw", input="batch").score(NETS[0], batch) != few


def test_a_single_output_is_refused() -> None:
    candidate = Candidate(OneModule(Residual), (0,))
    with pytest.raises(NotApplicableError, match="two outputs or more"):
        PROXIES.build("vkdnw").score(candidate, Batch(torch.zeros(2, 3, 8, 8)))


def test_tokens_are_refused_as_gaussian_inputs() -> None:
    space = small("nasbench_nlp")
    candidate = Candidate(space, (0,) * len(space.choices))
    with pytest.raises(NotApplicableError, match="vkdnw draws numbers"):
        PROXIES.build("vkdnw").score(candidate, Batch(torch.zeros(2, 5, dtype=torch.int64)))


def test_too_many_outputs_have_no_score_as_published() -> None:
    """The constants are rounded, so the others may leave less than nothing for the last."""

    def net() -> nn.Module:
        model = nn.Sequential(nn.Flatten(), nn.Linear(12, 400))
        model[1].bias.data[-1] = -50  # type: ignore[operator]
        return model

    candidate = Candidate(OneModule(net), (0,))
    batch = Batch(torch.ones(2, 3, 2, 2) * 1e-3)
    score = PROXIES.build("vkdnw", input="batch", init="default").score(candidate, batch)
    assert isnan(score)
    assert getattr(score, "reason", "") == "the Fisher information is not finite"
    textbook = PROXIES.build("vkdnw", fisher="textbook", input="batch", init="default")
    assert 2 < textbook.score(candidate, batch) < 2 + log(9)


def test_no_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="samples=0 must be at least 1"):
        PROXIES.build("vkdnw", samples=0)
