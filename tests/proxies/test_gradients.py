"""The proxies of gradients against the reference values and against slow computations."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from math import isnan, log
from pathlib import Path
from random import Random

import pytest
import torch
from torch import Tensor, nn

from nas import PROXIES, SPACES, Candidate, NoScore, NotApplicableError, UsageError
from nas.batch import Batch
from nas.seeding import generator
from proxies._batch_norm import Frozen
from tests.support.nets import OneModule, Residual, Tiny, formula_batch
from tests.support.slow_proxies import PLAIN, grasp_by_differences

ORACLE = ["fisher", "grad_norm", "grasp", "l2_norm", "ntk", "plain", "snip", "synflow", "zico"]
EVERY = [*ORACLE, "gradsign"]
SPACE = SPACES.build("nasbench201", channels=4, cells=1, resolution=16)


def score(
    name: str, make: Callable[[], nn.Module], batch: Batch | None = None, **options: object
) -> float:
    """A proxy's score of a module on the first 16 images of the formula, or on a batch."""
    batch = formula_batch() if batch is None else batch
    return PROXIES.build(name, **options).score(Candidate(OneModule(make), (0,)), batch)


def tiny() -> nn.Module:
    return Tiny(torch.float64)


class Ten(Residual):
    """The net «res» with ten outputs in place of one, whose loss would be constant."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 10)
        self.double()


def cell(seed: int) -> Callable[[], nn.Module]:
    """Makes the small network of a random NAS-Bench-201 cell, in float64."""
    arch = SPACE.sample(Random(seed))
    return lambda: SPACE.build(arch).double()


def images(size: int = 8) -> Batch:
    """Images and labels for those cells."""
    inputs = SPACE.batch(size, generator("images")).inputs.double()
    return Batch(inputs, torch.arange(size) % 10)


# The reference's own values


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ORACLE)
def test_equals_the_reference(data: Path, name: str, dtype: torch.dtype) -> None:
    values = json.loads((data / "oracles" / "proxies_tiny_net.json").read_text())["values"]
    key = str(dtype).removeprefix("torch.")
    if name == "ntk":
        expected = -values["ntk_condition_number"][f"{key}_train_mode"]
    else:
        expected = values[name][key]
    if name == "synflow":
        expected = log(expected)
    batch = formula_batch(size=32 if name == "zico" else 16)
    result = score(name, lambda: Tiny(dtype), Batch(batch.inputs.to(dtype), batch.labels))
    tolerance = 1e-4 if dtype == torch.float32 else 1e-8
    if name == "fisher":  # the reference sums it in float32, whatever the net's
        tolerance = 1e-7
    assert result == pytest.approx(expected, rel=tolerance)


# Slow computations, plain as in a textbook

TOLERANCE = {"grasp": 1e-5}
SLOW = {name: PLAIN[name] for name in EVERY} | {"grasp": grasp_by_differences}


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("make", [tiny, Ten])
def test_equals_the_slow_computation(name: str, make: Callable[[], nn.Module]) -> None:
    expected = SLOW[name](Candidate(OneModule(make), (0,)), formula_batch())
    assert score(name, make) == pytest.approx(expected, rel=TOLERANCE.get(name, 1e-9))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("seed", range(5))
def test_equals_the_slow_computation_on_cells(name: str, seed: int) -> None:
    """Cells with skips, pools and layers that nothing leads to."""
    make = cell(seed)
    expected = SLOW[name](Candidate(OneModule(make), (0,)), images())
    assert score(name, make, images()) == pytest.approx(expected, rel=TOLERANCE.get(name, 1e-9))


# What has no score, and what cannot have one


@pytest.mark.parametrize("name", EVERY)
def test_the_cell_without_a_path(name: str) -> None:
    """No gradient reaches a weight: a sum of gradients is 0, a ratio or logarithm is missing.

    The classifier still has an output, its bias, and the loss a gradient with respect to that.
    """
    batch = SPACE.batch(8, generator(0))
    result = PROXIES.build(name).score(Candidate(SPACE, (0,) * 6), batch)
    missing = {"synflow": "no flow", "zico": "no gradient varies", "ntk": "singular kernel"}
    if name in missing:
        assert isinstance(result, NoScore)
        assert isnan(result)
        assert result.reason == missing[name]
    elif name in ("l2_norm", "fisher"):
        assert result > 0
    else:
        assert str(result) == "0.0"


@pytest.mark.parametrize("name", EVERY)
def test_the_same_score_twice_and_another_for_another_seed(name: str) -> None:
    arch, batch = (3, 1, 2, 1, 4, 3), SPACE.batch(8, generator(0))
    proxy = PROXIES.build(name)
    first, second, other = (proxy.score(Candidate(SPACE, arch, s), batch) for s in (1, 1, 2))
    assert first == second
    assert first != other


@pytest.mark.parametrize("name", EVERY)
def test_no_gradient_mode_does_not_matter(name: str) -> None:
    expected = score(name, tiny)
    with torch.no_grad():
        assert score(name, tiny) == expected


@pytest.mark.parametrize("name", EVERY)
def test_weights_that_are_not_finite(name: str) -> None:
    class Broken(Tiny):
        def __init__(self) -> None:
            super().__init__()
            self.conv2.weight.data[0] = torch.inf

    batch = formula_batch()
    result = score(name, Broken, Batch(batch.inputs.float(), batch.labels))
    assert isinstance(result, NoScore)
    assert result.reason == "not finite"


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"ntk"}))
def test_a_model_without_convolutions_and_linear_layers(name: str) -> None:
    with pytest.raises(NotApplicableError, match="convolutions and linear layers"):
        score(name, lambda: nn.Sequential(nn.BatchNorm2d(3), nn.Flatten()).double())


def test_a_model_without_parameters() -> None:
    with pytest.raises(NotApplicableError, match="ntk needs parameters named weight"):
        score("ntk", nn.Flatten)


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"l2_norm", "synflow", "ntk"}))
def test_one_output_has_a_constant_loss(name: str) -> None:
    with pytest.raises(NotApplicableError, match="two outputs or more"):
        score(name, lambda: Residual().double())


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"l2_norm", "synflow"}))
def test_a_model_whose_output_depends_on_nothing(name: str) -> None:
    class Constant(Tiny):
        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros(len(x), 10)

    result = score(name, Constant)
    assert isnan(result) if name in ("zico", "ntk") else str(result) == "0.0"


def test_labels_are_drawn_where_there_are_none_and_noted() -> None:
    batch = Batch(formula_batch().inputs, seed=3)
    drawn = Batch(batch.inputs, Batch(batch.inputs, seed=3).labels_for(10))
    for name in ("grad_norm", "zico"):
        assert score(name, tiny, batch) == score(name, tiny, drawn)
    assert batch.notes
    assert not drawn.notes


# One proxy at a time


def test_zico_needs_two_examples_a_part() -> None:
    with pytest.raises(UsageError, match="zico with parts=3 needs a batch of 6 or more, this one"):
        score("zico", tiny, formula_batch(size=5), parts=3)
    assert not isnan(score("zico", tiny, formula_batch(size=6), parts=3))


def test_zico_of_equal_parts_is_missing() -> None:
    half = formula_batch(size=4)
    batch = Batch(torch.cat([half.inputs] * 2), torch.cat([half.labels_for(10)] * 2))
    assert isnan(score("zico", tiny, batch))


@pytest.mark.parametrize("name", ["gradsign", "ntk"])
def test_only_the_first_samples_count(name: str) -> None:
    assert score(name, tiny, samples=5) == score(name, tiny, formula_batch(size=5))
    assert score(name, tiny, samples=5) != score(name, tiny)
    with pytest.raises(UsageError, match="a batch of 2 or more"):
        score(name, tiny, formula_batch(size=1))


@pytest.mark.parametrize("name", ["gradsign", "ntk", "zico"])
def test_options_that_make_no_sense(name: str) -> None:
    option = "parts" if name == "zico" else "samples"
    with pytest.raises(UsageError, match=f"{option}=1 must be at least 2"):
        PROXIES.build(name, **{option: 1})


def test_gradsign_where_an_example_alone_has_one_value_per_channel() -> None:
    """A norm of PyTorch refuses it, in our words."""
    make = cell(4)
    batch = Batch(images().inputs[:, :, :4, :4].contiguous(), images().labels)
    with pytest.raises(ValueError, match="has one per channel"):
        SLOW["gradsign"](Candidate(OneModule(make), (0,)), batch)
    assert score("gradsign", make, batch) > 0


@pytest.mark.parametrize("inplace", ["module", "function"])
def test_fisher_of_layers_whose_output_is_overwritten(inplace: str) -> None:
    class Net(nn.Module):
        def __init__(self, rectify: Callable[[Tensor], Tensor]) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 4, 3, bias=True), nn.Linear(4, 10)
            self.rectify = rectify

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.fc(self.rectify(self.conv(x)).mean((2, 3)))
            return logits

    over = nn.ReLU(inplace=True) if inplace == "module" else torch.relu_
    expected = score("fisher", lambda: Net(torch.relu).double())
    assert score("fisher", lambda: Net(over).double()) == expected


def test_fisher_counts_the_channels_of_a_linear_layer_over_places() -> None:
    """A linear layer over (batch, places, features) is a 1x1 convolution."""

    class Places(nn.Module):
        def __init__(self, linear: bool) -> None:
            super().__init__()
            self.linear = linear
            self.mix = nn.Linear(3, 4) if linear else nn.Conv2d(3, 4, 1)
            self.fc = nn.Linear(4, 10)
            self.mix.weight.data = torch.linspace(-1, 1, 12).view(self.mix.weight.shape)
            self.mix.bias.data = torch.linspace(0, 1, 4)  # type: ignore[union-attr]
            self.fc.weight.data = torch.linspace(-1, 1, 40).view(10, 4)
            self.double()

        def forward(self, x: Tensor) -> Tensor:
            if self.linear:
                places = self.mix(x.flatten(2).transpose(1, 2)).transpose(1, 2)
            else:
                places = self.mix(x).flatten(2)
            logits: Tensor = self.fc(torch.relu(places).mean(2))
            return logits

    conv, linear = (score("fisher", partial(Places, kind)) for kind in (False, True))
    assert linear == pytest.approx(conv, rel=1e-12)


@pytest.mark.parametrize("init", ["kaiming", "xavier", "normal"])
@pytest.mark.parametrize("name", EVERY)
def test_weights_are_drawn_as_asked(name: str, init: str) -> None:
    assert score(name, cell(4), images(), init=init) != score(name, cell(4), images())


# The batch norm of grasp and gradsign


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", [(4, 3, 2, 5), (6, 3)])
def test_the_frozen_norm_is_a_batch_norm(shape: tuple[int, ...], affine: bool) -> None:
    make = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d
    norm = make(3, eps=0.1, affine=affine).double()
    if affine:
        norm.weight.data = torch.tensor([2.0, -1.0, 0.0], dtype=torch.float64)
        norm.bias.data = torch.tensor([1.0, 0.0, 3.0], dtype=torch.float64)
    x = torch.randn(shape, dtype=torch.float64, generator=generator(0)).requires_grad_()
    frozen = Frozen(norm)
    torch.testing.assert_close(frozen(x), norm(x))
    weights = torch.randn(shape, dtype=torch.float64, generator=generator(1)).requires_grad_()
    for order in ([x], [x, weights]):
        first = twice(frozen, x, weights, order)
        torch.testing.assert_close(first, twice(norm, x, weights, order))
    assert torch.autograd.gradgradcheck(frozen, x)


def twice(norm: nn.Module, x: Tensor, weights: Tensor, wanted: list[Tensor]) -> list[Tensor]:
    """The gradient's own gradients."""
    (slope,) = torch.autograd.grad((norm(x) * weights).sum(), x, create_graph=True)
    return list(torch.autograd.grad(slope.square().sum(), wanted))


@pytest.mark.parametrize("name", ["plain", "grasp"])
def test_float64_is_that_of_a_model_in_float64(name: str) -> None:
    def single() -> nn.Module:
        return cell(3)().float()

    batch = images()
    single_batch = Batch(batch.inputs.float(), batch.labels)
    double_batch = Batch(single_batch.inputs.double(), batch.labels)
    expected = score(name, lambda: single().double(), double_batch)
    assert score(name, single, single_batch, dtype="float64") == expected
    assert score(name, single, single_batch) == pytest.approx(expected, rel=0.05)
    assert score(name, single, single_batch) == score(name, single, single_batch, dtype="float32")
