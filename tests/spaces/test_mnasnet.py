"""MnasNet: notation and counts of Accel-NASBench, its layers, and what proxies make of it."""

from __future__ import annotations

import re
from dataclasses import replace
from math import exp, isnan, prod
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn import functional as F

from nas import PROXIES, SPACES, Candidate, Network, Space
from nas.collapse.tensors import collapsed, flat
from nas.network import BatchNorm, Conv, GlobalAvgPool, Linear, Scale
from nas.network.module import NetworkModule
from nas.seeding import generator, seeded
from proxies._graph import units
from proxies.epsilon import dense
from tests.support.small import small
from tests.support.tables import table

FIRST = "1 3 1 0 " * 6 + "1 3 1 0"
EFFICIENTNET_B0 = "1 3 1 1 6 3 2 1 6 5 2 1 6 3 3 1 6 5 3 1 6 5 4 1 6 3 1 1"


@pytest.fixture(scope="module")
def space() -> Space:
    return SPACES.build("mnasnet", resolution=224)


def layers(space: Space, text: str) -> Network:
    network = space.network(space.parse(text))
    assert network is not None
    return network


def macs(network: Network) -> int:
    """As the table counts them: norms and averages too."""
    total = network.flops
    for layer, shape in zip(network.layers, network.shapes, strict=True):
        if isinstance(layer.op, BatchNorm):
            total += 4 * prod(shape)
        elif isinstance(layer.op, GlobalAvgPool):
            channels, height, width = network.shapes[layer.inputs[0]]
            total += channels * (height * width + 1)
    return total


@pytest.mark.long
def test_every_row_of_the_table(space: Space, data: Path) -> None:
    """All 4,138 architectures are read and written, and their counts are the table's digits."""
    rows = table(data / "accel_nasbench.csv.gz")
    assert len(rows) == 4138
    assert set(space.columns) == {name for name in rows[0] if name.startswith("block")}
    for row in rows:
        text = " ".join(row[column] for column in space.columns)
        arch = space.parse(text)
        assert arch in space
        assert space.format(arch) == text
        network = space.network(arch)
        assert network is not None
        assert network.params / 1e6 == float(row["params"])
        assert macs(network) / 1e6 == float(row["macs"])


def test_known_counts(space: Space) -> None:
    """EfficientNet-B0 is a member: 5,288,548 parameters and 0.39 billion multiply-adds."""
    network = layers(space, EFFICIENTNET_B0)
    assert network.params == 5_288_548
    assert network.flops == pytest.approx(0.39e9, rel=0.02)


@pytest.mark.parametrize("options", [{}, {"channels": 12, "resolution": (64, 96)}])
def test_the_formulas_of_layers_are_counts_of_the_network(options: dict[str, Any]) -> None:
    """Sums over the blocks, against the layers of the network; and each block by itself."""
    space = SPACES.build("mnasnet", **options)
    archs = [space.sample(Random(seed)) for seed in range(12)]
    found = space.layer_features(archs)
    assert found is not None
    for arch, row in zip(archs, found, strict=True):
        network = space.network(arch)
        assert network is not None
        blocks = np.zeros((7, 4))
        for layer, shape in zip(network.layers, network.shapes, strict=True):
            if not layer.name.startswith("stages."):
                continue
            block = int(layer.name.split(".")[1])
            if isinstance(layer.op, Conv):
                inputs = layer.op.in_channels // layer.op.groups
                kind = int(layer.op.groups > 1)
                blocks[block, kind] += prod(shape) * inputs * layer.op.kernel**2
                blocks[block, 2] += prod(shape)
            elif isinstance(layer.op, GlobalAvgPool):
                blocks[block, 3] += prod(network.shapes[layer.inputs[0]])
        assert row[:28] == pytest.approx(blocks.ravel())
        assert row[28:32] == pytest.approx(blocks.sum(axis=0))
        e, k, layers, se = np.array(space.format(arch).split(), int).reshape(7, 4).T
        kinds = [(layers * kind).sum() for kind in (1, e > 1, k == 5, se)]
        assert row[32:].tolist() == kinds
    empty = space.layer_features([])
    assert empty is not None
    assert empty.shape == (0, found.shape[1])


