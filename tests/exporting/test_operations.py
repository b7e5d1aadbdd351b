"""Each operation in a source, against its module; the example spaces as sources."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from random import Random

import pytest
import torch
from torch import Tensor

from nas import SPACES, Network
from nas.exporting.source import source
from nas.network import Builder, Conv, Dropout, Op, Shape
from nas.network.module import NetworkModule
from nas.seeding import generator
from tests.exporting.test_source import OLD, imported
from tests.support.operations import CASES, TOKENS, VOCABULARY, one, scaled
from tests.test_example_spaces import FOLDER, NAMES


def check(network: Network, inputs: Tensor) -> None:
    """The source's outputs are the module's; it can be scripted."""
    ours = NetworkModule(network)
    theirs = imported(source(network, "Net", "A network.")).create_model()
    theirs.load_state_dict(ours.state_dict())
    scripted = torch.jit.script(theirs)
    for training in (False, True):  # training changes the statistics that both share
        expected = ours.train(training)(inputs)
        for made in (theirs, scripted):
            found = made.train(training)(inputs)
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def drawn(shape: Shape) -> Tensor:
    if shape == TOKENS:
        return torch.randint(VOCABULARY, (3, *shape), generator=generator("tokens"))
    return torch.randn(3, *shape, generator=generator("inputs"))


@OLD
@pytest.mark.parametrize(("shape", "op", "number"), CASES)
def test_an_operation(shape: Shape, op: Op, number: int) -> None:
    kept = replace(op, p=0.0) if isinstance(op, Dropout) else op
    check(one(shape, kept, number), drawn(shape))


@OLD
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_factors_of_channels(dims: int) -> None:
    network = scaled(dims)
    check(network, drawn(network.shapes[0]))


def test_dropout_drops_in_training_alone() -> None:
    net = Builder((3, 8, 8))
    net.chain(net.input, Conv(3, 3, 1), Dropout(0.5))
    model = imported(source(net.build(), "Net", "A network.")).create_model()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert (model(drawn((3, 8, 8))) == 0).float().mean() > 0.3
    assert (model.eval()(drawn((3, 8, 8))) != 0).all()


@OLD
@pytest.mark.parametrize("name", NAMES)
def test_an_example_space(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    SPACES.load()
    monkeypatch.setattr(SPACES, "_plugins", dict(SPACES._plugins))
    monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.import_module(name)
    space = SPACES.build(name)
    for seed in range(2):
        network = space.network(space.sample(Random(seed)))
        assert network is not None
        plain = Network(
            tuple(
                replace(
                    each, op=replace(each.op, p=0.0) if isinstance(each.op, Dropout) else each.op
                )
                for each in network.layers
            )
        )
        check(plain, space.batch(4, generator(seed)).inputs)
