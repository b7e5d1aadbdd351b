"""The collapsed evaluation, against dense float64 on random networks."""

from __future__ import annotations

from math import exp, log
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.collapse import collapsed, flat
from nas.module import NetworkModule
from nas.network import BatchNorm, Builder, Conv, GlobalAvgPool, Linear, Network, ReLU
from proxies.epsilon import dense
from tests.networks import random_network


def images(seed: int, size: int = 6, resolution: int = 9) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (size, 3, resolution, resolution)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), weight=st.sampled_from([1e-3, 0.3, 1.0, 7.0]))
def test_equals_the_dense_evaluation(seed: int, weight: float) -> None:
    network = random_network(Random(seed))
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


def chain(depth: int, norm: bool) -> Network:
    net = Builder((3, 9, 9))
    node, channels = net.input, 3
    for _ in range(depth):
        node = net.add(Conv(channels, 8, 3, padding=1), node)
        channels = 8
        if norm:
            node = net.add(BatchNorm(8), node)
        node = net.add(ReLU(), node)
    net.chain(node, GlobalAvgPool(), Linear(8, 1))
    return net.build()


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
