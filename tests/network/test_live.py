"""The live part of a network: what is removed cannot change the output, what stays can."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
import torch
from torch import nn

from nas import SPACES, Candidate
from nas.metrics.counts import flops, params
from nas.network import (
    Add,
    BatchNorm,
    Builder,
    Concat,
    Conv,
    GlobalAvgPool,
    Linear,
    MaxPool,
    Narrow,
    Network,
    Op,
    ReLU,
    Scale,
    Sigmoid,
    Zero,
)
from nas.network.live import all_live, live_part
from nas.network.module import NetworkModule
from nas.seeding import generator
from tests.support.networks import random_network
from tests.support.small import small


def everywhere(network: Network, value: float = 0.1) -> NetworkModule:
    """The module in float64 with one value for all weights, and without shifts."""
    model = NetworkModule(network).double()
    for name, parameter in model.named_parameters():
        parameter.detach().fill_(0.0 if name.endswith("bias") else value)
    return model


def counted(network: Network) -> int:
    """The entries of weights of convolutions and linear layers, without biases."""
    plain = [replace(op, bias=False) for op, _ in network.layers if isinstance(op, Conv | Linear)]
    return sum(op.params() for op in plain)


def with_slope(network: Network, inputs: torch.Tensor, seed: int) -> int:
    """The entries of these weights that move the output, by autograd on random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = NetworkModule(network).double()
        for parent in list(model.modules()):
            for name, part in list(parent.named_children()):
                if isinstance(part, nn.ReLU):  # its slope of 0 would hide what lives
                    parent.add_module(name, nn.LeakyReLU(0.3))
        output = model(inputs)
        (output * torch.randn_like(output)).sum().backward()
    parts = [part for part in model.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    slopes = [part.weight.grad for part in parts]
    return sum(int((slope != 0).sum()) for slope in slopes if slope is not None)


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed: int) -> None:
    """The output is the same under one weight, and what had a slope has one."""
    network = random_network(Random(seed), gated=seed % 2 == 1)
    live = network.live
    assert live.live == live
    assert live.shapes[-1] == network.shapes[-1]
    inputs = torch.rand(8, *network.shapes[0], dtype=torch.float64)
    assert torch.allclose(everywhere(network)(inputs), everywhere(live)(inputs), rtol=1e-10)
    assert live.params <= network.params
    assert live.flops <= network.flops
    assert with_slope(live, inputs, seed) == with_slope(network, inputs, seed)


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "nats_size", "transnas_micro"])
def test_every_weight_that_stays_moves_the_output(name: str) -> None:
    space = small(name)
    removed = 0
    for seed in range(15):
        network = space.network(space.sample(Random(seed)))
        assert network is not None
        inputs = space.batch(8, generator(seed)).inputs.double()
        left = counted(network.live)
        constant = not any(isinstance(op, Conv) for op, _ in network.live.layers)
        assert with_slope(network, inputs, seed) == (0 if constant else left)
        removed += counted(network) - left
    assert removed > 0 or name in ("nasbench101", "nats_size")


def test_a_network_without_dead_layers_stays_as_it_is() -> None:
    """The same layers in the same order: so its weights are drawn as before."""
    space = small("nasbench201")
    network = space.network((3, 3, 3, 3, 3, 3))
    assert network is not None
    assert network.live == network


def of_spaces() -> list[Network]:
    """Networks of every space, whole."""
    spaces = map(small, SPACES)
    drawn = [space.network(space.sample(Random(seed))) for space in spaces for seed in range(4)]
    return [network for network in drawn if network is not None]


def test_what_is_called_all_live_is_what_the_rules_leave_as_it_is() -> None:
    """The short way around the rules: where it is taken, they would change nothing."""
    networks = [*of_spaces(), *(random_network(Random(seed), True) for seed in range(60))]
    short = 0
    for network in networks:
        read = network._read
        assert read.shapes == Network(read.layers).shapes
        ruled = live_part(read.layers, read.shapes, read.blocks)
        if all_live(read.layers, read.shapes):
            assert ruled == (read.layers, read.blocks)
            short += 1
        else:
            assert ruled[0] != read.layers
    assert 0 < short < len(networks)


@pytest.mark.parametrize("op", [Add(), Concat(), Narrow(3)])
def test_a_join_that_does_nothing_is_left_out(op: Op) -> None:
    net = Builder((3, 8, 8))
    net.chain(net.input, Conv(3, 3, 1), op, GlobalAvgPool())
    assert len(net.build().live.layers) == 3


def test_marks_of_blocks_move_along() -> None:
    net = Builder((3, 8, 8))
    net.mark(net.chain(net.input, Conv(3, 3, 1)))  # nothing reads it
    stem = net.mark(net.chain(net.input, Conv(3, 4, 3, padding=1), BatchNorm(4)))
    cell = net.mark(net.add(Add(), stem, net.chain(stem, Zero(), ReLU())))
    net.chain(cell, GlobalAvgPool(), Linear(4, 2))
    live = net.build().live
    assert [type(op).__name__ for op, _ in live.layers] == [
        *("Input", "Conv", "BatchNorm", "GlobalAvgPool", "Linear")
    ]
    assert live.blocks == (2, 2)  # the second block changes nothing


