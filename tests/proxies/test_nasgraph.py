"""NASGraph against the reference's figures and against a graph built one answer at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isnan, prod
from pathlib import Path
from random import Random

import networkx  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from nas import PROXIES, SPACES, Candidate, Network, NotApplicableError, Space, UsageError
from nas.batch import Batch
from nas.network import (
    Add,
    AvgPool,
    BatchNorm,
    Builder,
    Concat,
    Conv,
    Crop,
    GlobalAvgPool,
    Layer,
    Linear,
    Op,
    ReLU,
    Zero,
)
from nas.network.module import module
from nas.seeding import generator
from proxies._graph import Unit, reduced, units
from proxies.nasgraph import NASGraph, answers, draw, graph, graph_of, shape, size
from tests.support.nets import OneModule, Residual
from tests.support.networks import random_network
from tests.support.small import small
from tests.support.tables import table

NO_BATCH = Batch(torch.zeros(1, 3, 8, 8))
KNOWN = [  # from the reference: edges and nodes under the formula's weights
    ("none nor_conv_1x1 nor_conv_3x3 avg_pool_3x3 nor_conv_3x3 skip_connect", 27598, 1043),
    ("skip_connect avg_pool_3x3 avg_pool_3x3 avg_pool_3x3 none none", 13954, 1043),
    ("avg_pool_3x3 nor_conv_1x1 none none skip_connect none", 18802, 931),
    ("nor_conv_3x3 none none nor_conv_1x1 nor_conv_3x3 none", 31097, 819),
    ("nor_conv_3x3 nor_conv_3x3 skip_connect nor_conv_3x3 skip_connect nor_conv_3x3", 47572, 1043),
]


@pytest.fixture(scope="module")
def space() -> Space:
    return SPACES.build("nasbench201")


def cell(names: str) -> str:
    first, second, third, *rest = names.split()
    last = "|".join(f"{name}~{source}" for source, name in enumerate(rest))
    return f"|{first}~0|+|{second}~0|{third}~1|+|{last}|"


def formula_weights(layers: list[Unit]) -> dict[int, Tensor]:
    """w_k = sin(0.37 k² + 1.3 layer), in float64, then rounded."""
    weights = {}
    for n, unit in enumerate(layers):
        if isinstance(unit.op, Conv):
            k = np.arange(prod(shape(unit.op)))
            values = torch.from_numpy(np.sin(0.37 * (k * k) + 1.3 * n)).float()
            weights[n] = values.view(shape(unit.op))
    return weights


@pytest.mark.parametrize(("names", "edges", "nodes"), KNOWN)
def test_has_the_reference_counts(space: Space, names: str, edges: int, nodes: int) -> None:
    layers = units(space, space.parse(cell(names)), live=False)
    assert len(layers) == 27
    assert size(layers, formula_weights(layers)) == (nodes, edges)


@pytest.mark.long
def test_equals_the_reference_on_nasbench201(data: Path, space: Space) -> None:
    """All 100 cells: exactly under the formula's weights, within the seeds' spread otherwise."""
    rows = table(data / "oracles" / "nasgraph_nasbench201.csv")
    assert len(rows) == 100
    scores, means = [], []
    for row in rows:
        arch = space.parse(row["arch"])
        layers = units(space, arch, live=False)
        nodes, edges = size(layers, formula_weights(layers))
        assert (nodes, edges) == (int(row["nodes"]), int(row["edges_formula_weights"]))
        assert 2 * edges / nodes == float(row["avg_degree_formula_weights"])
        scores.append(NASGraph().score(Candidate(space, arch, live=False), NO_BATCH))
        means.append(sum(float(row[f"avg_degree_seed{seed}"]) for seed in (1, 2, 3)) / 3)
    assert max(abs(score - mean) for score, mean in zip(scores, means, strict=True)) < 1.5
    assert spearmanr(scores, means).statistic > 0.998


@dataclass(frozen=True)
class Given(Space):
    """A space of one network."""

    layers: Network

    choices = (1,)

    def network(self, arch: tuple[int, ...]) -> Network:
        return self.layers

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        return Batch(torch.randn(size, 3, 9, 9, generator=generator))

    def parse(self, text: str) -> tuple[int, ...]:
        raise ValueError(text)

    def format(self, arch: tuple[int, ...]) -> str:
        return str(arch)


def is_no_layer(op: Op, readers: list[Layer]) -> bool:
    """Norms, crops and ReLUs; an average pool and the 1x1 convolution that alone reads it are one
    layer."""
    if isinstance(op, BatchNorm | Crop | ReLU):
        return True
    ops = [reader.op for reader in readers]
    return isinstance(op, AvgPool) and [isinstance(o, Conv) and o.kernel == 1 for o in ops] == [
        True
    ]


def slow_graph(network: Network, weights: Iterator[Tensor]) -> networkx.DiGraph:
    """The definition: every layer run on ones in one channel at a time, every answer an edge."""
    result = networkx.DiGraph()
    readers = [[n for n in network.layers if i in n.inputs] for i in range(len(network.layers))]
    behind: list[list[set[tuple[int, int]]]] = []  # of every layer: the nodes in every channel
    number = 0
    for layer, out, then in zip(network.layers, network.shapes, readers, strict=True):
        given = [behind[earlier] for earlier in layer.inputs]
        if isinstance(layer.op, GlobalAvgPool):
            for channel, nodes in enumerate(given[0]):
                result.add_edges_from((node, (number, channel)) for node in nodes)
            return result
        if isinstance(layer.op, Concat):
            behind.append([nodes for channels in given for nodes in channels])
        elif isinstance(layer.op, Add):
            behind.append([set().union(*nodes) for nodes in zip(*given, strict=True)])
        elif is_no_layer(layer.op, then):
            behind.append(given[0])
        else:
            run = module(layer.op)
            if isinstance(layer.op, Conv):
                run.weight.data = next(weights)
            if layer.inputs:
                source = network.shapes[layer.inputs[0]]
                for i in range(source[0]):
                    image = torch.zeros(1, *source)
                    image[0, i] = 1
                    with torch.no_grad():
                        answer = run(image)[0]
                    answer = answer.relu() if isinstance(layer.op, Conv) else answer
                    for j in range(out[0]):
                        if answer[j].sum() != 0:
                            result.add_edges_from((node, (number, j)) for node in given[0][i])
            behind.append([{(number, channel)} for channel in range(out[0])])
            number += 1
    raise AssertionError("no head")


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("seed", range(40))
def test_equals_a_graph_built_answer_by_answer(seed: int, live: bool) -> None:
    """On random networks with grouped, dilated and strided convolutions and concatenations."""
    space = Given(random_network(Random(seed)))
    candidate = Candidate(space, (0,), seed, live=live)
    if live and space.layers.constant:
        assert isnan(NASGraph().score(candidate, NO_BATCH))
        return
    layers = units(space, (0,), live)
    weights = draw(layers, candidate.generator("nasgraph"))
    slow = slow_graph(space.layers.live if live else space.layers, iter(weights.values()))
    assert set(graph(candidate).edges) == set(slow.edges)
    assert size(layers, weights) == (len(slow), slow.number_of_edges())
    score = NASGraph().score(candidate, NO_BATCH)
    assert score == 2 * slow.number_of_edges() / len(slow)


@pytest.mark.parametrize(
    ("op", "size"),
    [
        (Conv(3, 4, 3, padding=1), 1),
        (Conv(3, 4, 3, padding=1), 2),
        (Conv(3, 4, 3, 2, padding=1), 7),
        (Conv(3, 4, 3, 2, padding=1), 8),
        (Conv(3, 4, 5, 3, padding=2), 9),
        (Conv(3, 4, 3, padding=4, dilation=2), 5),
        (Conv(4, 8, 7, padding=3, groups=2), 6),
        (Conv(4, 4, 2, 2), 5),
    ],
)
def test_the_answers_of_a_convolution(op: Conv, size: int) -> None:
    """Small maps, on which every tap is outside somewhere; weights with much cancellation."""
    given = (op.in_channels, size, size)
    for seed in range(20):
        weight = torch.randn(shape(op), generator=generator(seed)) - 0.7
        ones = torch.eye(op.in_channels)[:, :, None, None].expand(-1, -1, size, size)
        sizes = (op.stride, op.padding, op.dilation, op.groups)
        run = torch.nn.functional.conv2d(ones, weight, None, *sizes).relu()
        assert torch.equal(answers(op, given, weight), run.sum(dim=(2, 3)).T != 0)


@pytest.mark.parametrize("names", [names for names, _, _ in KNOWN])
def test_the_graph_itself_has_the_mean_degree(space: Space, names: str) -> None:
    candidate = Candidate(space, space.parse(cell(names)), seed=3, live=False)
    built = graph(candidate)
    degrees = [degree for _, degree in built.degree]
    assert NASGraph().score(candidate, NO_BATCH) == pytest.approx(sum(degrees) / len(degrees))
    assert networkx.is_directed_acyclic_graph(built)
    assert built.nodes[0, 2] == {"layer": 0, "channel": 2, "operation": "Input"}
    assert built.nodes[26, 63] == {"layer": 26, "channel": 63, "operation": "Identity"}


def test_a_reduced_network_is_used(space: Space) -> None:
    assert reduced(replace(space, cells=4, channels=8)) == replace(space, cells=1)  # type: ignore[type-var]
    arch = space.sample(Random(0))
    scores = {
        NASGraph().score(Candidate(SPACES.build("nasbench201", **options), arch), NO_BATCH)
        for options in ({}, {"cells": 2}, {"channels": 5}, {"classes": 3}, {"resolution": 16})
    }
    assert len(scores) == 1


def test_seeds_differ_and_repeat(space: Space) -> None:
    arch = space.parse(cell(KNOWN[0][0]))
    scores = [NASGraph().score(Candidate(space, arch, seed), NO_BATCH) for seed in (0, 1, 0)]
    assert scores[0] == scores[2] != scores[1]


def test_dead_units_have_no_nodes(space: Space) -> None:
    """A cell with its dead edges gives the graph of the cell without them."""
    dead, clean = (
        "nor_conv_3x3 none none skip_connect none none",
        "none none none skip_connect none none",
    )
    archs = [space.parse(cell(names)) for names in (dead, clean)]
    one, other = (units(space, arch) for arch in archs)
    assert one == other
    assert not any(isinstance(unit.op, Zero) for unit in one)
    assert [units(space, arch, live=False) for arch in archs] != [one, other]


def test_the_empty_cell_has_a_score(space: Space) -> None:
    """Its edges answer nothing, but what follows them answers to each; if it is live, nothing."""
    assert isnan(NASGraph().score(Candidate(space, (0,) * 6), NO_BATCH))
    layers = units(space, (0,) * 6, live=False)
    nodes, edges = size(layers, formula_weights(layers))
    built = graph_of(layers, formula_weights(layers))
    assert (nodes, edges) == (len(built), built.number_of_edges())
    edges_into_output = {5, 6, 7, 14, 15, 16, 23, 24, 25}
    others = {0, 1, 8, 9, 10, 17, 18, 19, 26}
    assert {layer for layer, _ in built} == edges_into_output | others


def test_modules_and_unknown_layers_are_refused() -> None:
    with pytest.raises(NotApplicableError, match="works from layers, and OneModule gives modules"):
        NASGraph().score(Candidate(OneModule(Residual), (0,)), NO_BATCH)
    unknown = Builder((3, 9, 9))
    unknown.chain(unknown.input, Op(), GlobalAvgPool(), Linear(3, 2))
    with pytest.raises(NotApplicableError, match=r"does not know the layer Op\(\)"):
        NASGraph().score(Candidate(Given(unknown.build()), (0,)), NO_BATCH)


@pytest.mark.long
def test_the_graph_is_saved(tmp_path: Path) -> None:
    space = small("nasbench201")
    candidate = Candidate(space, space.sample(Random(1)))
    path = tmp_path / "graph.graphml"
    score = PROXIES.build("nasgraph", save_graph=str(path)).score(candidate, NO_BATCH)
    saved = networkx.read_graphml(path)
    assert 2 * saved.number_of_edges() / len(saved) == score
    names = {(data["layer"], data["channel"]) for _, data in saved.nodes(data=True)}
    assert names == set(graph(candidate))


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    space = small("nasbench201")
    proxy = NASGraph(save_graph=str(tmp_path / "none" / "graph.graphml"))
    with pytest.raises(UsageError, match=r"save_graph=.* cannot be written: No such file"):
        proxy.score(Candidate(space, (1,) * 6), NO_BATCH)
