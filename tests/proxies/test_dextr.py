"""Dextr against reference values and against one derivative at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isnan, log, log1p
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, NotApplicableError
from nas.batch import Batch
from nas.seeding import generator, one_thread
from proxies.dextr import curvature, derivatives, dextr, inverse_conditions, orthonormal
from tests.support.double import Double
from tests.support.nets import OneModule, Residual, Tiny, formula_batch
from tests.support.small import small

DTYPES = [torch.float32, torch.float64]
SIZES = {"one_image": 1, "batch_of_16": 16}
CELLS = [(3, 1, 2, 4, 0, 3), (0, 0, 0, 1, 0, 0), (2, 0, 3, 0, 1, 2)]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread, as in scoring; small tensors are also quicker on one."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def oracle(data: Path) -> dict[str, Any]:
    values = json.loads((data / "oracles" / "proxies_more.json").read_text())["values"]["dextr"]
    assert isinstance(values, dict)
    return values


def name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def plane(dtype: torch.dtype) -> Tensor:
    """The oracles' plane, whose two images are formulas of the flat index."""
    k = torch.arange(3 * 16 * 16, dtype=torch.float64)
    both = torch.stack(((0.37 * k * k + 0.5).sin(), (0.53 * k * k + 1.1).sin()))
    return orthonormal(both).reshape(2, 3, 16, 16).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_the_curve_has_the_reference_s_derivatives(
    oracle: dict[str, Any], dtype: torch.dtype
) -> None:
    """In float32 single derivatives differ by up to 4e-5, as the reference's own do."""
    close = 2e-4 if dtype == torch.float32 else 1e-8
    images = plane(dtype)
    expected = oracle[f"{name(dtype)}_curve_input_0_0_0"]
    assert images[0, 0, 0, :3].tolist() == pytest.approx(expected, rel=close)
    velocity, acceleration = derivatives(Tiny(dtype), images, torch.arange)
    expected = oracle[f"{name(dtype)}_curve_first_derivatives_10_logits"]
    assert velocity.tolist() == pytest.approx(expected, rel=close)
    expected = oracle[f"{name(dtype)}_curve_second_derivatives_10_logits"]
    assert acceleration.tolist() == pytest.approx(expected, rel=close)
    for key in SIZES:
        bend = curvature(velocity, acceleration)
        assert bend == pytest.approx(oracle[f"{name(dtype)}_{key}_curvature"], rel=close / 2)


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
@pytest.mark.parametrize("key", SIZES)
def test_the_score_is_the_reference_s(
    oracle: dict[str, Any], dtype: torch.dtype, key: str
) -> None:
    close = 1e-4 if dtype == torch.float32 else 1e-8
    there = f"{name(dtype)}_{key}"
    found = inverse_conditions(Tiny(dtype), formula_batch(size=SIZES[key]).inputs.to(dtype))
    modules = oracle[f"{there}_inverse_condition_per_module_in_call_order"]
    assert sorted(found) == pytest.approx(sorted(value for _, value in modules), rel=close)
    bend = curvature(*derivatives(Tiny(dtype), plane(dtype), torch.arange))
    score = dextr(sum(found), bend)
    assert score == pytest.approx(oracle[f"{there}_score"], rel=close / 10)


def test_scores_are_spread_as_the_reference_s(oracle: dict[str, Any]) -> None:
    """The whole proxy with its own draws, on the formula's weights."""
    space = OneModule(Tiny)
    batch = Batch(formula_batch().inputs.float())
    scores = [
        PROXIES.build("dextr").score(Candidate(space, (0,), seed), batch) for seed in range(8)
    ]
    theirs = oracle["formula_weights_one_image_random_curve_float32_seeds_0_to_4"]
    assert len(set(scores)) == 8
    assert np.mean(scores) == pytest.approx(np.mean(theirs), abs=0.06)
    assert np.std(scores) < 0.1


def slow(candidate: Candidate, batch: Batch, samples: int, side: int) -> float:
    """Numpy's singular values, and PyTorch's own second derivative of each output alone."""
    generator = candidate.generator("inputs")
    u, w = torch.randn(2, 3, side, side, generator=generator, dtype=torch.float64)
    u = u / u.norm()
    w = w - (w * u).sum() * u
    w = w / w.norm()
    model, ratios = candidate.model(), []

    def keep(_: nn.Module, __: object, output: Tensor) -> None:
        matrix = output[0].detach().reshape(output.shape[1], -1).numpy()
        values = np.linalg.svd(matrix, compute_uv=False)
        if values[0] > 0 and values[-1] > 1e-14 * values[0]:
            ratios.append(values[-1] / values[0])

    hooks = [part.register_forward_hook(keep) for part in model.modules()]
    model(batch.inputs[:samples])
    for hook in hooks:
        hook.remove()
    t = torch.zeros((), dtype=torch.float64, requires_grad=True)
    outputs = model((u * t.cos() + w * t.sin())[None])[0]
    v, a = [], []
    for place in torch.randint(len(outputs), (10,), generator=generator).tolist():
        (first,) = torch.autograd.grad(outputs[place], t, create_graph=True)
        (second,) = torch.autograd.grad(first, t, retain_graph=True)
        v.append(first.item())
        a.append(second.item())
    area = np.dot(v, v) * np.dot(a, a) - np.dot(v, a) ** 2
    features, curve = log(1 + sum(ratios)), log(1 + area**0.5 * np.dot(v, v) ** -1.5)
    return float(features * curve / (features + curve))


