"""Proxies of a forward pass: against reference values and against slow computations."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from math import exp, isnan, log
from pathlib import Path
from typing import Any
from weakref import ReferenceType, ref

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas import PROXIES, Candidate, NotApplicableError, UsageError
from nas.batch import Batch
from nas.network.module import NetworkModule
from nas.scoring.attempt import scored
from nas.seeding import generator, one_thread
from proxies import naswot
from proxies._activations import each_relu
from proxies.meco import smallest_eigenvalues
from proxies.naswot import agreement
from proxies.zen import zen
from tests.support.activations import norm_inputs, pearson, relu_outputs
from tests.support.double import Double
from tests.support.nets import OneModule, Residual, Tiny, formula_batch
from tests.support.small import small

DTYPES = [torch.float32, torch.float64]
FAMILY = ["naswot", "jacob_cov", "linear_regions", "swap", "meco", "zen"]
CELLS = [(3, 1, 2, 4, 0, 3), (0, 0, 0, 1, 0, 0), (2, 0, 3, 0, 1, 2)]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread, as in scoring; small tensors are also quicker on one."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def oracle(data: Path) -> dict[str, Any]:
    values = json.loads((data / "oracles" / "proxies_tiny_net.json").read_text())["values"]
    assert isinstance(values, dict)
    return values


def tiny(dtype: torch.dtype) -> Candidate:
    return Candidate(OneModule(lambda: Tiny(dtype)), (0,))


def images(dtype: torch.dtype, first: int = 0, size: int = 16, resolution: int = 16) -> Batch:
    return Batch(formula_batch(first, size, resolution).inputs.to(dtype))


def name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def agrees(score: float, expected: float, dtype: torch.dtype) -> bool:
    return abs(score / expected - 1) < (1e-4 if dtype == torch.float32 else 1e-8)


def residual() -> Candidate:
    return Candidate(OneModule(lambda: Residual().double()), (0,), seed=3)


NETS = [residual(), *(Candidate(Double(), cell, seed=4) for cell in CELLS)]


def inputs_for(candidate: Candidate, size: int = 12) -> Batch:
    side = 8 if isinstance(candidate.space, Double) else 12
    drawn = torch.randn(size, 3, side, side, generator=generator("test"), dtype=torch.float64)
    return Batch(drawn)


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_naswot_has_the_reference_value(oracle: dict[str, Any], dtype: torch.dtype) -> None:
    expected = {key: oracle["naswot"][f"{name(dtype)}{key}"] for key in ("", "_K_0_1", "_K_sum")}
    kernel = agreement(Tiny(dtype), images(dtype).inputs)
    assert (kernel.diagonal() == 5120).all()
    assert kernel[0, 1] == expected["_K_0_1"]
    assert kernel.sum() == expected["_K_sum"]
    assert agrees(PROXIES.build("naswot").score(tiny(dtype), images(dtype)), expected[""], dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_jacob_cov_has_the_reference_value(oracle: dict[str, Any], dtype: torch.dtype) -> None:
    score = PROXIES.build("jacob_cov").score(tiny(dtype), images(dtype))
    assert agrees(score, oracle["jacob_cov"][name(dtype)], dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_linear_regions_are_the_reference_s(oracle: dict[str, Any], dtype: torch.dtype) -> None:
    proxy = PROXIES.build("linear_regions", resolution=None)
    expected = oracle["linear_regions"]
    few = proxy.score(tiny(dtype), images(dtype))
    many = proxy.score(tiny(dtype), images(dtype, size=400, resolution=3))
    assert few == expected[f"{name(dtype)}_16_samples"]
    assert many == expected[f"{name(dtype)}_400_samples_3x3"]


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_swap_has_the_reference_value(oracle: dict[str, Any], dtype: torch.dtype) -> None:
    expected = oracle["swap"]
    plain = PROXIES.build("swap", init="default")
    regular = PROXIES.build("swap", init="default", regularise=True, mu=2.0, sigma=1.0)
    many = PROXIES.build("swap", init="default", samples=400)
    assert plain.score(tiny(dtype), images(dtype)) == expected[name(dtype)]
    assert plain.score(tiny(dtype), images(dtype, size=30)) == expected[name(dtype)]
    score = regular.score(tiny(dtype), images(dtype))
    assert agrees(score, expected[f"{name(dtype)}_regular_mu2_sigma1"], dtype)
    score = many.score(tiny(dtype), images(dtype, size=400, resolution=3))
    assert score == expected[f"{name(dtype)}_400_samples_3x3"]


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_meco_has_the_reference_values(oracle: dict[str, Any], dtype: torch.dtype) -> None:
    image = images(dtype, size=1, resolution=64).inputs
    values = smallest_eigenvalues(Tiny(dtype), image)
    expected = [value for _, value in oracle["meco"][f"{name(dtype)}_per_module"]]
    tolerance = 1e-5 if dtype == torch.float32 else 1e-9
    assert values == pytest.approx(expected, abs=tolerance)
    assert agrees(sum(values), oracle["meco"][name(dtype)], dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_zen_has_the_reference_value(oracle: dict[str, Any], dtype: torch.dtype) -> None:
    score = zen(Tiny(dtype), images(dtype).inputs, images(dtype, first=16).inputs)
    assert agrees(score, oracle["zen"][name(dtype)], dtype)


def test_random_scores_are_spread_as_the_reference_s(oracle: dict[str, Any]) -> None:
    """Whole proxies with their own draws, against the reference's with its own."""
    batch = images(torch.float32)
    scores = [
        PROXIES.build("zen", repeats=32).score(
            Candidate(tiny(torch.float32).space, (0,), s), batch
        )
        for s in range(3)
    ]
    expected = oracle["zen"]["unmodified_random_float32_seeds_0_1_2_repeat32"]
    assert np.mean(scores) == pytest.approx(np.mean([mean for mean, _ in expected]), abs=0.1)
    proxy = PROXIES.build("meco", resolution=64)
    scores = [proxy.score(Candidate(tiny(torch.float32).space, (0,), s), batch) for s in range(3)]
    expected = oracle["meco"]["unmodified_random_input_float32_seeds_0_1_2"]
    assert np.mean(scores) == pytest.approx(np.mean(expected), abs=0.2)


