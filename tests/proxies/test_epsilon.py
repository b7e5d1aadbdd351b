"""Epsilon against the reference implementation's values and against slow computations."""

from __future__ import annotations

import json
from math import inf, isnan, log, nan
from pathlib import Path
from random import Random
from statistics import median

import numpy as np
import pytest
import torch
from torch import nn

from nas import PROXIES, SPACES, Candidate, Proxy, Space, UsageError
from nas.batch import Batch
from nas.seeding import generator
from proxies.epsilon import FLOAT32_LEAST, Epsilon, epsilon
from tests.support.nasbench201_cells import EDGES, EVERY
from tests.support.nets import OneModule, Residual, Tiny, formula_batch
from tests.support.slow_epsilon import formula, of_nasbench201
from tests.support.small import small
from tests.support.tables import table


@pytest.fixture(scope="module")
def space() -> Space:
    return SPACES.build("nasbench201")


def relative(score: float, expected: float) -> float:
    return abs(score / expected - 1)


@pytest.mark.long
def test_equals_the_reference_on_nasbench201(data: Path, cifar: Batch, space: Space) -> None:
    """100 cells: 1e-3 on each, 1e-5 in the median, no score exactly where it has none."""
    proxy = PROXIES.build("epsilon")
    errors = []
    for row in table(data / "oracles" / "epsilon_nasbench201.csv"):
        expected = float(row["epsilon"])
        score = proxy.score(Candidate(space, space.parse(row["arch"])), cifar)
        assert isnan(score) == isnan(expected), row["arch"]
        if not isnan(expected):
            errors.append(relative(score, expected))
    assert len(errors) == 61
    assert max(errors) < 1e-3
    assert median(errors) < 1e-6


@pytest.mark.parametrize("size", [64, 256])
def test_equals_the_reference_in_float64_without_underflow(
    data: Path, cifar: Batch, space: Space, size: int
) -> None:
    proxy = Epsilon(underflow="none")
    batch = Batch(cifar.inputs[:size])
    for row in table(data / "oracles" / "epsilon_nasbench201_extra.csv"):
        score = proxy.score(Candidate(space, space.parse(row["arch"])), batch)
        assert relative(score, float(row[f"float64_batch{size}"])) < 1e-11, row["arch"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("low", "high"), [("1e-07", "1"), ("0.0001", "10"), ("0.001", "1"), ("0.01", "1")]
)
def test_a_module_has_the_reference_value(data: Path, dtype: str, low: str, high: str) -> None:
    oracle = json.loads((data / "oracles" / "proxies_tiny_net.json").read_text())["values"]
    expected = oracle["epsilon_residual_net"][f"{dtype}_weights_{low}_{high}"]
    proxy = PROXIES.build("epsilon", low=float(low), high=float(high), dtype=dtype)
    score = proxy.score(Candidate(OneModule(Residual), (0,)), formula_batch())
    assert relative(score, expected) < (1e-8 if dtype == "float64" else 1e-5)


def test_a_plain_chain_scores_zero() -> None:
    """Both passes are proportional, so only rounding remains."""
    for dtype, bound in (("float32", 1e-5), ("float64", 1e-13)):
        proxy = PROXIES.build("epsilon", dtype=dtype)
        assert abs(proxy.score(Candidate(OneModule(Tiny), (0,)), formula_batch())) < bound


class ModulesOnly(OneModule):
    """Another space's architectures as modules, without their layers."""

    choices = (5,) * 6

    def __init__(self, space: Space) -> None:
        self.space = space

    def build(self, arch: tuple[int, ...]) -> nn.Module:
        return self.space.build(arch)


@pytest.mark.parametrize("seed", range(12))
def test_layers_and_modules_score_the_same(seed: int) -> None:
    space = small("nasbench201")
    arch = space.sample(Random(seed))
    batch = space.batch(16, generator(seed))
    for low in (1e-2, 1e-5):
        proxy = PROXIES.build("epsilon", low=low, underflow="none", dtype="float64")
        collapsed = proxy.score(Candidate(space, arch), batch)
        dense = proxy.score(Candidate(ModulesOnly(space), arch), batch)
        assert collapsed == pytest.approx(dense, rel=1e-10, nan_ok=True)


