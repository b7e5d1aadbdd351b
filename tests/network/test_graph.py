"""Networks as data: shapes, counts and sharing, against PyTorch."""

from __future__ import annotations

from random import Random

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from nas import SPACES
from nas.network import (
    Add,
    BatchNorm,
    Builder,
    Concat,
    Conv,
    GlobalAvgPool,
    Linear,
    Network,
    Scale,
)
from nas.network.module import NetworkModule
from nas.seeding import generator
from tests.support.networks import random_network
from tests.support.small import small


@pytest.mark.parametrize("seed", range(30))
def test_shapes_and_counts_are_those_of_pytorch(seed: int) -> None:
    network = random_network(Random(seed), gated=seed % 2 == 1)
    model = NetworkModule(network).double()  # float32 pools are sums that the counter would count
    inputs = torch.rand(2, *network.shapes[0], dtype=torch.float64)
    with FlopCounterMode(display=False) as counter:
        output = model(inputs)
    assert output.shape[1:] == network.shapes[-1]
    assert network.params == sum(parameter.numel() for parameter in model.parameters())
    assert network.flops * 2 * len(inputs) == counter.get_total_flops()


@pytest.mark.parametrize("name", SPACES)
def test_sharing_drops_layers_and_keeps_the_output_under_equal_weights(name: str) -> None:
    space = small(name)
    dropped = 0
    for seed in range(10):
        network = space.network(space.sample(Random(seed)))
        if network is None:
            pytest.skip("no layers")
        outputs = []
        for version in (network, network.shared):
            model = NetworkModule(version).double()
            for parameter in model.parameters():
                parameter.detach().fill_(0.1)
            outputs.append(model(space.batch(2, generator(seed)).inputs.double()))
        assert torch.allclose(outputs[0], outputs[1], rtol=1e-12)
        dropped += len(network.layers) - len(network.shared.layers)
        assert network.shared.shared == network.shared
    assert dropped > 0 or name != "nasbench201"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda net: net.add(Conv(4, 8, 3), net.input),
        lambda net: net.add(Conv(3, 8, 9), net.input),
        lambda net: net.add(BatchNorm(4), net.input),
        lambda net: net.add(Linear(3, 1), net.input),
        lambda net: net.add(Add(), net.input, net.add(Conv(3, 4, 1), net.input)),
        lambda net: net.add(
            Scale(), net.input, net.add(GlobalAvgPool(), net.add(Conv(3, 4, 1), 0))
        ),
        lambda net: net.add(Scale(), net.input, net.input),
        lambda net: net.add(Concat(), net.input, net.add(Conv(3, 4, 3), net.input)),
    ],
)
def test_layers_that_do_not_fit_are_refused(wrong) -> None:  # type: ignore[no-untyped-def]
    net = Builder((3, 8, 8))
    wrong(net)
    with pytest.raises(ValueError, match=r"was given|does not fit"):
        net.build()


def test_equal_layers_are_shared_and_unused_ones_dropped() -> None:
    net = Builder((3, 8, 8))
    one, other = net.add(Conv(3, 4, 1), net.input), net.add(Conv(3, 4, 1), net.input)
    net.add(Conv(3, 5, 1), net.input)
    net.add(Add(), one, other)
    shared: Network = net.build().shared
    assert [type(layer.op) for layer in shared.layers] == [
        type(net.build().layers[0].op),
        Conv,
        Add,
    ]
    assert shared.layers[-1].inputs == (1, 1)
