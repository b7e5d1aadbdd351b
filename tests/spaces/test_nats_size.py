"""NATS-Bench's size space: notation, published counts, and networks against PyTorch's own."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nas import PROXIES, SPACES, Candidate, Space
from nas.seeding import generator
from tests.support.against_torch import assert_collapsed_is_dense, assert_is

EVERY = list(product(range(8), repeat=5))
STRINGS = {":".join(each) for each in product(map(str, range(8, 65, 8)), repeat=5)}


@pytest.fixture(scope="module")
def space() -> Space:
    return SPACES.build("nats_size")


def test_every_network_has_its_own_string(space: Space) -> None:
    assert space.size == len(EVERY) == 32768
    assert {space.format(arch) for arch in EVERY} == STRINGS
    assert all(space.parse(space.format(arch)) == arch for arch in EVERY)
    assert space.format((7, 3, 0, 1, 2)) == "64:32:8:16:24"


@settings(max_examples=300, deadline=None)
@given(
    st.text()
    | st.lists(st.integers(-8, 80), min_size=4, max_size=6).map(lambda n: ":".join(map(str, n)))
    | st.from_regex(r"(0?(8|16|64)[: ]){4}(8|80|٨)\s?")
)
def test_any_other_text_is_refused(text: str) -> None:
    if text not in STRINGS:
        with pytest.raises(ValueError, match="is no network of NATS-Bench's size space"):
            SPACES.build("nats_size").parse(text)


@pytest.mark.parametrize("sizes", [{"classes": 0}, {"resolution": 0}, {"resolution": 10}])
def test_sizes_that_do_not_fit_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"(classes|resolution)=\d+ must be"):
        SPACES.build("nats_size", **sizes)


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("8:8:8:8:8", 11_714),
        ("8:8:8:16:40", 67_378),
        ("8:8:16:40:40", 107_826),
        ("64:64:64:64:64", 713_674),
    ],
)
def test_parameters_are_the_benchmarks(space: Space, text: str, params: int) -> None:
    """Figures stored in NATS-sss-v1_0-50262, as users of it print them."""
    network = space.network(space.parse(text))
    assert network is not None
    assert network.params == params


def test_flops_are_the_benchmarks(space: Space) -> None:
    """Of number 12 in the benchmark's own notebook, which counts the classifier's biases too."""
    network = space.network(space.parse("8:8:8:16:40"))
    assert network is not None
    assert (network.flops + 10) / 1e6 == pytest.approx(7.991706, abs=1e-9)


def conv(inputs: int, channels: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
    return nn.Sequential(nn.ReLU(), layer, nn.BatchNorm2d(channels))


class Cell(nn.Module):
    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.to_one, self.to_two = conv(inputs, channels), conv(inputs, channels)
        self.one_two = conv(channels, channels)
        self.skip: nn.Module = nn.Identity()
        if inputs != channels:
            layer = nn.Conv2d(inputs, channels, 1, bias=False)
            self.skip = nn.Sequential(layer, nn.BatchNorm2d(channels))
        self.one_three, self.two_three = conv(channels, channels), conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        one = self.to_one(x)
        two = self.to_two(x) + self.one_two(one)
        output: Tensor = self.skip(x) + self.one_three(one) + self.two_three(two)
        return output


class Block(nn.Module):
    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(conv(inputs, channels, 2), conv(channels, channels))
        self.outer = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inputs, channels, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.inner(x) + self.outer(x)
        return output


def model(text: str, classes: int) -> nn.Sequential:
    """The benchmark's network, from the published string."""
    a, b, c, d, e = map(int, text.split(":"))
    stem = (nn.Conv2d(3, a, 3, 1, 1, bias=False), nn.BatchNorm2d(a))
    body = (Cell(a, a), Block(a, b), Cell(b, c), Block(c, d), Cell(d, e))
    head = (nn.BatchNorm2d(e), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*stem, *body, *head, nn.Linear(e, classes))


@pytest.mark.parametrize("seed", range(12))
def test_equals_pytorchs_own_network(seed: int) -> None:
    space = SPACES.build("nats_size", classes=3, resolution=8)
    arch = space.sample(Random(seed))
    assert_is(space, arch, model(space.format(arch), 3), seed, 4)


@pytest.mark.parametrize("weight", [0.03, 1.0])
def test_collapsed_is_dense(weight: float) -> None:
    assert_collapsed_is_dense(SPACES.build("nats_size", classes=3, resolution=8), weight)


def test_every_network_has_a_score(space: Space) -> None:
    """Those that change the channels in two cells are nearest to an underflow."""
    batch, proxy = space.batch(8, generator(0)), PROXIES.build("epsilon")
    for arch in [(7, 0, 7, 0, 7), (0, 7, 0, 7, 0), (0,) * 5, *Random(0).sample(EVERY, 40)]:
        assert proxy.score(Candidate(space, arch), batch) > 0, arch