@pytest.mark.parametrize("candidate", NETS)
def test_naswot_counts_the_agreeing_units(candidate: Candidate) -> None:
    batch = inputs_for(candidate)
    size = len(batch.inputs)
    kernel = np.zeros((size, size))
    for output in relu_outputs(candidate.model(), batch.inputs):
        for i in range(size):
            for j in range(size):
                kernel[i, j] += sum((output[i] > 0) == (output[j] > 0))
    assert (agreement(candidate.model(), batch.inputs).numpy() == kernel).all()
    expected = np.linalg.slogdet(kernel)[1]
    assert PROXIES.build("naswot").score(candidate, batch) == pytest.approx(expected, rel=1e-9)


def test_naswot_adds_up_more_units_than_float32_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    candidate = NETS[1]
    batch = inputs_for(candidate)
    whole = agreement(candidate.model(), batch.inputs)
    monkeypatch.setattr(naswot, "EXACT", 37)
    assert torch.equal(agreement(candidate.model(), batch.inputs), whole)


def test_naswot_has_no_score_for_equal_codes() -> None:
    candidate = NETS[1]
    batch = inputs_for(candidate)
    batch.inputs[3] = batch.inputs[5]
    score = PROXIES.build("naswot").score(candidate, batch)
    assert isnan(score)
    assert "singular" in getattr(score, "reason", "")


@pytest.mark.parametrize("candidate", [tiny(torch.float64), *NETS])
def test_jacob_cov_against_the_whole_jacobian(candidate: Candidate) -> None:
    batch = inputs_for(candidate, size=6)
    whole: Callable[..., Tensor] = torch.autograd.functional.jacobian
    jacobian = whole(candidate.model(), batch.inputs)
    rows = jacobian.sum(dim=(0, 1)).flatten(1).numpy()
    values = np.linalg.eigvals(np.corrcoef(rows)).real
    expected = -sum(log(v + 1e-5) + 1 / (v + 1e-5) for v in values)
    score = PROXIES.build("jacob_cov").score(candidate, batch)
    assert score == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("candidate", NETS)
