"""DSS against the references' values of a small transformer and a slow computation."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite, isnan
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas import PROXIES, SPACES, Candidate, NotApplicableError
from nas.batch import Batch
from nas.seeding import generator
from proxies.dss import terms
from tests.support.nets import OneModule, Tiny, formula_batch
from tests.support.small import small
from tests.support.transformer import Transformer

DTYPES = [torch.float32, torch.float64]


@pytest.fixture(scope="module")
def oracles(data: Path) -> dict[str, Any]:
    values = json.loads((data / "oracles" / "proxies_more.json").read_text())
    assert isinstance(values, dict)
    return values


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_net_is_the_oracles(oracles: dict[str, Any], dtype: torch.dtype) -> None:
    expected = oracles["check_vit"][str(dtype).removeprefix("torch.")]
    images, model = formula_batch(), Transformer(dtype)
    logits = model(images.inputs.to(dtype))
    tolerance = 1e-5 if dtype == torch.float32 else 1e-9
    assert logits[0].tolist() == pytest.approx(expected["logits_sample0"], abs=tolerance)
    loss = F.cross_entropy(logits, images.labels).item()  # type: ignore[arg-type]
    assert loss == pytest.approx(expected["cross_entropy"], rel=tolerance)
    assert sum(p.numel() for p in model.parameters()) == expected["parameters"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_the_reference(oracles: dict[str, Any], dtype: torch.dtype) -> None:
    expected, key = oracles["values"]["dss_vit"], str(dtype).removeprefix("torch.")
    tolerance = 1e-4 if dtype == torch.float32 else 1e-8
    batch = Batch(formula_batch().inputs.to(dtype))
    found = [term.item() for term in terms(Transformer(dtype), batch)]
    assert found == pytest.approx(expected[f"{key}_auto_prox_per_entry"], rel=tolerance)
    score = PROXIES.build("dss").score(
        Candidate(OneModule(lambda: Transformer(dtype)), (0,)), batch
    )
    for code in ("auto_prox", "tf_tas_head_of_10"):
        assert score == pytest.approx(expected[f"{key}_{code}"], rel=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_classifier_of_1000_classes_counts_once(
    oracles: dict[str, Any], dtype: torch.dtype
) -> None:
    expected, key = oracles["values"]["dss_vit"], str(dtype).removeprefix("torch.")
    tolerance = 1e-4 if dtype == torch.float32 else 1e-8
    found = [term.item() for term in terms(Transformer(dtype, 1000), formula_batch())]
    *others, head, again = expected[f"{key}_tf_tas_head_of_1000_per_entry"]
    assert head == again
    assert found == pytest.approx([*others, head], rel=tolerance)


def nuclear(matrix: Tensor) -> float:
    return float(np.linalg.norm(matrix.detach().numpy(), "nuc"))


@pytest.mark.parametrize("seed", range(3))
def test_the_space_of_transformers_by_names(seed: int) -> None:
    space = small("vit")
    candidate = Candidate(space, space.sample(Random(seed)), seed)
    batch = space.batch(2, generator("dss"))
    model = candidate.model().double()
    for parameter in model.parameters():
        parameter.data.abs_()
    torch.autograd.backward(model(torch.ones(1, 3, 8, 8, dtype=torch.float64)).sum())
    expected = 0.0
    for name, weight in model.named_parameters():
        assert weight.grad is not None
        if ".part.inputs.weight" in name or ".part.outputs.weight" in name:
            expected += nuclear(weight) * nuclear(weight.grad)
        elif name.endswith((".part.0.weight", ".part.2.weight", "head.weight")):
            expected += (weight * weight.grad).abs().sum().item()
    assert expected > 0
    assert PROXIES.build("dss").score(candidate, batch) == pytest.approx(expected, rel=1e-8)


class Ready(nn.Module):
    """One block around PyTorch's own attention, with projections in one matrix or in three."""

    def __init__(self, other: int | None = None) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, kdim=other, vdim=other, batch_first=True)
        self.other = nn.Linear(8, other or 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        other = self.other(x)
        logits: Tensor = self.head(self.attention(x, other, other)[0]).mean(dim=1)
        return logits


@pytest.mark.parametrize(("other", "number"), [(None, 2), (5, 4)])
def test_pytorch_s_attention_is_attention(other: int | None, number: int) -> None:
    model = Ready(other)
    batch = Batch(torch.randn(2, 4, 8))
    found = terms(model, batch)
    assert len(found) == number + 2
    torch.autograd.backward(model(torch.ones(1, 4, 8, dtype=torch.float64)).sum())
    expected = 0.0
    for name, weight in model.named_parameters():
        assert weight.grad is not None
        if weight.ndim == 2 and name.startswith("attention."):
            expected += nuclear(weight) * nuclear(weight.grad)
        elif weight.ndim == 2:
            expected += (weight * weight.grad).abs().sum().item()
    assert float(sum(found)) == pytest.approx(expected, rel=1e-8)


def by_function(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v)


def by_softmax(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.softmax(q @ k.transpose(1, 2) * q.shape[2] ** -0.5, dim=-1) @ v


class Written(nn.Module):
    """Attention written by hand, its softmax a function or a module, and a softmax at the end."""

    def __init__(self, attend: Callable[[Tensor, Tensor, Tensor], Tensor] | None) -> None:
        super().__init__()
        self.attention = Mix(attend)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.head(self.attention(x)).mean(dim=1), dim=1) ** 2


class Mix(nn.Module):
    def __init__(self, attend: Callable[[Tensor, Tensor, Tensor], Tensor] | None) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))
        self.softmax, self.attend = nn.Softmax(dim=-1), attend

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.q(x), self.k(x), self.v(x)
        if self.attend is None:
            weights = self.softmax(q @ k.transpose(1, 2) * q.shape[2] ** -0.5)
            mixed: Tensor = self.out(weights @ v)
            return mixed
        mixed = self.out(self.attend(q, k, v))
        return mixed


