"""AZ-NAS's three parts of its own, and the main blocks that they look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from math import isnan, log
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nas import PROXIES, Candidate, NotApplicableError, ProxyObjective
from nas.batch import Batch
from nas.data.sources import make_batch
from nas.network import Add, BatchNorm, Builder, Conv
from nas.network.module import NetworkModule
from nas.seeding import generator, one_thread
from proxies.trainability import block_scores, folded
from tests.support.double import Double
from tests.support.nets import OneModule, Residual, Tiny, formula_batch
from tests.support.small import small

DTYPES = [torch.float32, torch.float64]
PARTS = ["expressivity", "progressivity", "trainability"]
CELLS = [(3, 1, 2, 4, 0, 3), (1, 1, 1, 1, 1, 1), (2, 0, 3, 0, 1, 2)]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread, as in scoring; small tensors are also quicker on one."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def oracle(data: Path) -> dict[str, Any]:
    values = json.loads((data / "oracles" / "proxies_tiny_net.json").read_text())["values"]
    az_nas: dict[str, Any] = values["az_nas"]
    return az_nas


def tiny(dtype: torch.dtype, seed: int = 0) -> Candidate:
    return Candidate(OneModule(lambda: Tiny(dtype)), (0,), seed)


def name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def formula_signs(number: int, feature: Tensor) -> Tensor:
    k = np.arange(feature.numel())
    signs = np.where(np.sin(0.37 * k * k + 1.3 * number) > 0, 1, -1)
    return torch.from_numpy(signs).view(feature.shape).to(feature.dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_the_parts_have_the_reference_values(oracle: dict[str, Any], dtype: torch.dtype) -> None:
    batch = Batch(formula_batch().inputs.to(dtype))
    tolerance = 1e-4 if dtype == torch.float32 else 1e-8
    expected = oracle[name(dtype)]
    for part in ("expressivity", "progressivity"):
        score = PROXIES.build(part, input="batch", init="default").score(tiny(dtype), batch)
        assert score == pytest.approx(expected[part], rel=tolerance)
    scores = block_scores(Tiny(dtype), batch.inputs, formula_signs)
    assert np.mean(scores) == pytest.approx(expected["trainability"], rel=tolerance)


def test_random_scores_are_spread_as_the_reference_s(oracle: dict[str, Any]) -> None:
    batch = Batch(formula_batch().inputs.float())
    rows = oracle["unmodified_random_init_and_input_float32_seeds_0_1_2"]
    for part, tolerance in zip(PARTS, (0.2, 0.06, 0.3), strict=True):
        proxy = PROXIES.build(part)
        scores = [proxy.score(tiny(torch.float32, seed), batch) for seed in range(8)]
        assert np.mean(scores) == pytest.approx(np.mean([r[part] for r in rows]), abs=tolerance)


NETS = [
    Candidate(OneModule(lambda: Residual().double()), (0,), seed=3),
    *(Candidate(Double(), cell, seed=4) for cell in CELLS),
]


def features(model: nn.Module, inputs: Tensor) -> list[Tensor]:
    """The features with the graph that leads from one to the next."""
    if isinstance(model, Residual):
        h = model.bn1(model.conv1(inputs))
        first = h.relu()
        h = nn.functional.avg_pool2d(h + model.bn2(model.conv2(first)), 2)
        second = h.relu()
        h = h + model.bn3(model.conv3(second))
        return [first, second, model.bn4(h).relu()]
    assert isinstance(model, NetworkModule)
    values: list[Tensor] = []
    for module, layer in zip(model.in_order, model.network.layers, strict=True):
        values.append(module(*([values[i] for i in layer.inputs] or [inputs])))
    return [values[i] for i in model.network.blocks]


def drawn(candidate: Candidate) -> Tensor:
    shape = (10, 3, 8, 8)
    return torch.randn(shape, generator=candidate.generator("inputs"), dtype=torch.float64)


def entropy(feature: Tensor) -> float:
    channels = feature.detach().transpose(0, 1).flatten(1).numpy()
    values = np.linalg.eigvals(np.cov(channels, bias=True)).real
    shares = values / values.sum()
    return -sum(float(p) * log(p + 1e-8) for p in shares)


@pytest.mark.parametrize("candidate", NETS)
def test_entropies_against_numpy(candidate: Candidate) -> None:
    values = [entropy(f) for f in features(candidate.model("kaiming"), drawn(candidate))]
    batch = Batch(torch.zeros(10, 3, 8, 8, dtype=torch.float64))  # gives the shape
    expressivity, progressivity = (
        PROXIES.build(part).score(candidate, batch) for part in PARTS[:2]
    )
    assert expressivity == pytest.approx(sum(values), rel=1e-9)
    assert progressivity == pytest.approx(min(np.diff(values)), rel=1e-9, abs=1e-12)
    own = PROXIES.build("expressivity", input="batch").score(candidate, Batch(drawn(candidate)))
    assert own == expressivity


def pixels(gradient: Tensor, step: int) -> Iterator[NDArray[np.float64]]:
    """Every place's vector: channels, with the step x step pixels that fall together."""
    for image in gradient.numpy():
        for i in range(0, image.shape[1], step):
            for j in range(0, image.shape[2], step):
                yield image[:, i : i + step, j : j + step].ravel()