def test_a_concatenation_loses_its_zeros() -> None:
    """What reads it has fewer input channels, through norms, pools and grouped convolutions."""
    net = Builder((4, 8, 8))
    zeros = net.add(Zero(2), net.input)
    joined = net.add(Concat(), net.input, zeros)
    chain = (BatchNorm(6), ReLU(), Conv(6, 12, 3, padding=1, groups=6), MaxPool(2, 2))
    net.chain(joined, *chain, Conv(12, 5, 1), GlobalAvgPool(), Linear(5, 2))
    ops = [op for op, _ in net.build().live.layers]
    assert ops[1:6] == [
        *(BatchNorm(4), ReLU(), Conv(4, 8, 3, padding=1, groups=4), MaxPool(2, 2), Conv(8, 5, 1))
    ]


@pytest.mark.parametrize(
    "reader", [Sigmoid(), Conv(6, 6, 1, bias=True, groups=6), Conv(6, 4, 1, groups=2)]
)
def test_a_concatenation_stays_whole_for_what_needs_it(reader: Op) -> None:
    net = Builder((4, 8, 8))
    joined = net.add(Concat(), net.input, net.add(Zero(2), net.input))
    net.chain(joined, Conv(6, 6, 1, groups=6), reader, GlobalAvgPool())
    network = net.build()
    assert reader in [op for op, _ in network.live.layers]
    inputs = torch.rand(2, 4, 8, 8, dtype=torch.float64)
    assert torch.equal(everywhere(network)(inputs), everywhere(network.live)(inputs))


def test_narrow_and_scale() -> None:
    net = Builder((4, 8, 8))
    joined = net.add(Concat(), net.add(Zero(2), net.input), net.input)
    first = net.add(Narrow(3), joined)  # two zeros and a live channel
    factors = net.chain(first, GlobalAvgPool())
    scaled = net.add(Scale(), first, factors)
    net.chain(scaled, Conv(3, 2, 1), GlobalAvgPool())
    network = net.build()
    assert network.live.params == 2
    inputs = torch.rand(2, 4, 8, 8, dtype=torch.float64)
    assert torch.allclose(everywhere(network)(inputs), everywhere(network.live)(inputs))


@pytest.mark.parametrize("bias", [False, True])
def test_an_output_that_nothing_reaches_is_a_constant(bias: bool) -> None:
    net = Builder((3, 8, 8))
    zeros = net.chain(net.input, Conv(3, 4, 1), Zero(), Conv(4, 4, 3, padding=1), BatchNorm(4))
    net.chain(zeros, GlobalAvgPool(), Linear(4, 2, bias))
    network = net.build()
    assert network.live.params == 10 * bias
    inputs = torch.rand(2, 3, 8, 8, dtype=torch.float64)
    assert torch.equal(everywhere(network)(inputs), everywhere(network.live)(inputs))


def test_proxies_and_metrics_see_the_live_network_unless_they_are_not_to() -> None:
    """params and flops of the layers, of the module and of its meta twin are one number."""
    space = small("nasbench201")
    dead, clean = (3, 3, 3, 1, 0, 0), (0, 0, 0, 1, 0, 0)  # the nodes 1 and 2 lead nowhere
    for live in (True, False):
        one, other = (Candidate(space, arch, live=live) for arch in (dead, clean))
        batch = space.batch(2, generator(0))
        assert (params(one) == params(other)) == live
        assert (flops(one, batch) == flops(other, batch)) == live
        for model in (one.model(), one.skeleton()):
            assert sum(parameter.numel() for parameter in model.parameters()) == params(one)
        assert one.under(1).live == live


def test_a_network_of_which_all_lives_is_the_module_that_the_space_builds() -> None:
    class Own(type(small("nasbench201"))):  # type: ignore[misc]
        def build(self, arch: tuple[int, ...]) -> nn.Module:
            return nn.Sequential(super().build(arch))

    space = Own(channels=2, cells=1)
    assert isinstance(Candidate(space, (3,) * 6).model(), nn.Sequential)
    assert isinstance(Candidate(space, (3, 3, 3, 1, 0, 0)).model(), NetworkModule)
    assert isinstance(Candidate(space, (3, 3, 3, 1, 0, 0), live=False).model(), nn.Sequential)


def test_what_nothing_reads_keeps_no_zeros_alive() -> None:
    """A sigmoid needs the whole concatenation, but nothing reads the sigmoid."""
    net = Builder((3, 8, 8))
    joined = net.add(Concat(), net.chain(net.input, BatchNorm(3)), net.add(Zero(6), net.input))
    net.add(Sigmoid(), joined)
    net.chain(joined, Conv(9, 1, 3), GlobalAvgPool(), Linear(1, 2))
    live = net.build().live
    assert live.live == live
    assert [op.in_channels for op, _ in live.layers if isinstance(op, Conv)] == [3]