def test_equals_an_independent_dense_evaluation() -> None:
    """To 1e-10 on random cells, also those without a score in float32."""
    space = small("nasbench201")
    batch = space.batch(16, generator("independent"))
    proxy = PROXIES.build("epsilon", underflow="none")
    for arch in Random(5).sample(EVERY, 40):
        score = proxy.score(Candidate(space, arch), batch)
        assert score == pytest.approx(
            of_nasbench201(space.format(arch), batch.inputs), rel=1e-10, nan_ok=True
        )


def test_the_formula_against_its_definition() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        low, high = random.normal(size=(2, 30)).round(1)  # with ties
        score = epsilon((torch.from_numpy(low), -3.0), (torch.from_numpy(high), 2.0))
        assert score == pytest.approx(formula(low, high), rel=1e-12)
        for scale, shift in ((5.0, 0.0), (1.0, -7.0)):  # each pass is scaled by itself
            moved = epsilon(
                (torch.from_numpy(low * scale + shift), 0.0), (torch.from_numpy(high), 0.0)
            )
            assert moved == pytest.approx(score, rel=1e-9)


@pytest.mark.parametrize(
    ("spread", "kept"), [(2 * FLOAT32_LEAST, True), (FLOAT32_LEAST / 2, False)]
)
def test_the_underflow_rule_is_the_least_float32(spread: float, kept: bool) -> None:
    outputs = torch.linspace(1, 2, 5, dtype=torch.float64)
    score = epsilon((outputs, log(spread)), (outputs**2, 0.0), underflow="float32")
    assert isnan(score) != kept
    if not kept:
        assert getattr(score, "reason", "") == "the low pass underflows in float32"
    assert not isnan(epsilon((outputs, log(spread)), (outputs**2, 0.0), underflow="none"))


def has_free_path(arch: tuple[int, ...]) -> bool:
    """Whether skips and pools alone lead from input to output."""
    reached = {0}
    for op, (source, target) in zip(arch, EDGES, strict=True):
        if source in reached and op in (1, 4):
            reached.add(target)
    return 3 in reached


def test_the_cells_without_a_score_are_those_without_a_free_path() -> None:
    """6,399 cells in all; a sample here, at small sizes."""
    assert sum(not has_free_path(arch) for arch in EVERY) == 6399
    space = small("nasbench201")
    space = type(space)(channels=4, cells=5, resolution=8)  # type: ignore[call-arg]
    batch = space.batch(16, generator(0))
    proxy: Proxy = PROXIES.build("epsilon")
    for arch in Random(3).sample(EVERY, 150):
        assert isnan(proxy.score(Candidate(space, arch), batch)) != has_free_path(arch), arch


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 2.0, "high": 1.0}, r"low=2.0 must be less than high=1.0"),
        ({"low": 0.0}, r"low=0.0 .* must be positive"),
        ({"high": float("inf")}, r"high=inf must be positive and finite"),
        ({"underflow": "float16"}, r"proxy.underflow=float16 must be one of float32, none"),
        ({"dtype": "int8"}, r"proxy.dtype=int8 must be one of float32, float64"),
        ({"low": "small"}, r"proxy.low=small must be a number or null"),
    ],
)
def test_wrong_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PROXIES.build("epsilon", **options)


@pytest.mark.slow
def test_coverage_of_the_whole_space(cifar: Batch, space: Space) -> None:
    """9,226 cells with the rule, 15,284 without: the published coverage, and the possible one."""
    proxy = PROXIES.build("epsilon", underflow="none", dtype="float32")
    batch = Batch(cifar.inputs[:32])
    scores = [proxy.score(Candidate(space, arch), batch) for arch in EVERY]
    assert sum(not isnan(score) for score in scores) == 15284
    assert sum(has_free_path(arch) for arch in EVERY) == 9226


@pytest.mark.parametrize("value", [nan, inf])
def test_an_output_that_is_not_finite_is_called_so(value: float) -> None:
    outputs = torch.tensor([0.0, 1.0, value], dtype=torch.float64)
    fine = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
    for low, high in ((outputs, fine), (fine, outputs)):
        score = epsilon((low, 0.0), (high, 0.0))
        assert isnan(score)
        assert getattr(score, "reason", "") == "the output is not finite"
