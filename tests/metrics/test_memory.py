"""Peak memory: by hand, by a plain computation, and of layers as of the module made of them."""

from __future__ import annotations

from math import prod
from random import Random

import pytest
import torch
from torch import Tensor, nn

import nas
from nas import METRICS, SPACES, Candidate, Network, UsageError
from nas.metrics._recording import of_module
from nas.metrics.memory import ROOMY, VIEWS, Memory, of_layers
from nas.network import (
    Add,
    BatchNorm,
    Concat,
    Conv,
    Embedding,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool,
    Narrow,
    ReLU,
    SequenceMean,
)
from nas.network.graph import Builder
from nas.network.module import NetworkModule
from nas.seeding import generator
from tests.support.small import small


def plainly(network: Network, size: int = 4) -> int:
    """The peak from its definition: at each step, all that a later step or this one needs."""
    source = [
        place if not isinstance(op, VIEWS) else inputs[0]
        for place, (op, inputs) in enumerate(network.layers)
    ]
    for place in range(len(source)):
        source[place] = source[source[place]]
    totals = []
    for now in range(len(source)):
        needed = {source[now], source[-1]} if now == len(source) - 1 else {source[now]}
        for later in range(now, len(source)):
            needed |= {source[read] for read in network.layers[later].inputs if source[read] < now}
        needed |= {source[-1]} if source[-1] <= now else set()
        totals.append(
            sum((4 if place else size) * prod(network.shapes[place]) for place in needed)
        )
    return max(totals)


def residual() -> Network:
    """Two branches of 4 x 8 x 8 that meet: three such tensors are there at once."""
    net = Builder((3, 8, 8))
    stem = net.chain(net.input, Conv(3, 4, 1), BatchNorm(4))
    branch = net.chain(stem, ReLU(), Conv(4, 4, 1))
    net.chain(net.add(Add(), stem, branch), GlobalAvgPool(), Linear(4, 2))
    return net.build()


def test_by_hand() -> None:
    maps = 4 * 4 * 8 * 8
    assert of_layers(residual()) == 3 * maps
    assert of_module(NetworkModule(residual()), torch.zeros(2, 3, 8, 8)) == 2 * 3 * maps
    net = Builder((3, 8, 8))
    parts = [net.add(Conv(3, 4, 1), net.input) for _ in range(3)]
    net.chain(net.add(Concat(), *parts), Narrow(2), Flatten(), Linear(128, 2))
    assert of_layers(net.build()) == 2 * 3 * maps, "parts and the whole; what is read is a view"


def test_max_pooling_finds_places_that_nobody_reads() -> None:
    net = Builder((4, 8, 8))
    net.chain(net.input, MaxPool(2, 2), Flatten(), Linear(64, 2))
    module = NetworkModule(net.build())
    assert of_module(module, torch.zeros(1, 4, 8, 8)) == 4 * (256 + 64) == of_layers(net.build())


def test_tokens_have_as_many_bytes_as_the_batchs() -> None:
    net = Builder((6,))
    net.chain(net.input, Embedding(9, 4), SequenceMean(), Linear(4, 2))
    network = net.build()
    assert of_layers(network, 8) == 8 * 6 + 4 * 24
    assert of_module(NetworkModule(network), torch.zeros(1, 6, dtype=torch.long)) == 8 * 6 + 4 * 24


@pytest.mark.parametrize("name", SPACES)
def test_layers_need_what_their_module_needs(name: str) -> None:
    space = small(name)
    batch = space.batch(3, generator("memory"))
    size = 4 if batch.inputs.is_floating_point() else 8
    for seed in range(4):
        candidate = Candidate(space, space.sample(Random(seed)), live=seed % 2 == 0)
        recorded = of_module(candidate.skeleton(), batch.inputs[:1].to("meta"))
        assert Memory().measure(candidate, batch) == recorded > 0
        network = candidate.network
        if network is not None and not any(isinstance(op, ROOMY) for op, _ in network.layers):
            assert of_layers(network, size) == recorded == plainly(network, size)
        assert Memory(batch=3).measure(candidate, batch) >= 2.5 * recorded


def test_layers_that_cannot_change_the_output_need_none() -> None:
    space = small("nasbench201")
    batch = space.batch(2, generator("memory"))
    dead, clean = (3, 3, 3, 1, 0, 0), (0, 0, 0, 1, 0, 0)  # the nodes 1 and 2 lead nowhere
    for live in (True, False):
        one, other = (Candidate(space, arch, live=live) for arch in (dead, clean))
        assert (Memory().measure(one, batch) == Memory().measure(other, batch)) == live


class Reading(nn.Module):
    """A network that reads its numbers, which the meta device does not have."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(8, 16), nn.Linear(16, 2)
        self.register_buffer("scale", torch.ones(1000))

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.one(inputs).relu_()
        wide = hidden.sum().item() > -1
        return self.two(hidden) if wide else hidden  # type: ignore[no-any-return]


def test_a_module_that_reads_its_numbers_runs_where_the_candidate_is() -> None:
    candidate = Candidate.of(Reading, (8,))
    batch = nas.Batch(torch.ones(4, 8))
    assert Memory(batch=4).measure(candidate, batch) == 4 * 4 * (8 + 16)
    assert Memory(batch=6).measure(candidate, batch) == 6 * 4 * (8 + 16)
    table = nas.score(Reading, (8,), proxies=["memory"])
    assert (table["memory"].value, table["memory"].unit) == (96, "bytes")


def test_wrong_options_are_a_sentence() -> None:
    with pytest.raises(UsageError, match=r"memory\.batch=0 must be at least 1"):
        METRICS.build("memory", batch=0)
