"""What zeros do to each operation: the live network has the same output, and no dead weights."""

from __future__ import annotations

import pytest
import torch

from nas.network import (
    Add,
    Attention,
    Builder,
    Concat,
    Conv,
    ConvTranspose,
    GlobalAvgPool,
    Linear,
    Multiply,
    Network,
    Op,
    Positions,
    Scale,
    Shape,
    Zero,
)
from nas.network.module import NetworkModule
from tests.support.operations import CASES, MAPS, TOKENS

NUMBERS = [(shape, op, number) for shape, op, number in CASES if shape != TOKENS]
OF_ZEROS = {"Hardsigmoid", "Sigmoid", "Softplus", "Softmax"}
"""Activations that make other numbers of zeros."""


def with_biases(network: Network) -> NetworkModule:
    """A module in which every weight is 0.3, and every shift of a norm 0, as when it is new."""
    model = NetworkModule(network).double().eval()
    for part in model.modules():
        for name, parameter in part.named_parameters(recurse=False):
            norm = name == "bias" and "Norm" in type(part).__name__
            parameter.detach().fill_(0.0 if norm else 0.3)
    return model


def same(network: Network) -> None:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn((3, *network.shapes[0]), generator=generator, dtype=torch.float64)
    live = network.live
    assert live.shapes[-1] == network.shapes[-1]
    assert live.params <= network.params
    assert torch.allclose(
        with_biases(live)(inputs), with_biases(network)(inputs), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize(("shape", "op", "number"), NUMBERS)
def test_of_zeros_alone(shape: Shape, op: Op, number: int) -> None:
    net = Builder(shape)
    zeros = net.add(Zero(), net.input)
    net.add(op, *[zeros] * number)
    network = net.build()
    same(network)
    makes_numbers = type(op).__name__ in OF_ZEROS or isinstance(op, Positions)
    if isinstance(op, Attention | Conv | ConvTranspose | Linear) and op.bias:
        makes_numbers = True
    assert any(isinstance(layer.op, type(op)) for layer in network.live.layers) == (
        makes_numbers or isinstance(op, Zero)
    )


@pytest.mark.parametrize(("shape", "op", "number"), NUMBERS)
def test_of_channels_that_are_partly_zeros(shape: Shape, op: Op, number: int) -> None:
    dead = shape[0] // 2
    net = Builder((shape[0] - dead, *shape[1:]))
    joined = net.add(Concat(), net.input, net.add(Zero(dead), net.input))
    net.add(op, *[joined] * number)
    same(net.build())


def test_dead_channels_of_a_transposed_convolution_have_no_weights() -> None:
    net = Builder((2, 6))
    joined = net.add(Concat(), net.input, net.add(Zero(3), net.input))
    net.add(ConvTranspose(5, 4, 2, 2, dims=1), joined)
    assert net.build().live.params == 2 * 4 * 2


@pytest.mark.parametrize("dims", [1, 3])
def test_a_gate_that_is_zeros_ends_its_branch(dims: int) -> None:
    net = Builder(MAPS[dims])
    branch = net.add(Conv(4, 4, 1, dims=dims), net.input)
    gated = net.add(Multiply(), branch, net.add(Zero(), net.input))
    means = net.add(GlobalAvgPool(), net.input)
    net.add(Scale(), net.add(Add(), net.input, gated), means)
    network = net.build()
    same(network)
    assert network.live.params == 0
