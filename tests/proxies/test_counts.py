"""Parameters, multiply-adds and trainable layers, from layers and from modules."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
import torch
from torch import nn

from nas import PROXIES, SPACES, Candidate, Space
from nas.batch import Batch
from nas.seeding import generator
from tests.support.nets import OneModule, Residual, conv, formula_batch
from tests.support.slow_proxies import PLAIN
from tests.support.small import small


def tiny() -> nn.Module:
    """The oracles' net «tiny», without the formula's weights: those have values everywhere."""
    first = (conv(3, 8), nn.BatchNorm2d(8), nn.ReLU(), conv(8, 8), nn.BatchNorm2d(8), nn.ReLU())
    second = (nn.MaxPool2d(2), conv(8, 16), nn.BatchNorm2d(16), nn.ReLU())
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
    return nn.Sequential(*first, *second, *head)


def score(proxy: str, space: Space, arch: tuple[int, ...], batch: Batch) -> float:
    return PROXIES.build(proxy).score(Candidate(space, arch), batch)


@pytest.mark.parametrize("size", [1, 16])
def test_a_module_has_the_published_counts(size: int) -> None:
    """Those of the oracles' net, which its README counts by hand."""
    space = OneModule(tiny)
    assert score("params", space, (0,), formula_batch(size=size)) == 2178
    assert score("flops", space, (0,), formula_batch(size=size)) == 276_640


@pytest.mark.parametrize("net", [tiny, Residual])
def test_a_module_has_the_counts_of_a_pass(net: Callable[[], nn.Module]) -> None:
    batch = Batch(formula_batch(size=2).inputs.float())
    for proxy in ("params", "flops"):
        expected = PLAIN[proxy](Candidate(OneModule(net), (0,)), batch)
        assert score(proxy, OneModule(net), (0,), batch) == expected


@pytest.mark.parametrize("seed", range(6))
def test_layers_have_the_counts_of_a_pass(seed: int) -> None:
    space = small("nasbench201")
    arch = space.sample(Random(seed)) if seed else (0,) * 6
    batch = space.batch(2, generator(seed))
    for proxy in ("params", "flops"):
        assert score(proxy, space, arch, batch) == PLAIN[proxy](Candidate(space, arch), batch)


@pytest.mark.parametrize("seed", range(6))
def test_depth_is_that_of_the_modules(seed: int) -> None:
    """Of layers it is the number of their modules with weights; the same as modules alone."""
    space = small("nasbench201")
    arch = space.sample(Random(seed)) if seed else (0,) * 6
    batch = space.batch(2, generator(seed))
    for live in (True, False):
        candidate = Candidate(space, arch, live=live)
        named = candidate.model().named_parameters()
        layers = {name.rpartition(".")[0] for name, _ in named}
        assert PROXIES.build("depth").score(candidate, batch) == len(layers)
    assert score("depth", OneModule(lambda: space.build(arch)), (0,), batch) == len(layers)


def test_depth_in_the_published_macro() -> None:
    """Stem 2, residual blocks 5 each, last norm and classifier 1 each; 15 cells of n edges."""
    space = SPACES.build("nasbench201")
    batch = Batch(torch.zeros(2, 3, 32, 32))
    fixed = score("depth", space, (0, 0, 0, 1, 0, 0), batch)
    assert fixed == 14
    cells = {
        convolutions: (3,) * convolutions + (1,) * (6 - convolutions) for convolutions in (1, 4)
    }
    for convolutions, cell in cells.items():
        assert score("depth", space, cell, batch) == fixed + 15 * 2 * convolutions


def test_only_layers_with_trainable_parameters_of_their_own_count() -> None:
    def net() -> nn.Module:
        shared = nn.Linear(4, 4)
        frozen = nn.Linear(4, 4).requires_grad_(False)
        norms = nn.BatchNorm1d(4, affine=False), nn.LayerNorm(4)
        return nn.Sequential(nn.Sequential(shared, nn.ReLU(), shared), frozen, *norms)

    assert score("depth", OneModule(net), (0,), Batch(torch.zeros(2, 4))) == 2
    assert score("depth", OneModule(tiny), (0,), formula_batch(size=1)) == 7
    assert score("depth", OneModule(nn.Flatten), (0,), formula_batch(size=1)) == 0
