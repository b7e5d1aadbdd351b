"""Images with their channels last in memory: the same function, kept from layer to layer."""

from __future__ import annotations

from random import Random

import pytest
import torch
from torch import nn

from nas import SPACES, Candidate
from nas.network.module import NetworkModule
from nas.network.passes import plain
from nas.seeding import generator
from proxies._activations import units_of
from tests.support.small import small

NAMES = [name for name in SPACES if small(name).network(small(name).sample(Random(0)))]


def model_of(name: str) -> NetworkModule:
    space = small(name)
    model = Candidate(space, space.sample(Random(1))).model()
    assert isinstance(model, NetworkModule)
    return model


@pytest.mark.parametrize("name", NAMES)
def test_the_layout_changes_no_figure(name: str) -> None:
    model, inputs = model_of(name), small(name).batch(4, generator("layout")).inputs
    last = model(inputs)
    model.channels_last = False
    torch.testing.assert_close(last, model(inputs), rtol=1e-3, atol=1e-4)


def test_a_convolution_s_layout_is_kept_to_the_last_map() -> None:
    model, kept = model_of("nasbench201"), []
    for part in model.modules():
        if isinstance(part, nn.Conv2d | nn.BatchNorm2d):
            part.register_forward_hook(
                lambda _, __, out: kept.append(
                    out.is_contiguous(memory_format=torch.channels_last)
                )
            )
    model(torch.rand(4, 3, 8, 8))
    assert kept
    assert all(kept)


def test_float64_and_a_measured_network_have_the_layout_of_their_inputs() -> None:
    found: list[bool] = []
    for model, inputs in (
        (model_of("nasbench201").double(), torch.rand(4, 3, 8, 8).double()),
        (plain(model_of("nasbench201")), torch.rand(4, 3, 8, 8)),
    ):
        first = next(part for part in model.modules() if isinstance(part, nn.Conv2d))
        first.register_forward_hook(lambda _, given, __: found.append(given[0].is_contiguous()))
        model(inputs)
    assert found == [True, True]


def test_units_are_all_units_in_any_layout() -> None:
    maps = torch.rand(2, 3, 4, 5)
    for each in (maps, maps.contiguous(memory_format=torch.channels_last), maps[:, :, 0, 0]):
        assert units_of(each).shape == each.flatten(1).shape
        assert torch.equal(units_of(each).sort(1).values, each.flatten(1).sort(1).values)