def test_patterns_against_sets(candidate: Candidate) -> None:
    batch = inputs_for(candidate, size=40)
    outputs = relu_outputs(candidate.model(), batch.inputs)
    codes = np.concatenate([output > 0 for output in outputs], axis=1)
    proxy = PROXIES.build("linear_regions", resolution=None)
    assert proxy.score(candidate, batch) == len({tuple(row) for row in codes})
    for samples in (5, 24, 25, 40):
        outputs = relu_outputs(candidate.model("normal"), batch.inputs[:samples])
        codes = np.concatenate([output > 0 for output in outputs], axis=1)
        expected = len({tuple(unit) for unit in codes.T})
        assert PROXIES.build("swap", samples=samples).score(candidate, batch) == expected
    options = {"samples": 40, "regularise": True, "mu": 3.0, "sigma": 2.0}
    thousands = sum(p.numel() for p in candidate.model().parameters()) / 1000
    regular = PROXIES.build("swap", **options).score(candidate, batch)
    assert regular == pytest.approx(expected * exp(-((thousands - 3) ** 2) / 2))


def test_linear_regions_along_greys() -> None:
    candidate = NETS[1]
    like = inputs_for(candidate)
    greys = torch.randn(60, 1, 1, 1, generator=candidate.generator("inputs"), dtype=torch.float64)
    inputs = greys * torch.ones(3, 4, 4)
    outputs = relu_outputs(candidate.model(), inputs)
    codes = np.concatenate([output > 0 for output in outputs], axis=1)
    expected = len({tuple(row) for row in codes})
    assert PROXIES.build("linear_regions", samples=60).score(candidate, like) == expected
    scores = [
        PROXIES.build("linear_regions", grey=grey).score(candidate, like) for grey in (True, False)
    ]
    assert 10 < scores[0] < 700
    assert scores[1] == 1000  # which is why they are grey


def test_linear_regions_take_images_that_windows_fit() -> None:
    def net() -> nn.Module:
        head = (nn.AvgPool2d(8), nn.Flatten(), nn.Linear(4, 2))
        return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), *head)

    candidate = Candidate(OneModule(net), (0,))
    batch = Batch(torch.randn(4, 3, 8, 8))
    four, eight = (PROXIES.build("linear_regions", resolution=side) for side in (4, 8))
    assert four.score(candidate, batch) == eight.score(candidate, batch) > 1
    with pytest.raises(RuntimeError):
        four.score(candidate, Batch(torch.randn(4, 3, 4, 4)))


@pytest.mark.parametrize("candidate", NETS)
@pytest.mark.parametrize(
    ("name", "options"),
    [("meco", {}), ("meco", {"resolution": 20}), ("meco_image", {})],
    ids=["drawn", "larger", "image"],
)
def test_meco_against_loops(candidate: Candidate, name: str, options: dict[str, Any]) -> None:
    batch, resolution = inputs_for(candidate), options.get("resolution")
    side = resolution or batch.inputs.shape[-1]
    draws = candidate.generator("inputs")
    image = torch.randn(1, 3, side, side, generator=draws, dtype=torch.float64)
    if name == "meco_image":
        image = batch.inputs[:1]
    outputs: list[Tensor] = []
    model = candidate.model()
    for _, part in model.named_modules():
        part.register_forward_hook(lambda _, __, output: outputs.append(output[0].clone()))
    model(image)
    total = 0.0
    for output in outputs:
        channels = output.reshape(len(output), -1).detach().numpy()
        if channels.shape[1] > 1:
            matrix = [[pearson(one, other) for other in channels] for one in channels]
            total += float(np.linalg.eigvalsh(np.array(matrix))[0])
    proxy = PROXIES.build(name, **options)
    assert proxy.score(candidate, batch) == pytest.approx(total, rel=1e-9, abs=1e-12)


def test_meco_says_what_image_it_needs() -> None:
    candidate = Candidate(small("nasbench201"), (3,) * 6)
    batch = Batch(torch.randn(4, 3, 4, 4))
    with pytest.raises(UsageError, match=r"use proxy\.resolution=8 or more"):
        PROXIES.build("meco").score(candidate, batch)