@pytest.mark.parametrize("candidate", NETS)
def test_trainability_against_outer_products(candidate: Candidate) -> None:
    maps = features(candidate.model("kaiming"), drawn(candidate))
    signs = candidate.generator("signs")
    scores = []
    for before, after in pairwise(maps):
        g_out = torch.randint(2, after.shape, generator=signs, dtype=torch.float64) * 2 - 1
        (g_in,) = torch.autograd.grad(
            after, before, g_out, retain_graph=True, materialize_grads=True
        )
        step = before.shape[2] // after.shape[2]
        pairs = list(zip(pixels(g_in, step), pixels(g_out, 1), strict=True))
        mean = sum(np.outer(one, other) for one, other in pairs) / len(pairs)
        largest = np.linalg.norm(mean, 2)
        scores.append(2 - largest - 1 / (largest + 1e-6))
    batch = Batch(torch.zeros(10, 3, 8, 8, dtype=torch.float64))
    score = PROXIES.build("trainability").score(candidate, batch)
    assert score == pytest.approx(float(np.mean(scores)), rel=1e-8)


def test_cells_without_a_path() -> None:
    space = small("nasbench201")
    batch = space.batch(8, generator(0))
    for arch in ((0,) * 6, (2, 0, 0, 0, 0, 0)):
        for part in PARTS[:2]:
            score = PROXIES.build(part).score(Candidate(space, arch, live=False), batch)
            assert isnan(score)
            assert getattr(score, "reason", "") == "a feature is constant or not finite"
        score = PROXIES.build("trainability").score(Candidate(space, arch, live=False), batch)
        assert -6.01e5 < score < -5.99e5  # minus a million for 3 blocks of 5


def test_cells_that_change_nothing() -> None:
    space = small("nasbench201")
    batch = space.batch(8, generator(0))
    candidate = Candidate(space, (0, 0, 0, 1, 0, 0))
    assert PROXIES.build("progressivity").score(candidate, batch) == 0
    score = PROXIES.build("trainability").score(candidate, batch)
    assert isnan(score)
    assert "unchanged" in getattr(score, "reason", "")


@pytest.mark.parametrize("part", PARTS)
def test_a_score_depends_on_the_seed_alone(part: str) -> None:
    space = small("nasbench201")
    batch = space.batch(8, generator(0))
    proxy = PROXIES.build(part)
    scores = [proxy.score(Candidate(space, CELLS[0], seed), batch) for seed in (0, 0, 1)]
    assert scores[0] == scores[1] != scores[2]


@pytest.mark.parametrize(("part", "needed"), list(zip(PARTS, (1, 2, 2), strict=True)))
def test_models_with_too_few_feature_maps_are_refused(part: str, needed: int) -> None:
    def net() -> nn.Module:
        features = [nn.Conv2d(3, 4, 3), nn.ReLU()] if needed == 2 else []
        flat = [nn.Flatten(), nn.Linear(64 if features else 108, 5), nn.ReLU(), nn.Linear(5, 2)]
        return nn.Sequential(*features, *flat)

    batch = Batch(torch.randn(4, 3, 6, 6))
    message = f"{part} needs {needed} feature maps or more, and this model has {needed - 1}"
    with pytest.raises(NotApplicableError, match=message):
        PROXIES.build(part, init="default").score(Candidate(OneModule(net), (0,)), batch)


