"""Names of layers, and of the modules made from them."""

from __future__ import annotations

from copy import deepcopy
from random import Random

import pytest
import torch

from nas.network import Add, Builder, Conv, Layer, Network, ReLU
from nas.network.module import NetworkModule
from nas.network.ops import Input
from tests.support.small import SMALL, small

LAYERED = sorted({*SMALL} - {"vit", "nasbench_nlp"})


def named(network: Network) -> list[str]:
    return [layer.name for layer in network.layers]


@pytest.mark.parametrize("name", LAYERED)
def test_all_layers_of_a_space_have_different_names_that_its_live_part_keeps(name: str) -> None:
    space = small(name)
    for seed in range(5):
        network = space.network(space.sample(Random(seed)))
        assert network is not None
        assert len({*named(network)}) == len(network.layers)
        assert all("." in each for each in named(network)[1:])
        new = {*named(network.live)} - {*named(network)}
        assert all(each.startswith("zeros.") for each in new)
        assert {*named(network.shared)} <= {*named(network)}


@pytest.mark.parametrize("name", LAYERED)
def test_parameters_are_drawn_in_the_order_of_the_layers(name: str) -> None:
    space = small(name)
    for seed in range(5):
        network = space.network(space.sample(Random(seed)))
        assert network is not None
        for each in (network, network.live):
            model = NetworkModule(each)
            ordered = [key for part in model.in_order for key in part.parameters()]
            assert [*map(id, model.parameters())] == [*map(id, ordered)]
            paths = dict(model.named_modules())
            for layer, part in zip(each.layers, model.in_order, strict=True):
                assert paths[layer.name] is part


def test_parameters_are_named_after_stages_cells_and_edges() -> None:
    space = small("nasbench201")
    weights = space.build((3,) * 6).state_dict()
    assert {"stem.conv.weight", "stages.0.cells.0.edges.1.conv.weight"} <= {*weights}
    assert {"stages.1.reduction.shortcut.conv.weight", "head.linear.bias"} <= {*weights}


def test_words_that_come_twice_are_numbered() -> None:
    net = Builder((3, 4, 4))
    with net.scope("body"):
        net.chain(net.input, ReLU(), Conv(3, 3, 1), ReLU())
        with net.scope("conv"):
            net.add(ReLU(), 1)
    assert named(net.build())[1:] == ["body.relu1", "body.conv1", "body.relu2", "body.conv.relu"]


def test_names_do_not_change_what_a_layer_is() -> None:
    assert Layer(ReLU(), (0,), "one") == Layer(ReLU(), (0,), "other")
    assert hash(Layer(ReLU(), (0,), "one")) == hash(Layer(ReLU(), (0,), "other"))
    net = Builder((3, 4, 4))
    twins = []
    for number in range(2):
        with net.scope("twins", number):
            twins.append(net.add(Conv(3, 3, 1), net.input))
    net.add(Add(), *twins)
    assert named(net.build().shared) == ["input", "twins.0.conv", "add"]


def test_layers_without_names_are_called_by_their_index() -> None:
    network = Network((Layer(Input((3, 4, 4))), Layer(Conv(3, 2, 1), (0,))))
    assert [*NetworkModule(network).state_dict()] == ["layers.1.weight"]


def test_a_copy_runs_its_own_modules() -> None:
    net = Builder((3, 4, 4))
    net.chain(net.input, Conv(3, 3, 1), ReLU())
    model = NetworkModule(net.build())
    copy = deepcopy(model)
    with torch.no_grad():
        for parameter in copy.parameters():
            parameter.zero_()
    inputs = torch.ones(2, 3, 4, 4)
    assert copy(inputs).abs().sum() == 0 != model.get_submodule("conv")(inputs).abs().sum()


@pytest.mark.parametrize("part", ["two words", "", "a-b", "1a"])
def test_a_bad_scope_is_one_sentence(part: str) -> None:
    net = Builder((3, 4, 4))
    with pytest.raises(ValueError, match="must be a number or a name"), net.scope("good", part):
        pass


def test_a_scope_that_is_an_attribute_of_modules_is_one_sentence() -> None:
    net = Builder((3, 4, 4))
    with net.scope("train"):
        net.add(ReLU(), net.input)
    with pytest.raises(ValueError, match=r"'train' in the name train\.relu"):
        NetworkModule(net.build())
