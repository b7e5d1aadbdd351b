"""Weights that are computed from others count as the layer's weights, with their gradients."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from math import isnan

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

import nas
from nas import Candidate
from nas.network.folding import fold
from nas.seeding import generator

Wrap = Callable[[nn.Module], nn.Module]


def net(wrap: Wrap = lambda layer: layer) -> nn.Sequential:
    conv, middle, linear = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3), nn.Linear(6, 4)
    return nn.Sequential(
        wrap(conv),
        nn.ReLU(),
        wrap(middle),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        linear,
    )


def by_hooks(wrap: Wrap) -> Wrap:
    """The older forms warn that they are old."""

    def quietly(layer: nn.Module) -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return wrap(layer)

    return quietly


def pruned(layer: nn.Module) -> nn.Module:
    assert isinstance(layer.weight, torch.Tensor)
    mask = torch.ones_like(layer.weight)
    mask[::2] = 0
    make = prune.CustomFromMask.apply
    make(layer, "weight", mask)  # type: ignore[no-untyped-call]  # PyTorch's
    return layer


WAYS: dict[str, Wrap] = {
    "weight norm": parametrizations.weight_norm,
    "weight norm by hooks": by_hooks(weight_norm),
    "spectral norm": parametrizations.spectral_norm,
    "spectral norm by hooks": by_hooks(spectral_norm),
    "orthogonal": parametrizations.orthogonal,
    "pruned": pruned,
    "pruned twice": lambda layer: pruned(pruned(layer)),
}
PROXIES = ["grad_norm", "snip", "plain", "synflow", "zico", "l2_norm", "grasp", "gradsign", "ntk"]


INPUTS = torch.rand(6, 3, 9, 9, generator=generator(3))
LABELS = torch.arange(6) % 4


def scores(make: Callable[[], nn.Module], names: list[str]) -> dict[str, float]:
    found = nas.score(make, INPUTS, LABELS, names)
    return {name: found[name].value for name in names}


@pytest.mark.parametrize("way", WAYS)
def test_the_output_stays(way: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = net(WAYS[way]).eval()  # a spectral norm changes its state in training mode
    expected = model(INPUTS)
    fold(model)
    assert torch.allclose(model(INPUTS), expected, rtol=1e-6, atol=1e-7)
    assert all(isinstance(model[place].weight, nn.Parameter) for place in (0, 2, 6))
    assert len(list(model.parameters())) == 6


@pytest.mark.parametrize("way", ["weight norm", "weight norm by hooks"])
def test_a_weight_norm_changes_no_score(way: str) -> None:
    """At the start it computes the weights that the layer had."""
    found = scores(partial(net, WAYS[way]), PROXIES)
    assert found == pytest.approx(scores(net, PROXIES), rel=1e-4)
    assert not any(map(isnan, found.values()))


@pytest.mark.parametrize("way", WAYS)
def test_gradients_are_those_of_the_weights_in_use(way: str) -> None:
    """Of grad_norm and snip, by autograd on copies of the weights as leaves."""
    model = Candidate.of(partial(net, WAYS[way]), (3, 9, 9)).model(as_built=True)
    fold(model)
    state = {name: each.detach().clone() for name, each in model.named_parameters()}
    leaves = [state[f"{place}.weight"].requires_grad_() for place in (0, 2, 6)]
    biases = [state[f"{place}.bias"] for place in (0, 2, 6)]
    maps = F.relu(F.conv2d(INPUTS, leaves[0], biases[0]))
    maps = F.relu(F.conv2d(maps, leaves[1], biases[1])).mean(dim=(2, 3))
    loss = F.cross_entropy(F.linear(maps, leaves[2], biases[2]), LABELS)
    slopes = [*torch.autograd.grad(loss, leaves)]
    if way.startswith("pruned"):
        slopes[:2] = [
            slope * (leaf != 0) for slope, leaf in zip(slopes[:2], leaves[:2], strict=True)
        ]
    norm = sum(slope.norm().item() for slope in slopes)
    taken = sum((s * w).abs().sum().item() for s, w in zip(slopes, leaves, strict=True))
    found = scores(partial(net, WAYS[way]), ["grad_norm", "snip"])
    assert found == pytest.approx({"grad_norm": norm, "snip": taken}, rel=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_alone_and_in_company_a_score_is_the_same(way: str) -> None:
    module = partial(net, WAYS[way])
    names = ["naswot", "fisher", "jacob_cov", "grad_norm", "snip", "zico"]
    alone = {name: scores(module, [name])[name] for name in names}
    assert scores(module, names) == alone


def test_a_module_is_built_as_it_is_for_all_but_proxies() -> None:
    candidate = Candidate.of(partial(net, WAYS["weight norm"]), (3, 9, 9))
    built = sum(parameter.numel() for parameter in candidate.model(as_built=True).parameters())
    assert built == sum(p.numel() for p in candidate.skeleton().parameters())
    assert built == sum(p.numel() for p in candidate.model().parameters()) + 12


@pytest.mark.parametrize("way", WAYS)
def test_an_instance_draws_its_computed_weights_again(way: str) -> None:
    """Trained weights do not count; what the draw makes of the weights is what the way says."""

    def made(factor: float) -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(7)
            model = net(WAYS[way])
        for parameter in model.parameters():
            parameter.detach().mul_(factor)
        return model

    one, other = (
        Candidate.of(made(factor), (3, 9, 9)).model(as_built=True).eval() for factor in (1.0, 3.0)
    )
    assert torch.allclose(one(INPUTS), other(INPUTS), rtol=1e-4, atol=1e-6)
    assert not torch.allclose(one(INPUTS), made(1.0).eval()(INPUTS), rtol=1e-2)
    seeded = Candidate.of(made(1.0), (3, 9, 9), seed=1).model(as_built=True).eval()
    assert not torch.allclose(one(INPUTS), seeded(INPUTS), rtol=1e-2)
