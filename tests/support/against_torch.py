"""Compares a space's layers with PyTorch's own modules and dense evaluation."""

from __future__ import annotations

from math import exp, inf
from random import Random

import torch
from torch import nn

from nas import Arch, Space
from nas.collapse.outputs import Inputs, outputs
from nas.collapse.tensors import collapsed, flat
from nas.network.module import NetworkModule
from nas.seeding import generator
from nas.testing import output_under


def assert_is(space: Space, arch: Arch, own: nn.Module, seed: int, size: int) -> None:
    """The same weights in the same order: the same logits in training and the same count."""
    network = space.network(arch)
    assert network is not None
    mine, own = NetworkModule(network).double(), own.double()
    ours, theirs = list(mine.parameters()), list(own.parameters())
    assert [p.shape for p in ours] == [p.shape for p in theirs]
    for to, source in zip(ours, theirs, strict=True):
        noise = torch.randn(source.shape, generator=generator(seed), dtype=torch.float64)
        source.detach().copy_(noise)
        to.detach().copy_(noise)
    inputs = space.batch(size, generator(seed)).inputs.double()
    assert torch.allclose(mine(inputs), own(inputs), rtol=1e-9, atol=1e-9)


def assert_collapsed_is_dense(space: Space, weight: float) -> None:
    """Tensors and kernels against the module, to 1e-8 of the largest entry."""
    for seed in range(8):
        arch = space.sample(Random(seed))
        network = space.network(arch)
        assert network is not None
        inputs = space.batch(6, generator(seed)).inputs.double()
        expected = output_under(space, arch, inputs, weight)
        (kernels,) = outputs(network, Inputs(inputs), (weight,))
        for values, scale in (flat(collapsed(network, inputs, weight)), kernels):
            if scale == -inf:
                assert not expected.any()
                continue
            found = values.view(expected.shape[1], -1).T * exp(scale)
            assert (found - expected).abs().max() <= 1e-8 * expected.abs().max()