def test_meco_takes_odd_outputs() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pair, self.one = Pair(), nn.Conv2d(3, 1, 1)

        def forward(self, x: Tensor) -> Tensor:
            mean: Tensor = self.one(self.pair(x)[0]).mean(dim=(1, 2, 3))
            return mean

    class Pair(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x, x

    values = smallest_eigenvalues(Odd(), torch.randn(1, 3, 4, 4))
    assert values == pytest.approx([1.0])


@pytest.mark.parametrize("candidate", NETS)
def test_zen_against_its_definition(candidate: Candidate) -> None:
    """The head's ReLU is what the pooling is given; variances are those of the norms' inputs."""
    batch = inputs_for(candidate)
    draws = candidate.generator("inputs")
    x, e = (torch.randn(batch.inputs.shape, generator=draws, dtype=torch.float64) for _ in "xe")
    model = candidate.model("normal")
    kept = norm_inputs(model)
    first, second = (relu_outputs(model, given)[-1] for given in (x, x + 0.01 * e))
    expected = log(np.mean([np.abs(a - b).sum() for a, b in zip(first, second, strict=True)]))
    norms = len(kept) // 2
    if not isinstance(model, Residual):  # its hooks were set twice, for they saw two passes
        assert norms == sum(isinstance(part, nn.BatchNorm2d) for part in model.modules())
    for one, other in zip(kept[:norms], kept[norms:], strict=True):
        running = np.ones(one.shape[1])
        for given in (one, other):
            channels = given.transpose(0, 1).flatten(1).numpy()
            running = 0.9 * running + 0.1 * channels.var(axis=1, ddof=1)
        expected += log(np.sqrt(running.mean()))
    assert PROXIES.build("zen").score(candidate, batch) == pytest.approx(expected, rel=1e-9)


def test_zen_looks_at_what_the_pooling_is_given_even_if_one_pixel() -> None:
    space = type(small("nasbench201"))(channels=4, cells=1, resolution=4)  # type: ignore[call-arg]
    deep, shallow = (3, 0, 0, 3, 0, 3), (0, 0, 0, 1, 0, 0)
    batch = space.batch(8, generator(0))
    scores = [
        PROXIES.build("zen").score(Candidate(space, arch), batch) for arch in (deep, shallow)
    ]
    assert scores[0] > scores[1]
    model = Candidate(space, shallow).model()
    features = []
    assert isinstance(model, NetworkModule)
    model.in_order[-3].register_forward_hook(lambda _, __, output: features.append(output))
    model(batch.inputs)
    assert features[0].shape[2:] == (1, 1)


class Makes(nn.Module):
    """A net whose only activation is a given one."""

    def __init__(self, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 2)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.activation(self.conv(x)).mean(dim=(2, 3)))
        return logits


def made(activation: Callable[[Tensor], Tensor]) -> Candidate:
    return Candidate(OneModule(lambda: Makes(activation)), (0,))


@pytest.mark.parametrize(
    "activation",
    [
        nn.ReLU(),
        nn.ReLU(inplace=True),
        F.relu,
        lambda x: F.relu(x, inplace=True),
        torch.relu,
        torch.relu_,
        lambda x: x.relu(),
        lambda x: x.relu_(),
    ],
)
def test_every_way_to_write_a_relu_is_seen_once(activation: Callable[[Tensor], Tensor]) -> None:
    inputs = torch.randn(6, 3, 8, 8, generator=generator(1))
    seen: list[tuple[int, ...]] = []
    model = made(activation).model()
    each_relu(model, inputs, lambda output: seen.append(tuple(output.shape)), "this")
    assert seen == [(6, 8, 6, 6)]
    scores = [
        PROXIES.build("naswot").score(candidate, Batch(inputs))
        for candidate in (made(activation), made(nn.ReLU()))
    ]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("proxy", ["naswot", "linear_regions", "swap"])
@pytest.mark.parametrize("activation", [nn.ReLU6(), nn.GELU(), F.silu, nn.Identity()])
def test_a_model_without_relu_is_refused(
    proxy: str, activation: Callable[[Tensor], Tensor]
) -> None:
    batch = Batch(torch.randn(6, 3, 8, 8))
    with pytest.raises(NotApplicableError, match=f"{proxy} looks at ReLUs, and this model has no"):
        PROXIES.build(proxy).score(made(activation), batch)


@pytest.mark.parametrize("proxy", ["jacob_cov", "linear_regions", "meco", "zen"])
def test_inputs_that_are_no_real_numbers_are_refused(proxy: str) -> None:
    batch = Batch(torch.zeros(4, 7, dtype=torch.long))
    with pytest.raises(NotApplicableError, match=f"{proxy} .*int64"):
        PROXIES.build(proxy).score(made(nn.ReLU()), batch)