class Scaled(nn.Module):
    """A net without batch norms, whose second derivatives do not only come from norms."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 6, 3), nn.GroupNorm(2, 6)
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.nn.functional.silu(self.norm(self.conv(x)))
        logits: Tensor = self.fc(x.mean(dim=(2, 3)))
        return logits


NETS = [
    Candidate(Double(), CELLS[0], seed=4),
    Candidate(Double(), CELLS[2], seed=4),
    Candidate(OneModule(lambda: Scaled().double()), (0,), seed=3),
]


@pytest.mark.parametrize("candidate", NETS)
@pytest.mark.parametrize(("samples", "resolution"), [(1, None), (4, 12)])
def test_dextr_against_single_derivatives(
    candidate: Candidate, samples: int, resolution: int | None
) -> None:
    """A matrix of lower rank has a smallest value of 0, here up to the root of rounding."""
    batch = Batch(torch.randn(5, 3, 8, 8, generator=generator("test"), dtype=torch.float64))
    proxy = PROXIES.build("dextr", samples=samples, resolution=resolution)
    expected = slow(candidate, batch, samples, resolution or 8)
    assert proxy.score(candidate, batch) == pytest.approx(expected, abs=1e-6)


def test_conditions_of_known_matrices() -> None:
    class Each(nn.Module):
        def __init__(self, matrix: Tensor) -> None:
            super().__init__()
            self.matrix = matrix

        def forward(self, x: Tensor) -> Tensor:
            return self.matrix.expand(len(x), 1, *self.matrix.shape).transpose(1, 2)

    for matrix, ratio in (
        (torch.diag(torch.tensor([4.0, 1.0])), 0.25),
        (torch.tensor([[4.0, 0.0, 0.0], [0.0, 0.0, 2.0]]).T, 0.5),
        (torch.ones(3, 1), 1.0),
        (torch.zeros(3, 4), 0.0),
    ):
        assert inverse_conditions(Each(matrix), torch.ones(2, 3)) == pytest.approx([ratio])
    overflow = torch.full((2, 2), torch.inf)
    assert isnan(inverse_conditions(Each(overflow), torch.ones(2, 3))[0])


def test_a_circle_has_its_curvature() -> None:
    """On a circle of radius 2 the curvature is 1/2; on a line it is 0."""
    speed = torch.tensor([0.0, 3.0])
    assert curvature(speed, torch.tensor([-4.5, 7.0])) == pytest.approx(0.5)
    assert curvature(speed, 2 * speed) == 0
    assert isnan(curvature(torch.zeros(2), speed))


def test_the_parts_of_a_score() -> None:
    assert dextr(3.0, 7.0) == pytest.approx(log(4) * log(8) / (log(4) + log(8)))
    assert dextr(3.0, float("nan")) == pytest.approx(log1p(3))
    assert getattr(dextr(0.0, 0.0), "reason", "") == "all features are 0"
    assert getattr(dextr(float("nan"), 1.0), "reason", "") == "not finite"


def test_outputs_that_do_not_move_leave_the_features() -> None:
    candidate = Candidate(Double(), (0,) * 6)
    batch = Batch(torch.randn(3, 3, 8, 8, generator=generator("test"), dtype=torch.float64))
    conditions = inverse_conditions(candidate.model(), batch.inputs[:1])
    score = PROXIES.build("dextr").score(candidate, batch)
    assert score == pytest.approx(log1p(sum(conditions)))


def test_a_single_output_is_refused() -> None:
    candidate = Candidate(OneModule(Residual), (0,))
    with pytest.raises(NotApplicableError, match="two outputs or more"):
        PROXIES.build("dextr").score(candidate, Batch(torch.randn(2, 3, 8, 8)))


def test_tokens_are_refused() -> None:
    space = small("nasbench_nlp")
    candidate = Candidate(space, (0,) * len(space.choices))
    with pytest.raises(NotApplicableError, match="dextr draws numbers"):
        PROXIES.build("dextr").score(candidate, Batch(torch.zeros(2, 5, dtype=torch.int64)))


@pytest.mark.parametrize("option", ["samples", "resolution"])
def test_numbers_below_one_are_refused(option: str) -> None:
    with pytest.raises(ValueError, match=f"{option}=0 must be at least 1"):
        PROXIES.build("dextr", **{option: 0})
