"""Proxies of feature maps, on maps of one and three dimensions, on sequences and on vectors."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas import Candidate
from nas.network import (
    GELU,
    Add,
    BatchNorm,
    Builder,
    Conv,
    ConvTranspose,
    Embedding,
    GlobalAvgPool,
    Linear,
    Network,
    Permute,
    Positions,
    ReLU,
)
from nas.network.module import NetworkModule, module
from nas.seeding import seeded
from proxies._features import each_feature, entropy, last_map, sequences
from proxies._first_weights import _of_example, _of_layers
from proxies.linear_regions import regions
from proxies.meco import smallest_eigenvalues
from proxies.nasgraph import answers, shape
from proxies.trainability import block_score, folded

SIZES = {1: (12,), 2: (6, 5), 3: (4, 3, 5)}


def normal(*sizes: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(sizes, generator=generator, dtype=torch.float64)


def conv_net(dims: int) -> Network:
    net = Builder((2, *SIZES[dims]))
    node = net.mark(net.chain(net.input, Conv(2, 4, 3, padding=1, dims=dims), ReLU()))
    conv = Conv(4, 4, 3, 2, 1, bias=True, dims=dims)
    node = net.mark(net.chain(node, conv, BatchNorm(4, dims=dims), ReLU()))
    net.chain(node, GlobalAvgPool(), Linear(4, 3))
    return net.build()


def made(network: Network) -> NetworkModule:
    with seeded("test"):
        return NetworkModule(network).double()


@pytest.mark.parametrize("sizes", [(), (12,), (4, 3, 5)])
def test_an_entropy_knows_no_dimensions(sizes: tuple[int, ...]) -> None:
    feature = normal(8, 5, *sizes)
    flat = feature.reshape(8, 5, -1, 1)
    assert entropy(feature) == pytest.approx(entropy(flat), rel=1e-9)


@pytest.mark.parametrize("sizes", [(12,), (6, 8), (4, 6, 4)])
def test_folding_takes_the_pixels_of_a_place(sizes: tuple[int, ...]) -> None:
    gradient = normal(2, 3, *sizes)
    places = tuple(size // 2 for size in sizes)
    found = folded(gradient, *places)
    assert found.shape == (2, 3 * 2 ** len(sizes), *places)
    if len(sizes) == 2:
        assert torch.equal(found, F.pixel_unshuffle(gradient, 2))
    for number, steps in enumerate(product((0, 1), repeat=len(sizes))):
        part = gradient[(slice(None), slice(None), *(slice(step, None, 2) for step in steps))]
        assert torch.equal(found[:, number :: 2 ** len(sizes)], part)


def test_folding_makes_vectors_of_maps() -> None:
    assert torch.equal(folded(normal(2, 3, 4), 1), normal(2, 3, 4).reshape(2, 12, 1))


def test_a_block_of_one_linear_layer() -> None:
    """g_in is Wᵀ g_out, so the matrix is Wᵀ times the mean of g_out g_outᵀ."""
    before, weight = normal(6, 4).requires_grad_(), normal(4, 4, seed=1)
    signs = normal(6, 4, seed=2).sign()
    largest = float(torch.linalg.svdvals(weight.T @ (signs.T @ signs / 6))[0])
    score = block_score(before, before @ weight.T, signs)
    assert score == pytest.approx(2 - largest - 1 / (largest + 1e-6))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_the_last_map_is_before_the_mean(dims: int) -> None:
    model = made(conv_net(dims))
    inputs = normal(4, 2, *SIZES[dims])
    found = last_map(model, inputs, "zen")
    assert found.shape == (4, 4, *((size + 1) // 2 for size in SIZES[dims]))
    plain = nn.Sequential(*model.in_order)  # the same layers, not as a network
    assert torch.allclose(last_map(plain, inputs, "zen"), found)


def test_the_last_map_of_vectors_is_what_the_last_linear_layer_reads() -> None:
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    assert torch.equal(last_map(model, normal(4, 6), "zen"), model[:2](normal(4, 6)))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_derivatives_by_first_weights(dims: int) -> None:
    model = made(conv_net(dims)).eval()
    parameters = list(model.parameters())
    inputs = normal(3, 2, *SIZES[dims])
    expected = [_of_example(model, inputs[n : n + 1], parameters, 0)[1] for n in range(3)]
    _, found = _of_layers(model, inputs, parameters, 0)
    assert torch.allclose(found, torch.cat(expected), rtol=1e-9)


def transformer() -> Network:
    net = Builder((5,))
    node = net.mark(net.chain(net.input, Embedding(7, 4), Positions(5, 4)))
    node = net.mark(net.add(Add(), node, net.chain(node, Linear(4, 4), GELU())))
    net.chain(node, Permute((1, 0)), Conv(4, 4, 1, dims=1), GlobalAvgPool(), Linear(4, 2))
    return net.build()


def test_sequences_are_told_from_maps() -> None:
    network = transformer()
    assert {index for index in range(1, len(network.layers)) if index in sequences(network)} == {
        *(1, 2, 3, 4, 5)
    }
    assert not sequences(conv_net(1))


def test_a_sequence_is_turned_round() -> None:
    model, tokens = made(transformer()), torch.arange(15).view(3, 5) % 7
    found: list[Tensor] = []
    each_feature(model, tokens, found.append, "expressivity")
    assert [tuple(feature.shape) for feature in found] == [(3, 4, 5)] * 2


def test_features_of_modules_have_the_dimensions_of_the_inputs() -> None:
    maps = [nn.Conv1d(2, 4, 3), nn.ReLU(), nn.MaxPool1d(2, 1), nn.ReLU()]
    model = nn.Sequential(*maps, nn.Flatten(), nn.Linear(36, 5), nn.ReLU()).double()
    vectors = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)).double()
    for each, inputs, sizes in (
        (model, normal(3, 2, 12), [(4, 10), (4, 9)]),
        (vectors, normal(3, 6), [(5,)]),
    ):
        found: list[Tensor] = []
        each_feature(each, inputs, found.append, "expressivity")
        assert [tuple(feature.shape[1:]) for feature in found] == sizes


def test_regions_of_a_network_with_one_unit() -> None:
    model = nn.Sequential(nn.Linear(3, 1), nn.ReLU()).double()
    assert regions(model, normal(50, 3)) == 2


def test_meco_says_that_vectors_have_no_places() -> None:
    with pytest.raises(Exception, match="every channel is one number"):
        smallest_eigenvalues(nn.Linear(3, 2).double(), normal(1, 3))


@pytest.mark.parametrize(
    ("op", "sizes"),
    [
        (Conv(4, 6, 3, 2, 1, dims=1), (9,)),
        (Conv(4, 6, 3, 1, 2, dilation=2, groups=2, dims=1), (7,)),
        (Conv(2, 3, 3, 1, 1, dims=3), (3, 2, 4)),
        (ConvTranspose(3, 4, 2, 2), (3, 4)),
        (ConvTranspose(3, 4, 3, 2, 1, 1), (3, 2)),
        (ConvTranspose(3, 4, 3, 2, 1, dims=1), (5,)),
    ],
)
def test_the_answers_of_a_convolution(op: Any, sizes: tuple[int, ...]) -> None:
    """Against one run for every channel, of ones in it and zeros elsewhere."""
    weight = normal(*shape(op)) - 0.5
    model = module(op).double()
    with torch.no_grad():
        turned = weight.transpose(0, 1) if isinstance(op, ConvTranspose) else weight
        model.weight.copy_(turned)  # type: ignore[operator]
        ones = torch.eye(op.in_channels, dtype=torch.float64)
        planes = ones.view(*ones.shape, *[1] * len(sizes)).expand(*ones.shape, *sizes)
        run = F.relu(model(planes)).flatten(2).sum(2)
    assert torch.equal(answers(op, (op.in_channels, *sizes), weight), run.T != 0)


def test_labels_of_every_place() -> None:
    from nas.batch import Batch
    from proxies._gradients import cross_entropy

    model, images = nn.Conv2d(1, 3, 1).double(), normal(4, 1, 5, 5)
    labels = (torch.arange(100) % 3).view(4, 5, 5)
    loss = partial(cross_entropy, model, Batch(images, labels))
    rows = model(images).permute(0, 2, 3, 1).reshape(-1, 3)
    assert torch.allclose(loss(), F.cross_entropy(rows, labels.flatten()))
    assert torch.allclose(loss(slice(0, 1)), F.cross_entropy(rows[:25], labels[0].flatten()))


def test_the_inputs_are_no_feature_map_of_a_module() -> None:
    """The only maps of this network have one pixel, and a pass copies its inputs first."""

    def make() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 8), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2))

    model = Candidate.of(make, (3, 8, 8)).model()
    assert last_map(model, torch.rand(5, 3, 8, 8), "zen").shape == (5, 4, 1, 1)