def test_every_way_to_write_attention_is_seen() -> None:
    batch = Batch(torch.randn(2, 4, 8))
    for way in (by_function, by_softmax, None):
        model = Written(way)
        found = [term.item() for term in terms(model, batch)]
        torch.autograd.backward(model(torch.ones(1, 4, 8, dtype=torch.float64)).sum())
        layers = (model.attention.q, model.attention.k, model.attention.v, model.attention.out)
        expected = [nuclear(each.weight) * nuclear(slope(each)) for each in layers]
        head = (model.head.weight * slope(model.head)).abs().sum().item()
        assert found == pytest.approx([*expected, head], rel=1e-8, abs=1e-12)


def slope(layer: nn.Linear) -> Tensor:
    assert layer.weight.grad is not None
    return layer.weight.grad


@pytest.mark.parametrize("name", [name for name in SPACES if name != "vit"])
def test_networks_without_attention_are_refused(name: str) -> None:
    space = small(name)
    candidate = Candidate(space, space.sample(Random(1)))
    with pytest.raises(
        NotApplicableError, match="dss looks at attention, and this model has none"
    ):
        PROXIES.build("dss").score(candidate, space.batch(2, generator("dss")))


def test_a_softmax_of_logits_is_no_attention() -> None:
    class Logits(Tiny):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).softmax(dim=1)

    with pytest.raises(NotApplicableError, match="dss looks at attention"):
        PROXIES.build("dss").score(Candidate(OneModule(Logits), (0,)), formula_batch())


def test_there_is_no_score_where_it_overflows() -> None:
    class Large(Transformer):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images) * float("inf")

    score = PROXIES.build("dss").score(Candidate(OneModule(Large), (0,)), formula_batch())
    assert isnan(score)
    assert getattr(score, "reason", "") == "not finite"


def test_a_score_depends_on_the_seed_and_the_init() -> None:
    space = small("vit")
    batch = space.batch(2, generator("dss"))
    scores = [
        PROXIES.build("dss", init=init).score(Candidate(space, (0,) * 30, seed), batch)
        for seed, init in ((0, "default"), (0, "default"), (1, "default"), (0, "kaiming"))
    ]
    assert scores[0] == scores[1]
    assert len(set(scores)) == 3
    assert all(map(isfinite, scores))
