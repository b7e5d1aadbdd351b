"""Every operation under one shared weight, collapsed by layers and as a module, against dense."""

from __future__ import annotations

from collections.abc import Callable
from math import exp

import pytest
import torch
from torch import Tensor, nn

from nas.collapse.modules import collapsed_module
from nas.collapse.outputs import Inputs, outputs
from nas.collapse.tensors import collapsed, flat, known
from nas.network import (
    Add,
    Attention,
    BatchNorm,
    Builder,
    Concat,
    Conv,
    ConvTranspose,
    Embedding,
    GlobalAvgPool,
    LayerNorm,
    Linear,
    Multiply,
    Network,
    Op,
    Positions,
    Scale,
    Shape,
    Upsample,
)
from nas.network.module import NetworkModule
from proxies.epsilon import dense
from tests.support.operations import ACTIVATIONS, CASES, MAPS, TOKENS, VOCABULARY, one

CONSTANT = 0.3
NO_RULE = {
    *("Attention", "Embedding", "Flatten", "GroupNorm", "InstanceNorm", "LayerNorm", "Permute"),
    *("Positions", "RMSNorm", "SequenceMean", "Softmax"),
}


def given(shape: Shape, size: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(len(shape))
    if shape == TOKENS:
        return torch.randint(VOCABULARY, (size, *shape), generator=generator)
    return 2 * torch.randn((size, *shape), generator=generator, dtype=torch.float64)


def entries(name: str, shape: torch.Size) -> Tensor:
    generator = torch.Generator().manual_seed(len(name))
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def by_module(network: Network, inputs: Tensor) -> Tensor:
    def skeleton() -> nn.Module:
        with torch.device("meta"):
            return NetworkModule(network)

    notes: set[str] = set()
    [output] = collapsed_module(
        skeleton, lambda: NetworkModule(network), inputs, [CONSTANT], notes, entries=entries
    )
    attends = any(isinstance(layer.op, Attention) for layer in network.layers)
    assert attends or not notes  # of attention some steps may need all channels
    return output


def by_layers(network: Network, inputs: Tensor) -> Tensor:
    """The collapsed output in the order of the dense one."""
    values, scale = flat(collapsed(network, inputs, CONSTANT))
    if scale == -torch.inf:
        return values
    channels = values.view(network.shapes[-1][0], len(inputs), -1)
    return channels.transpose(0, 1).flatten() * exp(scale)


def agree(network: Network, inputs: Tensor, evaluate: Callable[[Network, Tensor], Tensor]) -> None:
    expected = dense(NetworkModule(network).double(), inputs, CONSTANT, entries)
    found = evaluate(network, inputs)
    if not expected.any():
        assert not found.any()
    else:
        least = 1e-12 * float(expected.abs().max())
        assert torch.allclose(found, expected, rtol=1e-9, atol=least)


@pytest.mark.parametrize(("shape", "op", "number"), CASES)
def test_an_operation_alone(shape: Shape, op: Op, number: int) -> None:
    network = one(shape, op, number)
    agree(network, given(shape), by_module)
    on_places = isinstance(op, Linear) and len(shape) > 1
    assert known(network) == (type(op).__name__ not in NO_RULE and not on_places)
    if known(network):
        agree(network, given(shape), by_layers)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_net_of_maps(activation: Op, dims: int) -> None:
    """An encoder and a decoder, joined by a skip; a gate; factors of channels; vectors."""
    net = Builder(MAPS[dims])
    stem = net.chain(
        net.input,
        Conv(4, 6, 3, padding=1, dims=dims),
        BatchNorm(6, dims=dims),
        activation,
        Upsample(2),
    )
    small = net.chain(stem, Conv(6, 5, 2, 2, bias=True, dims=dims), activation)
    large = net.add(ConvTranspose(5, 6, 2, 2, dims=dims), small)
    gated = net.add(Multiply(), stem, large)
    joined = net.add(Concat(), gated, net.add(Add(), stem, large))
    means = net.chain(joined, GlobalAvgPool(), Linear(12, 12), BatchNorm(12, dims=1), activation)
    net.chain(net.add(Scale(), joined, means), GlobalAvgPool(), Linear(12, 3))
    network = net.build()
    assert known(network)
    agree(network, given(MAPS[dims]), by_layers)
    agree(network, given(MAPS[dims]), by_module)
    [(values, scale)] = outputs(network, Inputs(given(MAPS[dims])), [CONSTANT])
    expected, there = flat(collapsed(network, given(MAPS[dims]), CONSTANT))
    assert torch.allclose(values * exp(scale), expected * exp(there), rtol=1e-9)


def test_a_net_of_vectors() -> None:
    net = Builder((6,))
    net.chain(net.input, Linear(6, 8), BatchNorm(8, dims=1), ACTIVATIONS[1], Linear(8, 2))
    agree(net.build(), given((6,)), by_layers)
    agree(net.build(), given((6,)), by_module)


def test_a_net_of_tokens() -> None:
    """The layers that hold tokens, places and features are computed as a module."""
    net = Builder(TOKENS)
    node = net.chain(net.input, Embedding(VOCABULARY, 8), Positions(5, 8))
    node = net.add(Add(), node, net.chain(node, LayerNorm(8), Linear(8, 8)))
    net.chain(node, Linear(8, 2))
    agree(net.build(), given(TOKENS), by_module)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("weight", [1e-200, 1e-4, 1e4, 1e200])
def test_activations_at_any_scale(activation: Op, weight: float) -> None:
    """Where float64 holds the numbers they are right; where not, they still are finite."""
    net = Builder((6,))
    net.chain(net.input, Linear(6, 4), activation)
    expected = dense(NetworkModule(net.build()).double(), given((6,)), weight)
    values, scale = flat(collapsed(net.build(), given((6,)), weight))
    channels = values.view(4, -1).T.flatten() if scale > -torch.inf else torch.zeros(24)
    assert torch.allclose(channels.double() * exp(scale), expected, rtol=1e-9)
    net.chain(2, Linear(4, 4), Linear(4, 4), activation)
    for far in (weight, weight**1.4):
        values, _ = flat(collapsed(net.build(), given((6,)), far))
        assert values.isfinite().all()