def test_the_size(space: Space) -> None:
    assert space.size == (3 * 2 * 3 * 2) ** 6 * (3 * 2 * 4 * 2)
    assert space.format((0,) * 28) == FIRST
    last = tuple(count - 1 for count in space.choices)
    assert space.format(last) == "6 5 3 1 " * 5 + "6 5 4 1 6 5 3 1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 3 1 0", "write 28 numbers"),
        (FIRST + " 1", "write 28 numbers"),
        (FIRST.replace("3", "7"), "block0_k=7 must be one of 3, 5"),
        (FIRST[:-1] + "True", "block6_se=True must be one of 0, 1"),
        (FIRST[:-3] + "4 0", "block6_l=4 must be one of 1, 2, 3"),
        ("²" + FIRST[1:], "block0_e=² must be one of 1, 4, 6"),
    ],
)
def test_other_texts_are_refused(space: Space, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        space.parse(text)


WORDS = st.sampled_from(["0", "1", "3", "4", "5", "6", "-1", "1.0"])


@given(text=st.text() | st.lists(WORDS, min_size=26, max_size=30).map(" ".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    space = SPACES.build("mnasnet")
    try:
        arch = space.parse(text)
    except ValueError as error:
        assert re.search("write 28 numbers|must be one of", str(error))  # noqa: PT017
    else:
        assert space.format(arch) == " ".join(text.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 6}, "channels=6 must be a multiple of 4"),
        ({"classes": 0}, "classes=0 must be at least 1"),
        ({"resolution": 100}, "resolution=100 must be a multiple of 32"),
    ],
)
def test_sizes_that_do_not_fit(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SPACES.build("mnasnet", **options)


def reference(model: NetworkModule, text: str, x: Tensor) -> Tensor:
    """The network written as functions, fed the module's weights in the order of its layers."""
    parts = (part for part in model.in_order if isinstance(part, nn.Conv2d | nn.Linear))
    norms = (part for part in model.in_order if isinstance(part, nn.BatchNorm2d))

    def conv(x: Tensor, stride: int = 1, groups: int = 1) -> Tensor:
        weight, norm = next(parts).weight, next(norms)
        x = F.conv2d(x, weight, None, stride, weight.shape[-1] // 2, groups=groups)
        return F.batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=1e-5)

    numbers = iter(map(int, text.split()))
    x = F.silu(conv(x, 2))
    for block_stride in (1, 2, 2, 2, 1, 2, 1):
        expansion, _, count, squeeze = (next(numbers) for _ in range(4))
        for stride in [block_stride] + [1] * (count - 1):
            start, inputs = x, x.shape[1]
            if expansion > 1:
                x = F.silu(conv(x))
            x = F.silu(conv(x, stride, x.shape[1]))
            if squeeze:
                down, up = next(parts), next(parts)
                assert down.weight.shape == (max(1, inputs // 4), inputs * expansion)
                narrow = F.conv2d(
                    F.adaptive_avg_pool2d(x, 1), down.weight[:, :, None, None], down.bias
                )
                wide = F.conv2d(F.silu(narrow), up.weight[:, :, None, None], up.bias)
                x = wide.sigmoid() * x
            x = conv(x)
            if stride == 1 and x.shape == start.shape:
                x = x + start
    head = next(parts)
    x = conv_head(x, head, next(norms))
    return F.linear(x.mean(dim=(2, 3)), *next(parts).parameters())


def conv_head(x: Tensor, head: nn.Module, norm: nn.Module) -> Tensor:
    assert isinstance(head, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    x = F.conv2d(x, head.weight)
    return F.silu(F.batch_norm(x, None, None, norm.weight, norm.bias, training=True))


@pytest.mark.parametrize("seed", range(4))
def test_the_network_is_the_one_described(seed: int) -> None:
    """Against one written as functions, with random weights and biases."""
    space = small("mnasnet")
    arch = space.sample(Random(seed))
    network = space.network(arch)
    assert network is not None
    model = NetworkModule(network).double()
    with seeded(seed):
        for parameter in model.parameters():
            nn.init.normal_(parameter, 0.1, 0.3)
    inputs = space.batch(3, generator(seed)).inputs.double()
    expected = reference(model, space.format(arch), inputs)
    assert torch.allclose(model(inputs), expected, rtol=1e-9, atol=1e-10)


def test_widths_are_in_proportion() -> None:
    """Half the channels: halves in every convolution, a quarter of the squeezed still."""
    full, half = (
        layers(SPACES.build("mnasnet", channels=channels), EFFICIENTNET_B0)
        for channels in (32, 16)
    )
    for one, other in zip(full.layers, half.layers, strict=True):
        if isinstance(one.op, Conv) and isinstance(other.op, Conv):
            assert one.op.out_channels == 2 * other.op.out_channels
        elif isinstance(one.op, Linear) and one.op.out_features != 1000:
            assert isinstance(other.op, Linear)
            assert one.op.in_features // 2 == other.op.in_features


@pytest.mark.parametrize("weight", [3e-3, 0.1, 1.0])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_collapsed_equals_dense(weight: float, seed: int) -> None:
    space = small("mnasnet")
    network = space.network(space.sample(Random(seed)))
    assert network is not None
    inputs = space.batch(6, generator(seed)).inputs.double()
    expected = dense(NetworkModule(network).double(), inputs, weight)
    values, scale = flat(collapsed(network, inputs, weight))
    output = values.view(3, -1).T.flatten() * exp(scale)
    assert torch.allclose(output, expected, rtol=1e-8, atol=0)


def some_scores(**options: object) -> list[float]:
    """Epsilon of the deepest network, whose low pass is the smallest of all, and of others."""
    space = SPACES.build("mnasnet")
    batch = space.batch(32, generator("constants"))
    deepest = tuple(count - 1 for count in space.choices)
    archs = [deepest, space.parse(FIRST), *(space.sample(Random(seed)) for seed in range(10))]
    proxy = PROXIES.build("epsilon", **options)
    return [proxy.score(Candidate(space, arch), batch) for arch in archs]


def test_epsilon_covers_the_space_under_its_constants() -> None:
    scores = some_scores()
    assert all(0 < score < 2 for score in scores), scores
    assert len(set(scores)) == len(scores)
    smaller = some_scores(low=1e-4)
    assert all(isnan(score) for score in smaller)
    assert {getattr(score, "reason", None) for score in smaller} == {
        "the low pass underflows in float32"
    }


def test_epsilon_does_not_hang_on_the_last_digits() -> None:
    """Nor on the low constant: at this constant and below the network is almost linear."""
    scores = some_scores()
    assert scores == pytest.approx(some_scores(dtype="float64"), rel=1e-4)
    assert scores == pytest.approx(some_scores(low=1e-5, underflow="none"), rel=5e-2)


@pytest.mark.slow
def test_epsilon_ranks_the_table(data: Path) -> None:
    """Two hundred rows at the default sizes, 64 images."""
    space = SPACES.build("mnasnet")
    rows = Random(2).sample(table(data / "accel_nasbench.csv.gz"), 200)
    batch = space.batch(64, generator("table"))
    proxy = PROXIES.build("epsilon")
    texts = [" ".join(row[column] for column in space.columns) for row in rows]
    scores = [proxy.score(Candidate(space, space.parse(text)), batch) for text in texts]
    assert spearmanr(scores, [float(row["val_top1"]) for row in rows]).statistic > 0.6


def test_nasgraph_leaves_out_what_gates() -> None:
    """Squeeze-and-excitation says how much channels answer, not whether: it is no node."""
    space = small("mnasnet")
    squeezed = space.parse(EFFICIENTNET_B0)
    plain = space.parse(
        " ".join("0" if i % 4 == 3 else n for i, n in enumerate(EFFICIENTNET_B0.split()))
    )
    assert units(space, squeezed) == units(space, plain)
    network = layers(space, EFFICIENTNET_B0)
    convolutions = sum(isinstance(layer.op, Conv) for layer in network.layers)
    assert sum(isinstance(layer.op, Scale) for layer in network.layers) == 16
    found = units(space, squeezed)
    assert sum(isinstance(unit.op, Conv) for unit in found) == convolutions
    assert len(found) == convolutions + 2
    score = PROXIES.build("nasgraph").score(
        Candidate(space, squeezed), space.batch(1, generator(0))
    )
    assert score > 0


def test_a_small_image_is_enough() -> None:
    """Scores do without the benchmark's resolution; FLOPs are in proportion to pixels."""
    space = SPACES.build("mnasnet")
    networks = [layers(replace(space, resolution=side), EFFICIENTNET_B0) for side in (64, 128)]  # type: ignore[type-var]
    assert networks[0].params == networks[1].params
    assert networks[1].flops == pytest.approx(4 * networks[0].flops, rel=0.1)
