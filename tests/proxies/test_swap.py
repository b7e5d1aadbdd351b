"""SWAP, regularised and universal, against the reference's values and sets of columns."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from nas import PROXIES, Candidate, NotApplicableError, UsageError
from nas.batch import Batch
from nas.seeding import generator
from proxies.swap import patterns
from tests.support.double import Double
from tests.support.nets import OneModule, Tiny, formula_batch
from tests.support.small import small
from tests.support.transformer import Transformer

DTYPES = [torch.float32, torch.float64]
Make = Callable[[torch.dtype], nn.Module]


class Gelu(Tiny):
    """The oracles' net «tiny-gelu»."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(dtype)
        self.relu1, self.relu2, self.relu3 = nn.GELU(), nn.GELU(), nn.GELU()  # type: ignore[assignment]


@pytest.fixture(scope="module")
def oracle(data: Path) -> dict[str, Any]:
    values = json.loads((data / "oracles" / "proxies_more.json").read_text())["values"]
    found = values["swap_regularised_and_universal"]
    assert isinstance(found, dict)
    return found


def swap(make: Make, dtype: torch.dtype, size: int = 16, side: int = 16, **options: Any) -> float:
    candidate = Candidate(OneModule(lambda: make(dtype)), (0,))
    batch = Batch(formula_batch(size=size, resolution=side).inputs.to(dtype))
    return PROXIES.build("swap", init="default", **options).score(candidate, batch)


def name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_universal_counts_are_the_reference_s(oracle: dict[str, Any], dtype: torch.dtype) -> None:
    nets: list[tuple[str, Make, int, int]] = [
        ("relu", Tiny, 16, 16),
        ("gelu_tiny", Gelu, 16, 16),
        ("gelu_tiny_400_samples_3x3", Gelu, 400, 3),
        ("vit_16_samples", Transformer, 16, 16),
        ("vit_64_samples", Transformer, 64, 16),
    ]
    for key, make, size, side in nets:
        score = swap(make, dtype, size, side, samples=size, activations="universal")
        assert score == oracle[f"{name(dtype)}_universal_{key}"], key


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
@pytest.mark.parametrize(("mu", "sigma"), [(2, 1), (2.5, 0.5), (10, 10), (40, 40)])
def test_regularised_counts_are_the_reference_s(
    oracle: dict[str, Any], dtype: torch.dtype, mu: float, sigma: float
) -> None:
    """The reference rounds the thousands of parameters to float32."""
    expected = oracle[f"{name(dtype)}_regular_mu{mu}_sigma{sigma}"]
    for activations in ("relu", "universal"):
        score = swap(
            Tiny,
            dtype,
            regularise=True,
            mu=float(mu),
            sigma=float(sigma),
            activations=activations,
        )
        assert score == pytest.approx(expected, rel=1e-6)


class Smooth(nn.Module):
    """A net of GELUs, SiLUs and ReLUs, as functions and modules, of maps and of rows."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.fc = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3), nn.Linear(6, 5)
        self.silu, self.gelu = nn.SiLU(inplace=True), nn.GELU(approximate="tanh")

    def outputs(self, x: Tensor) -> list[Tensor]:
        """The outputs of all activations."""
        one = F.relu(self.one(x))
        two = self.silu(self.two(one))
        rows = self.fc(two.mean(dim=(2, 3)))
        return [one, two, self.gelu(rows), F.silu(rows), F.gelu(rows)]

    def forward(self, x: Tensor) -> Tensor:
        return self.outputs(x)[-1]


def columns(outputs: list[Tensor]) -> set[tuple[float, ...]]:
    rows: list[NDArray[np.float64]] = [np.sign(o.detach().flatten(1).numpy()) for o in outputs]
    return {tuple(unit) for unit in np.concatenate(rows, axis=1).T}


@pytest.mark.parametrize("samples", [1, 5, 33, 34, 70])
def test_signs_against_sets(samples: int) -> None:
    candidate = Candidate(OneModule(lambda: Smooth().double()), (0,), seed=4)
    inputs = torch.randn(70, 3, 8, 8, generator=generator("swap"), dtype=torch.float64)
    model = candidate.model("normal")
    assert isinstance(model, Smooth)
    expected = len(columns(model.outputs(inputs[:samples])))
    proxy = PROXIES.build("swap", samples=samples, activations="universal")
    assert proxy.score(candidate, Batch(inputs)) == expected
    relus = PROXIES.build("swap", samples=samples)
    assert relus.score(candidate, Batch(inputs)) == len(
        columns([model.outputs(inputs[:samples])[0]])
    )


def test_undefined_outputs_have_no_codes_of_their_own() -> None:
    class Undefined(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.gelu(x * float("nan"))

    assert patterns(Undefined(), torch.ones(4, 50), "universal") == 1


def test_cells_of_relus_have_the_same_count() -> None:
    batch = Batch(torch.randn(40, 3, 8, 8, generator=generator("swap"), dtype=torch.float64))
    for cell in ((3, 1, 2, 4, 0, 3), (0,) * 6):
        scores = [
            PROXIES.build("swap", samples=40, activations=kind).score(
                Candidate(Double(), cell), batch
            )
            for kind in ("relu", "universal")
        ]
        assert scores[0] == scores[1]


@pytest.mark.parametrize("space_name", ["vit", "mnasnet"])
def test_spaces_without_relus_have_universal_scores(space_name: str) -> None:
    space = small(space_name)
    batch = space.batch(8, generator("swap"))
    arch = (0,) * len(space.choices)
    proxy = PROXIES.build("swap", activations="universal")
    scores = [proxy.score(Candidate(space, arch, seed), batch) for seed in (0, 0, 1)]
    assert scores[0] == scores[1]
    assert scores[0] > 1
    assert all(map(isfinite, scores))
    with pytest.raises(NotApplicableError, match="swap looks at ReLUs, and this model has none"):
        PROXIES.build("swap").score(Candidate(space, arch), batch)


def test_what_is_refused() -> None:
    candidate = Candidate(OneModule(lambda: nn.Sequential(nn.Flatten(), nn.Tanh())), (0,))
    with pytest.raises(
        NotApplicableError, match="ReLUs, GELUs and SiLUs, and this model has none"
    ):
        PROXIES.build("swap", activations="universal").score(candidate, formula_batch())
    with pytest.raises(UsageError, match=r"activations=gelu must be one of"):
        PROXIES.build("swap", activations="gelu")
