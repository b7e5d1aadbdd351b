"""The collapsed evaluation, against dense float64 on random networks."""

from __future__ import annotations

from math import exp, log
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.collapse.tensors import collapsed, flat
from nas.network import (
    Builder,
    Conv,
    GlobalAvgPool,
    Linear,
    Scale,
    Sigmoid,
    SiLU,
)
from nas.network.module import NetworkModule
from proxies.epsilon import dense
from tests.support.networks import chain, images, random_network


@pytest.mark.parametrize("gated", [False, True])
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), weight=st.sampled_from([1e-3, 0.3, 1.0, 7.0]))
def test_equals_the_dense_evaluation(gated: bool, seed: int, weight: float) -> None:
    network = random_network(Random(seed), gated=gated)
    inputs = images(seed)
    expected = dense(NetworkModule(network).double(), inputs, weight)
    values, scale = flat(collapsed(network, inputs, weight))
    if scale == -torch.inf:
        assert not expected.any()
    else:  # the collapsed output lists class after class, the dense one image after image
        output = values.view(2, -1).T.flatten() * exp(scale)
        assert torch.allclose(
            output, expected, rtol=1e-10, atol=1e-12 * float(expected.abs().max())
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("weight", [1e-30, 1e30])
def test_nothing_under_or_overflows(weight: float, norm: bool, dtype: torch.dtype) -> None:
    """200 layers of weight 1e-30 reach 1e-6000; scaling the weight changes the scale alone."""
    inputs = images(0).abs().to(dtype)
    values, scale = flat(collapsed(chain(200, norm), inputs, weight))
    assert values.isfinite().all()
    assert values.max() > values.min() >= 0
    assert abs(scale) > 100
    if not norm:  # the output is homogeneous of degree 201 in the weight
        other, there = flat(collapsed(chain(200, norm), inputs, 1.0))
        assert torch.allclose(values / values.max(), other / other.max(), rtol=1e-4)
        degree = (scale + log(values.max()) - there - log(other.max())) / log(weight)
        assert degree == pytest.approx(201, rel=1e-6)


def test_a_weight_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match=r"positive, not 0"):
        collapsed(chain(1, True), images(0), 0.0)


def gated(depth: int, weight: float) -> tuple[torch.Tensor, float]:
    """Layers of SiLU and squeeze-and-excitation without norms, evaluated."""
    net = Builder((3, 9, 9))
    node, channels = net.input, 3
    for _ in range(depth):
        node = net.chain(node, Conv(channels, 8, 3, padding=1), SiLU())
        factors = net.chain(node, GlobalAvgPool(), Linear(8, 2), SiLU(), Linear(2, 8), Sigmoid())
        node, channels = net.add(Scale(), node, factors), 8
    net.chain(node, GlobalAvgPool(), Linear(8, 1))
    return flat(collapsed(net.build(), images(0).abs(), weight))


def test_small_numbers_pass_activations_that_are_no_powers() -> None:
    """Near 0 SiLU halves and the sigmoid is a half, however small the number is."""
    values, scale = gated(50, 1e-30)
    assert scale < -3000
    one, there = flat(collapsed(chain(50, norm=False), images(0).abs(), 1.0))  # ReLUs of positives
    assert torch.allclose(values / values.max(), one / one.max(), rtol=1e-10)
    whole = scale + log(values.max()) - there - log(one.max())
    assert whole == pytest.approx(51 * log(1e-30) - 100 * log(2), rel=1e-12)


def test_large_numbers_pass_activations_that_are_no_powers() -> None:
    """Far from 0 both are the identity and 1, or nothing."""
    values, scale = gated(50, 1e30)
    assert scale > 3000
    one, there = flat(collapsed(chain(50, norm=False), images(0).abs(), 1.0))
    assert torch.allclose(values / values.max(), one / one.max(), rtol=1e-10)
    whole = scale + log(values.max()) - there - log(one.max())
    assert whole == pytest.approx(51 * log(1e30), rel=1e-12)


@pytest.mark.parametrize("weight", [1.0, 1e3])
def test_factors_of_negative_sums_do_not_vanish(weight: float) -> None:
    """sigmoid(x) is exp(x) for x far under 0, and no number for x under -745."""
    net = Builder((3, 9, 9))
    factors = net.chain(net.input, GlobalAvgPool(), Linear(3, 3), Sigmoid())
    net.chain(net.add(Scale(), net.input, factors), GlobalAvgPool(), Linear(3, 1))
    inputs = -images(0).abs() - 800
    values, scale = flat(collapsed(net.build(), inputs, weight))
    means = inputs.mean(dim=(2, 3)).sum(dim=1)
    logs = (values.abs()).log() + scale
    assert torch.allclose(logs, weight * means + (-means * weight).log(), rtol=1e-12)