def test_zen_refuses_a_model_without_feature_maps() -> None:
    candidate = Candidate(OneModule(lambda: nn.Linear(5, 2)), (0,))
    with pytest.raises(NotApplicableError, match="zen looks at feature maps"):
        PROXIES.build("zen").score(candidate, Batch(torch.randn(4, 5)))


def test_relu_outputs_are_let_go() -> None:
    alive: list[int] = []
    seen: list[ReferenceType[Tensor]] = []

    def visit(output: Tensor) -> None:
        alive.append(sum(other() is not None for other in seen))
        seen.append(ref(output))

    model = Candidate(small("nasbench201"), (3,) * 6).model()
    with torch.no_grad():
        each_relu(model, torch.randn(2, 3, 8, 8), visit, "this")
    assert len(seen) == 23
    assert max(alive) <= 1


def test_the_empty_cell() -> None:
    space = small("nasbench201")
    batch = space.batch(8, generator(0))
    candidate = Candidate(space, (0,) * 6, live=False)
    reasons = {
        "naswot": "singular kernel: the samples' codes do not differ enough",
        "jacob_cov": "a sample's input gradient is constant or not finite",
        "zen": "the features do not move, or overflow",
    }
    for proxy, reason in reasons.items():
        score = PROXIES.build(proxy).score(candidate, batch)
        assert isnan(score)
        assert getattr(score, "reason", "") == reason
    for proxy in ("linear_regions", "swap"):
        assert PROXIES.build(proxy).score(candidate, batch) == 1  # nothing is ever positive

    assert PROXIES.build("meco").score(candidate, batch) > 0  # of the stem and the residual blocks


def test_the_empty_cell_has_nothing_live() -> None:
    """Proxies that look at ReLUs or blocks have no score then, and say why."""
    space = small("nasbench201")
    batch = space.batch(8, generator(0))
    for name in ("naswot", "linear_regions", "swap", "trainability", "nasgraph"):
        score = scored(PROXIES.build(name), Candidate(space, (0,) * 6), batch, strict=True)
        assert isnan(score)
        assert getattr(score, "reason", "") == "the input does not reach the output", name


@pytest.mark.parametrize("proxy", FAMILY)
def test_a_score_depends_on_the_seed_alone(proxy: str) -> None:
    space = small("nasbench201")
    batch = space.batch(16, generator(0))
    scores = [
        PROXIES.build(proxy).score(Candidate(space, CELLS[0], seed), batch) for seed in (0, 0, 1)
    ]
    assert scores[0] == scores[1] != scores[2]
    inits = {PROXIES.build(proxy, init=i).score(Candidate(space, CELLS[0]), batch) for i in INITS}
    assert len(inits) > 1


INITS = ("default", "kaiming", "xavier", "normal")


@pytest.mark.parametrize(
    ("proxy", "options", "message"),
    [
        ("linear_regions", {"samples": 0}, "samples=0"),
        ("linear_regions", {"resolution": 0}, "resolution=0"),
        ("swap", {"samples": 0}, "samples=0 must be at least 1"),
        ("swap", {"regularise": True}, "regularise=true needs mu=None"),
        ("swap", {"regularise": True, "mu": 1.0, "sigma": 0.0}, "sigma over 0"),
        ("meco", {"resolution": 0}, "resolution=0 must be at least 1"),
        ("zen", {"repeats": 0}, "repeats=0 must be at least 1"),
        ("naswot", {"init": "zero"}, "proxy.init=zero must be one of"),
    ],
)
def test_wrong_options(proxy: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PROXIES.build(proxy, **options)


@pytest.mark.parametrize("units", [1, 2, 3, 5, 16, 37, 38])
@pytest.mark.parametrize("size", [1, 2, 3, 8, 16, 64])
def test_the_counts_of_naswot_are_right_for_few_units(
    units: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a single unit, such as a bottleneck of one channel, or what a slice leaves."""
    monkeypatch.setattr(naswot, "EXACT", 37)
    output = torch.randn(size, units, generator=generator(units)).relu()
    torch.full((size, size), 123456789, dtype=torch.int32)  # memory that is not zeros
    counts = naswot.Counts(output)
    counts.add(output)
    codes = (output > 0).int()
    expected = (codes[:, None] == codes[None]).sum(dim=2)
    assert torch.equal(counts.agreeing(), expected.double())