def test_resolutions_that_do_not_divide_are_padded() -> None:
    gradient = torch.arange(2 * 25.0).view(1, 2, 5, 5)
    fold = folded(gradient, 3, 3)
    assert fold.shape == (1, 8, 3, 3)
    assert fold.sum() == gradient.sum()
    even = torch.randn(2, 3, 6, 6)
    assert torch.equal(folded(even, 3, 3), nn.functional.pixel_unshuffle(even, 2))

    def net() -> nn.Module:
        down = [nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 4, 3, 2, 1), nn.ReLU()]
        up = [nn.Upsample(size=(5, 4)), nn.Conv2d(4, 4, 1), nn.ReLU()]
        return nn.Sequential(*down, *up, nn.AdaptiveAvgPool2d(1), nn.Flatten())

    batch = Batch(torch.randn(4, 3, 11, 11))
    assert PROXIES.build("trainability").score(Candidate(OneModule(net), (0,)), batch) < 0


def test_in_place_relus_make_features_too() -> None:
    def net(inplace: bool) -> nn.Module:
        def layer(inputs: int) -> list[nn.Module]:
            return [nn.Conv2d(inputs, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace)]

        return nn.Sequential(*layer(3), *layer(4), *layer(4), nn.Flatten())

    batch = Batch(torch.randn(4, 3, 6, 6))
    for part in PARTS:
        scores = [
            PROXIES.build(part).score(Candidate(OneModule(partial(net, i)), (0,)), batch)
            for i in (False, True)
        ]
        assert scores[0] == scores[1]


@pytest.mark.parametrize("cells", [1, 3])
def test_nasbench201_marks_stem_cells_and_residual_blocks(cells: int) -> None:
    space = type(small("nasbench201"))(channels=4, cells=cells, resolution=8)  # type: ignore[call-arg]
    network = space.network(CELLS[0])
    assert network is not None
    assert len(network.blocks) == 3 * cells + 3
    assert list(network.blocks) == sorted(set(network.blocks))
    assert isinstance(network.layers[network.blocks[0]].op, BatchNorm)
    widths = [network.shapes[index][0] for index in network.blocks]
    assert widths == [4] * (1 + cells) + [8] * (1 + cells) + [16] * (1 + cells)
    for index in network.blocks[cells + 1 :: cells + 1]:
        assert isinstance(network.layers[index].op, Add)
    skips = space.network((0, 0, 0, 1, 0, 0))
    assert skips is not None
    assert len(skips.blocks) == 3 * cells + 3
    assert len(set(skips.blocks)) == 3
    assert [skips.shared.shapes[index] for index in skips.shared.blocks] == [
        skips.shapes[index] for index in skips.blocks
    ]


def test_sharing_keeps_the_marks_of_what_it_keeps() -> None:
    net = Builder((3, 8, 8))
    one, other = (net.mark(net.add(Conv(3, 4, 1), net.input)) for _ in range(2))
    net.mark(net.add(Conv(3, 5, 1), net.input))  # what nothing depends on goes
    total = net.mark(net.add(Add(), one, other))
    network = net.build()
    assert network.blocks == (one, other, one + 2, total) == (1, 2, 3, 4)
    assert network.shared.blocks == (1, 1, 2)


def test_what_is_shared_changes_no_score() -> None:
    """Several proxies on one candidate give the same scores as each proxy alone."""
    space = small("nasbench201")
    first, second = (make_batch(space, "natural", size=4, seed=seed) for seed in (0, 1))
    arch = space.sample(Random(3))
    for options in ({}, {"input": "batch"}):
        proxies = {
            name: PROXIES.build(name, **options) for name in ("expressivity", "progressivity")
        }
        together = ProxyObjective(space, proxies, first, repeats=2).evaluate(arch)
        for name, proxy in proxies.items():
            alone = ProxyObjective(space, proxy, first, repeats=2).evaluate(arch)
            assert together.scores[name] == alone.score
            assert together.metrics[f"{name}_sd"] == alone.metrics["sd"] > 0
        candidate = Candidate(space, arch)
        scores = [proxies["expressivity"].score(candidate, batch) for batch in (first, second)]
        assert (scores[0] == scores[1]) == (
            options == {}
        )  # drawn inputs have a batch's shape only
