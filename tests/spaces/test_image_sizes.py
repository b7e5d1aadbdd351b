"""Grey images, many channels and images that are not square, in every space of images."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from random import Random
from typing import Any

import pytest
import torch

from nas import PROXIES, SPACES, Candidate, Space, UsageError
from nas.seeding import generator
from proxies.epsilon import Epsilon, dense, epsilon
from tests.support.command_line import SMALL as WORDS
from tests.support.command_line import check_mistake, nas
from tests.support.small import SMALL

NAMES = tuple(name for name in SPACES if "resolution" in SMALL.get(name, {}))


def sized(name: str, channels: int, *factors: int) -> Space:
    """A small space with so many channels and sides that are multiples of its own."""
    options: dict[str, Any] = dict(SMALL[name])
    side = options.pop("resolution")
    sides = [factor * side for factor in factors]
    return SPACES.build(name, **options, resolution=sides, input_channels=channels)


def test_all_spaces_of_images_are_here() -> None:
    assert {*SPACES} - {*NAMES} == {"nasbench_nlp"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("channels", "factors"), [(1, (1, 1)), (2, (1, 2)), (5, (3, 1))])
def test_every_proxy_of_gradients_and_counts_runs(
    name: str, channels: int, factors: tuple[int, int]
) -> None:
    space = sized(name, channels, *factors)
    side = SMALL[name]["resolution"]
    assert space.inputs == (channels, factors[0] * side, factors[1] * side)
    batch = space.batch(2, generator("sizes"))
    assert batch.inputs.shape == (2, *space.inputs)
    candidate = Candidate(space, space.sample(Random(1)))
    outputs = candidate.model().eval()(batch.inputs)
    assert outputs.ndim == 2
    assert PROXIES.build("synflow").score(candidate, batch) > 0
    counted = sum(part.numel() for part in candidate.model().parameters())
    assert PROXIES.build("params").score(candidate, batch) == counted


def cases() -> Iterator[tuple[str, int, tuple[int, int]]]:
    for name in NAMES:
        if name != "vit":  # epsilon does not exist there
            yield name, 1, (1, 1)
            if not name.startswith(("transnas", "mnasnet")):  # as many pixels take long
                yield name, 2, (1, 2)
    yield "nasbench201", 4, (3, 2)


@pytest.mark.parametrize(("name", "channels", "factors"), list(cases()))
def test_epsilon_is_that_of_the_dense_network(
    name: str, channels: int, factors: tuple[int, int]
) -> None:
    space = sized(name, channels, *factors)
    batch = space.batch(3, generator("sizes"))
    proxy = Epsilon(low=5e-3, underflow="none", dtype="float64")
    found = 0
    for seed in range(4):
        candidate = Candidate(space, space.sample(Random(seed)))
        model = candidate.model().double()
        low, high = (
            (dense(model, batch.inputs.double(), weight).flatten(), 0.0)
            for weight in proxy.shared_weights(space)
        )
        score = proxy.score(candidate, batch)
        assert score == pytest.approx(epsilon(low, high), rel=1e-8, nan_ok=True)
        found += not isnan(score)
    assert found


@pytest.mark.parametrize("name", NAMES)
def test_wrong_sizes_are_named(name: str) -> None:
    options = {**SMALL[name]}
    side = options.pop("resolution")
    for wrong in ([side, side + 1], [1, side]):
        with pytest.raises(UsageError, match=r"resolution=.*must be a multiple of"):
            SPACES.build(name, **options, resolution=wrong)
    with pytest.raises(UsageError, match=r"resolution=\[8\] must be a (whole )?number"):
        SPACES.build(name, **options, resolution=[8])
    with pytest.raises(UsageError, match="input_channels=0 must be at least 1"):
        SPACES.build(name, **options, resolution=side, input_channels=0)


def test_equal_sides_are_one_side() -> None:
    """So that the keys of kept scores are the same."""
    one, other = SPACES.build("nasbench201"), SPACES.build("nasbench201", resolution=[32, 32])
    assert one == other
    assert repr(one) == repr(other)


def test_three_channels_are_as_before() -> None:
    space = SPACES.build("nasbench201", channels=4, cells=1, resolution=[8, 12])
    other = SPACES.build("nasbench201", channels=4, cells=1, resolution=8)
    for seed in range(3):
        arch = space.sample(Random(seed))
        wide, square = space.network(arch), other.network(arch)
        assert wide is not None
        assert square is not None
        assert wide.params == square.params
        assert torch.Size((8, 12)) == torch.Size(wide.shapes[0][1:])


def test_on_the_command_line() -> None:
    sizes = ["space.resolution=[8,16]", "space.input_channels=1"]
    words = [word for word in WORDS if "resolution" not in word]
    done = nas("score", "(3,3,3,3,3,3)", *words, *sizes, "proxy=synflow")
    assert (done.code, done.err) == (0, "")
    check_mistake(nas("score", "(3,3,3,3,3,3)", *words, "space.resolution=[8,a]"), ["[8, 'a']"])
