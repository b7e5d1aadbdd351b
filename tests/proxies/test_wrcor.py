"""WRCor and its variants against the reference's values and a slow computation."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from math import isnan, log
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas import PROXIES, SPACES, Candidate, NotApplicableError, UsageError
from nas.batch import Batch
from nas.network.module import NetworkModule
from nas.seeding import generator
from proxies.wrcor import Variant, cell_of_next_relu, correlations
from tests.support.double import Double
from tests.support.nets import OneModule, Tiny, formula_batch
from tests.support.small import small

VARIANTS: tuple[Variant, ...] = ("wrcor", "rcor", "acor", "gcor")
CELLS = [(3, 1, 2, 4, 0, 3), (1, 1, 1, 1, 1, 1), (2, 0, 3, 0, 1, 2), (0, 0, 0, 3, 0, 0)]


@pytest.fixture(scope="module")
def oracle(data: Path) -> dict[str, Any]:
    values = json.loads((data / "oracles" / "proxies_more.json").read_text())["values"]["wrcor"]
    assert isinstance(values, dict)
    return values


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_the_reference(
    oracle: dict[str, Any], variant: Variant, dtype: torch.dtype
) -> None:
    key = f"{str(dtype).removeprefix('torch.')}_{variant}"
    images = formula_batch()
    batch = Batch(images.inputs.to(dtype), images.labels)
    sums = correlations(Tiny(dtype), batch, variant)
    kernel = sum(2**n * part if variant == "wrcor" else part for n, part in sums.items())
    assert isinstance(kernel, Tensor)
    tolerance = 1e-4 if dtype == torch.float32 else 1e-8
    for i, j in ((0, 0), (0, 1), (3, 11)):
        assert kernel[i, j].item() == pytest.approx(oracle[f"{key}_K_{i}_{j}"], rel=tolerance)
    assert kernel.sum().item() == pytest.approx(oracle[f"{key}_K_sum"], rel=tolerance)
    candidate = Candidate(OneModule(lambda: Tiny(dtype)), (0,))
    score = PROXIES.build("wrcor", variant=variant).score(candidate, batch)
    assert score == pytest.approx(oracle[key], rel=tolerance)


def test_drawn_weights_have_scores_like_the_reference_s(oracle: dict[str, Any]) -> None:
    class Drawn(Tiny):
        def __init__(self) -> None:
            super().__init__()
            for part in self.modules():
                if isinstance(part, nn.Conv2d | nn.Linear):
                    part.reset_parameters()

    images = formula_batch()
    batch = Batch(images.inputs.float(), images.labels)
    scores = [
        PROXIES.build("wrcor").score(Candidate(OneModule(Drawn), (0,), seed), batch)
        for seed in range(5)
    ]
    expected = oracle["default_init_batch_A_float32_seeds_0_to_4"]
    assert np.mean(scores) == pytest.approx(np.mean(expected), abs=0.3)


def slow(candidate: Candidate, batch: Batch, variant: str) -> float:
    """One matrix product a ReLU of `np.corrcoef`, with gradients that autograd keeps."""
    model = candidate.model()
    assert isinstance(model, NetworkModule)
    seen: list[tuple[int, Tensor, Tensor]] = []
    for index, part in enumerate(model.in_order):
        if isinstance(part, nn.ReLU):
            number = sum(block < index for block in model.network.blocks) - 1
            part.register_forward_hook(
                lambda _, given, output, number=number: seen.append((number, given[0], output))
            )
    logits = model(batch.inputs)
    for _, _, output in seen:
        output.retain_grad()
    loss: Tensor = F.cross_entropy(logits, batch.labels_for(10))
    torch.autograd.backward(loss)
    size = len(batch.inputs)
    kernel = np.zeros((size, size))
    for number, values, output in seen:
        slope = torch.zeros_like(output) if output.grad is None else output.grad
        rows = {"acor": values.detach(), "gcor": slope * (output > 0)}
        for kind in rows.keys() & {variant} or rows:
            with np.errstate(invalid="ignore"):
                matrix = abs(np.corrcoef(rows[kind].flatten(1).numpy()))
            if not np.isnan(matrix).any():
                kernel += matrix * (2.0**number if variant == "wrcor" else 1)
    return float(np.linalg.slogdet(kernel)[1])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("cell", CELLS)
def test_cells_equal_a_slow_computation(cell: tuple[int, ...], variant: str) -> None:
    candidate = Candidate(Double(), cell, seed=1)
    inputs = small("nasbench201").batch(6, generator("wrcor")).inputs.double()
    batch = Batch(inputs, torch.arange(6))
    score = PROXIES.build("wrcor", variant=variant).score(candidate, batch)
    assert score == pytest.approx(slow(candidate, batch, variant), rel=1e-8)


def test_cells_have_the_published_numbers() -> None:
    """17 cells, with the two residual blocks; the last ReLU comes after all."""
    space = SPACES.build("nasbench201", channels=2, resolution=8)
    model = Candidate(space, (3, 1, 1, 1, 1, 2)).model()
    number, found = cell_of_next_relu(model), list[int]()
    for part in model.modules():
        if isinstance(part, nn.ReLU):
            part.register_forward_pre_hook(lambda *_: found.append(number()))
    model(space.batch(2, generator("wrcor")).inputs)
    assert found == [n for n in range(17) for _ in range(2)] + [17]


def test_empty_cells_are_counted() -> None:
    """Cells of skips have no ReLU and still their number: that of the residual blocks stays."""
    space = SPACES.build("nasbench201", channels=2, resolution=8)
    batch = space.batch(4, generator("wrcor"))
    sums = correlations(Candidate(space, (1,) * 6).model(), batch, "rcor")
    assert sorted(sums) == [5, 11, 17]


class Makes(nn.Module):
    """Two ReLUs of a given kind, one after a bias that the inputs do not reach."""

    def __init__(self, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.other = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 3)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        maps = self.activation(self.conv(x)) * self.activation(self.other(torch.zeros_like(x)))
        logits: Tensor = self.fc(maps.mean(dim=(2, 3)))
        return logits


@pytest.mark.parametrize(
    "activation",
    [
        nn.ReLU(inplace=True),
        F.relu,
        lambda x: F.relu(x, inplace=True),
        lambda x: F.relu(input=x),
        torch.relu_,
        lambda x: x.relu(),
        lambda x: x.relu_(),
    ],
)
def test_every_way_to_write_a_relu_gives_the_same(
    activation: Callable[[Tensor], Tensor],
) -> None:
    batch = Batch(torch.randn(6, 3, 8, 8, generator=generator(1)), torch.arange(6) % 3)
    kinds = (activation, nn.ReLU())
    candidates = [Candidate(OneModule(partial(Makes, kind)), (0,)) for kind in kinds]
    sums = [correlations(each.model(), batch, "rcor") for each in candidates]
    assert sorted(sums[0]) == [0, 1]
    scores = [PROXIES.build("wrcor").score(each, batch) for each in candidates]
    assert scores[0] == scores[1]
    changed = [correlations(each.model(), batch, "gcor") for each in candidates]
    for number in (0, 1):
        assert torch.equal(sums[0][number], sums[1][number])
        assert torch.equal(changed[0][number], changed[1][number])


def test_powers_of_two_do_not_overflow() -> None:
    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(9, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.fc(x)
            total = torch.zeros_like(x)
            for _ in range(1200):
                total = total + F.relu(x)
            return total / 1200

    candidate = Candidate(OneModule(lambda: Deep().double()), (0,))
    batch = Batch(torch.randn(3, 9, generator=generator(2), dtype=torch.float64), torch.arange(3))
    score = PROXIES.build("wrcor").score(candidate, batch)
    assert score > 1100 * 3 * log(2)


def test_there_is_no_score_for_equal_samples() -> None:
    space = small("nasbench201")
    batch = Batch(space.batch(6, generator("wrcor")).inputs, torch.tensor([0, 1, 2, 3, 1, 4]))
    batch.inputs[4] = batch.inputs[1]
    for variant in VARIANTS:
        score = PROXIES.build("wrcor", variant=variant).score(Candidate(space, CELLS[0]), batch)
        assert isnan(score), variant
        assert getattr(score, "reason", "").startswith("singular kernel")


def test_there_is_no_score_where_nothing_differs() -> None:
    space = small("nasbench201")
    score = PROXIES.build("wrcor").score(
        Candidate(space, (0,) * 6, live=False), space.batch(6, generator("wrcor"))
    )
    assert isnan(score)
    assert getattr(score, "reason", "").startswith("no correlations")


def test_what_is_refused() -> None:
    space = small("nasbench201")
    candidate = Candidate(space, CELLS[0])
    with pytest.raises(UsageError, match="needs a batch of 2 or more"):
        PROXIES.build("wrcor").score(candidate, space.batch(1, generator("wrcor")))
    with pytest.raises(UsageError, match=r"variant=cor must be one of"):
        PROXIES.build("wrcor", variant="cor")
    vit = small("vit")
    with pytest.raises(NotApplicableError, match="wrcor looks at ReLUs, and this model has none"):
        PROXIES.build("wrcor").score(
            Candidate(vit, vit.sample(Random(0))), vit.batch(4, generator("wrcor"))
        )


def test_a_score_depends_on_the_seed_alone() -> None:
    space = small("nasbench201")
    batch = space.batch(8, generator("wrcor"))
    scores = [
        PROXIES.build("wrcor").score(Candidate(space, CELLS[0], s), batch) for s in (0, 0, 1)
    ]
    assert scores[0] == scores[1] != scores[2]
