"""The compiled kernels, against the same outputs computed with tensors."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import exp, inf, isnan
from multiprocessing import get_context
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nas import PROXIES, SPACES, Candidate, Space
from nas.batch import Batch
from nas.collapse.outputs import Inputs, outputs
from nas.collapse.planes import BUFFERS, Rooms
from nas.collapse.program import Program
from nas.collapse.tensors import collapsed, flat
from nas.data.synthetic import natural_images
from nas.network import (
    Add,
    AvgPool,
    BatchNorm,
    Builder,
    Concat,
    Conv,
    GlobalAvgPool,
    Linear,
    MaxPool,
    Network,
    Op,
    ReLU,
    Scale,
    Shape,
    Sigmoid,
    SiLU,
    Zero,
)
from nas.seeding import generator
from proxies.epsilon import Epsilon, epsilon
from tests.support.nasbench201_cells import EVERY
from tests.support.networks import chain, images, random_network

pytest.importorskip("numba")

WEIGHTS = (1e-7, 1e-3, 0.3, 7.0)


def by_kernels(network: Network, inputs: Tensor) -> list[tuple[Tensor, float]]:
    prepared = Inputs(inputs)
    assert prepared.planes is not None
    return outputs(network, prepared, WEIGHTS)


def assert_equal(network: Network, inputs: Tensor, tolerance: float = 1e-12) -> None:
    """The kernels' outputs are those of tensors in float64, relative to the largest entry."""
    for (values, scale), weight in zip(by_kernels(network, inputs), WEIGHTS, strict=True):
        expected, there = flat(collapsed(network, inputs.double(), weight))
        if there == -inf:
            assert scale == -inf
            assert not values.any()
            continue
        assert values.shape == expected.shape
        largest = expected.abs().max()
        difference = (values / largest * exp(scale - there) - expected / largest).abs().max()
        assert difference < tolerance, (weight, difference)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([1, 2, 7, 16]), layers=st.integers(6, 30))
def test_random_networks(seed: int, size: int, layers: int) -> None:
    assert_equal(random_network(Random(seed), layers), images(seed, size))


def squeezed(size: Shape = (3, 9, 9), stride: int = 1) -> Network:
    """An inverted bottleneck with squeeze-and-excitation, and a classifier."""
    net = Builder(size)
    node = net.chain(net.input, Conv(3, 8, 3, stride, 1), BatchNorm(8), SiLU())
    inner = net.chain(node, Conv(8, 8, 5, 1, 2, groups=8), BatchNorm(8), SiLU())
    factors = (GlobalAvgPool(), Linear(8, 2), SiLU(), Linear(2, 8), Sigmoid())
    inner = net.add(Scale(), inner, net.chain(inner, *factors))
    node = net.add(Add(), node, net.chain(inner, Conv(8, 8, 1), BatchNorm(8)))
    net.chain(node, SiLU(), Concat(), GlobalAvgPool(), Linear(8, 4))
    return net.build()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gates_and_factors(dtype: torch.dtype) -> None:
    tolerance = 1e-12 if dtype == torch.float64 else 2e-5
    for stride in (1, 2):
        assert_equal(squeezed(stride=stride), images(stride, 9).to(dtype), tolerance)


def test_gates_of_distinct_channels_and_of_zeros() -> None:
    net = Builder((3, 9, 9))
    node = net.add(SiLU(), net.add(Concat(), net.input, net.add(BatchNorm(3), net.input)))
    zeros = net.add(Zero(), net.input)
    net.add(Concat(), node, net.chain(zeros, Conv(3, 3, 1), SiLU()))
    assert_equal(net.build(), images(0, 4))
    net = Builder((3, 9, 9))
    means = net.add(GlobalAvgPool(), net.input)
    factors = net.add(Sigmoid(), net.add(SiLU(), means))
    net.add(Scale(), net.add(SiLU(), net.input), factors)
    assert_equal(net.build(), images(0, 4))


@pytest.mark.parametrize("images_in_a_block", [16, 32])
def test_images_in_blocks(images_in_a_block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    row = images_in_a_block * 9 * 8
    inputs, whole = images(3, 71), Inputs(images(3, 71))
    assert whole.planes is not None
    assert whole.planes.block == 71
    monkeypatch.setattr("nas.collapse.planes.ROW", row)
    blocks = Inputs(inputs)
    assert blocks.planes is not None
    assert blocks.planes.block == images_in_a_block
    for network in (squeezed(), *(random_network(Random(n), 20) for n in range(6))):
        pairs = zip(*(outputs(network, each, WEIGHTS) for each in (whole, blocks)), strict=True)
        for (one_way, scale), (other, there) in pairs:
            assert scale == pytest.approx(there, rel=1e-13)
            assert torch.allclose(one_way, other, rtol=1e-12, atol=1e-12 * one_way.abs().max())
        assert_equal(network, inputs)


@pytest.mark.long
def test_large_images_take_the_memory_of_a_few_maps() -> None:
    """Planes keep the sum of the channels alone, and both dtypes work in the same buffers."""
    size, images_of = 256, 24
    image = natural_images((3, size, size), images_of, generator("batch", 0)).inputs
    net, scores = Builder((3, size, size)), []
    rooms: Rooms = []
    node = net.input
    for width in (3, 4, 4, 4):
        node = net.chain(node, Conv(width, 4, 3, 1, 1), BatchNorm(4), ReLU(), SiLU())
        node = net.add(Add(), node, net.add(MaxPool(3, 1, 1), node))
    net.chain(node, GlobalAvgPool(), Linear(4, 2))
    for dtype in (torch.float32, torch.float64, torch.float32):
        inputs = Inputs(image, dtype, rooms)
        low, high = outputs(net.build(), inputs, (1e-3, 1.0))
        scores.append(epsilon(low, high))
        assert inputs.planes is not None
        assert inputs.planes.values.shape == (1, images_of * size * size)
        [room] = rooms
        maps = room.nbytes / (8 * images_of * size * size)
        assert maps < 9
    assert scores[0] == scores[2] == pytest.approx(scores[1], rel=1e-4)


def one(op: Op, *, size: Shape = (3, 7, 10), relu: bool = False) -> Network:
    """A few distinct channels, then the operation, whose output is the network's."""
    net = Builder(size)
    channels = size[0]
    node = net.add(Concat(), net.input, net.add(BatchNorm(channels), net.input))
    if relu:
        node = net.add(ReLU(), node)
    net.add(op, node)
    return net.build()


WINDOWS: list[Op] = [
    *(
        Conv(6, 4, kernel, stride, padding, dilation, groups)
        for kernel, stride, padding, dilation, groups in [
            (1, 1, 0, 1, 1),
            (1, 2, 0, 1, 2),
            (1, 1, 1, 1, 1),
            (2, 1, 0, 1, 1),
            (2, 2, 1, 1, 2),
            (3, 1, 1, 1, 1),
            (3, 1, 1, 1, 2),
            (3, 1, 0, 1, 1),
            (3, 1, 2, 2, 1),
            (3, 2, 1, 1, 1),
            (3, 3, 4, 2, 2),
            (5, 1, 2, 1, 1),
            (7, 2, 3, 1, 1),
        ]
    ),
    *(
        pool(kernel, stride, padding)
        for pool in (AvgPool, MaxPool)
        for kernel, stride, padding in [
            (1, 1, 0),
            (2, 2, 0),
            (2, 2, 1),
            (3, 1, 1),
            (3, 2, 1),
            (3, 1, 0),
            (5, 2, 2),
            (5, 1, 2),
        ]
    ),
]


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("op", WINDOWS, ids=str)
def test_windows(op: Op, relu: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(5, 3, 7, 10, generator=generator, dtype=torch.float64)
    assert_equal(one(op, relu=relu), inputs)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (2, 2), (1, 5), (3, 1)])
@pytest.mark.parametrize("op", [AvgPool(3, 1, 1), MaxPool(3, 1, 1), Conv(6, 2, 3, padding=1)])
def test_windows_larger_than_the_image(op: Op, size: tuple[int, int]) -> None:
    inputs = torch.randn(4, 3, *size, generator=torch.Generator().manual_seed(2)).double()
    assert_equal(one(op, size=(3, *size)), inputs)


def test_operations_after_the_spatial_mean() -> None:
    net = Builder((3, 6, 6))
    features = [
        net.chain(net.input, Conv(3, 4, kernel, padding=kernel // 2), GlobalAvgPool())
        for kernel in (1, 3, 5)
    ]
    total = net.add(Add(), *features)
    joined = net.add(Concat(), total, net.chain(features[1], ReLU()), net.add(Zero(), total))
    net.chain(joined, BatchNorm(12, dims=1), ReLU(), Linear(12, 5), ReLU(), Linear(5, 3))
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        assert_equal(net.build(), images(3, 8, 6).to(dtype), tolerance)


def test_channels_of_one_value_but_their_own_counts() -> None:
    """Concatenations of equal and of zero channels, through grouped and depthwise layers."""
    net = Builder((3, 6, 6))
    stem = net.chain(net.input, Conv(3, 5, 3, padding=1), BatchNorm(5))
    mixed = net.add(Concat(), stem, net.add(Zero(), stem), net.add(ReLU(), stem), stem)
    wide = net.add(Add(), mixed, mixed)
    grouped = net.add(Conv(20, 8, 3, padding=1, groups=4), wide)
    deep = net.add(Conv(20, 20, 3, padding=1, groups=20), mixed)
    net.chain(net.add(Concat(), grouped, deep, mixed), GlobalAvgPool())
    assert_equal(net.build(), images(4, 8, 6))


def many_maps() -> Network:
    """More maps are needed at a time than there are buffers at first."""
    net = Builder((3, 8, 8))
    stem = net.chain(net.input, Conv(3, 2, 3, padding=1), BatchNorm(2))
    branches = [net.chain(stem, Conv(2, 2, 3, padding=1), BatchNorm(2))]
    for _ in range(20):
        branches.append(net.chain(branches[-1], ReLU(), Conv(2, 2, 3, padding=1), BatchNorm(2)))
    net.chain(net.add(Add(), *branches), GlobalAvgPool(), Linear(2, 1))
    return net.build()


def test_more_maps_at_a_time_than_there_are_buffers_at_first() -> None:
    assert_equal(many_maps(), images(5, 8, 8))


def test_a_lack_of_memory_for_more_buffers_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the next network has what was there."""
    inputs = Inputs(images(5, 8, 8))
    planes = inputs.planes
    assert planes is not None
    arena = planes.arena

    def small(program: Program, buffers: int, *room: Any) -> Any:
        if buffers > BUFFERS:
            raise MemoryError
        return arena(program, buffers, *room)

    monkeypatch.setattr(planes, "arena", small)
    with pytest.raises(MemoryError):
        outputs(many_maps(), inputs, WEIGHTS)
    assert outputs(chain(3, norm=True), inputs, WEIGHTS)[0][0].isfinite().all()


@pytest.mark.parametrize("weight", [1e-30, 1e30])
def test_nothing_under_or_overflows(weight: float) -> None:
    inputs = images(0).abs().float()
    for norm in (True, False):
        ((values, scale),) = outputs(chain(200, norm), Inputs(inputs), (weight,))
        expected, there = flat(collapsed(chain(200, norm), inputs.double(), weight))
        assert values.isfinite().all()
        assert torch.allclose(values / values.max(), expected / expected.max(), rtol=1e-4)
        assert scale - there == pytest.approx(
            (expected.max() / values.max()).log().item(), abs=1e-4
        )


@pytest.mark.parametrize("op", [None, AvgPool(3, 1, 1), AvgPool(2, 2), Conv(3, 3, 3, groups=3)])
def test_a_small_spread_about_a_large_mean(op: Op | None) -> None:
    """A variance of 1e-6 at a mean of 1e6: as a difference of squares it would have no digit."""
    inputs = 1e6 + 1e-3 * images(6, 16)
    net = Builder((3, 9, 9))
    node = net.input if op is None else net.add(op, net.input)
    net.chain(node, BatchNorm(3), Conv(3, 2, 1), ReLU(), GlobalAvgPool(), Linear(2, 1))
    assert_equal(net.build(), inputs, 1e-6)


def test_a_constant_map_is_nothing_after_a_norm() -> None:
    net = Builder((3, 4, 4))
    dead = net.chain(net.input, Conv(3, 2, 1), BatchNorm(2))
    net.chain(dead, GlobalAvgPool(), Linear(2, 1))
    for dtype in (torch.float32, torch.float64):
        constant = torch.full((5, 3, 4, 4), 0.7, dtype=dtype)
        assert all(scale == -inf for _, scale in by_kernels(net.build(), constant))


def test_a_tiny_term_counts_where_the_large_one_is_zero() -> None:
    """ReLU of negative images looks large before it is computed, and is nothing."""
    net = Builder((3, 5, 5))
    dead = net.add(ReLU(), net.input)
    node = net.input
    for _ in range(6):
        node = net.add(Conv(3, 3, 1), node)
    net.chain(net.add(Add(), dead, node), GlobalAvgPool(), Linear(3, 1))
    inputs = -images(7, 8, 5).abs()
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        assert_equal(net.build(), inputs.to(dtype), tolerance)


def test_a_negligible_term_is_left_out_within_rounding() -> None:
    """Terms from 1e-2 to 1e-20 of the sum, of which float32 cannot hold the small ones."""
    for depth in range(1, 10):
        net = Builder((3, 5, 5))
        stem = net.chain(net.input, Conv(3, 4, 3, padding=1), BatchNorm(4))
        node = stem
        for _ in range(depth):
            node = net.chain(node, ReLU(), Conv(4, 4, 1))
        net.chain(net.add(Add(), net.add(AvgPool(3, 1, 1), stem), node), GlobalAvgPool())
        for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
            assert_equal(net.build(), images(8, 8, 5).to(dtype), tolerance)


def exact(candidate: Candidate, batch: Batch) -> float:
    """Epsilon with tensors, in float64."""
    network = candidate.network
    assert network is not None
    inputs = batch.inputs.double()
    weights = Epsilon().shared_weights(candidate.space)
    low, high = (flat(collapsed(network, inputs, w)) for w in weights)
    return epsilon(low, high, "float32")


@pytest.mark.parametrize(
    ("channels", "cells", "resolution", "size", "count"),
    [
        (16, 5, 8, 7, 25),
        (4, 1, 16, 64, 30),
        (7, 2, 12, 33, 30),
        (3, 3, 4, 2, 30),
        (16, 5, 32, 16, 8),
    ],
)
def test_scores_of_random_cells(
    channels: int, cells: int, resolution: int, size: int, count: int
) -> None:
    """1e-5 of the float64 score on all that have one, however small it is."""
    space = SPACES.build("nasbench201", channels=channels, cells=cells, resolution=resolution)
    batch = space.batch(size, generator("cells"))
    proxy = PROXIES.build("epsilon")
    for arch in Random(channels * size).sample(EVERY, count):
        candidate = Candidate(space, arch)
        assert proxy.score(candidate, batch) == pytest.approx(
            exact(candidate, batch), rel=1e-5, abs=1e-12, nan_ok=True
        ), arch


def test_one_image_has_no_score() -> None:
    space = SPACES.build("nasbench201", channels=4, cells=1, resolution=8)
    batch = space.batch(1, generator("one"))
    for arch in Random(1).sample(EVERY, 5):
        assert isnan(PROXIES.build("epsilon").score(Candidate(space, arch), batch))


@pytest.mark.parametrize("value", [float("nan"), inf])
@pytest.mark.parametrize("numba", [True, False])
def test_images_that_are_not_finite_have_no_score(
    value: float, numba: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not numba:
        without_numba(monkeypatch)
    space = SPACES.build("nasbench201", channels=4, cells=1, resolution=8)
    batch = space.batch(8, generator("bad"))
    batch.inputs[3, 1, 2, 0] = value
    assert isnan(PROXIES.build("epsilon").score(Candidate(space, (1,) * 6), batch))


def scores(space: Space, batch: Batch, archs: list[tuple[int, ...]]) -> list[str]:
    proxy = PROXIES.build("epsilon")
    return [repr(float(proxy.score(Candidate(space, arch), batch))) for arch in archs]


@pytest.mark.long
def test_the_same_score_in_any_order_thread_and_process() -> None:
    """To the last bit: no buffer is shared while a network runs, and nothing stays in one."""
    space = SPACES.build("nasbench201", cells=2, resolution=16)
    batch = space.batch(24, generator("threads"))
    archs = Random(9).sample(EVERY, 24)
    alone = [scores(space, space.batch(24, generator("threads")), [arch])[0] for arch in archs]
    assert scores(space, batch, archs) == alone
    assert scores(space, batch, archs[::-1]) == alone[::-1]
    with ThreadPoolExecutor(4) as threads:
        many = [threads.submit(scores, space, batch, archs) for _ in range(4)]
        assert [future.result() for future in many] == [alone] * 4
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        assert processes.submit(scores, space, batch, archs).result() == alone


def test_a_batch_is_sent_without_what_was_made_of_it() -> None:
    space = SPACES.build("nasbench201", channels=4, cells=1, resolution=8)
    batch = space.batch(64, generator("pickle"))
    plain = len(pickle.dumps(batch))
    scores(space, batch, [(3,) * 6])
    assert len(pickle.dumps(batch)) == plain
    key = ("collapse", torch.float32)
    made: object = batch.once(key, object)
    assert isinstance(made, Inputs)  # it was there, from the scoring
    assert not isinstance(pickle.loads(pickle.dumps(batch)).once(key, object), Inputs)


def without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "nas.collapse.kernels", raising=False)


def test_without_numba_tensors_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    network, inputs = random_network(Random(11), 25), images(11)
    compiled = by_kernels(network, inputs)
    without_numba(monkeypatch)
    prepared = Inputs(inputs)
    assert prepared.planes is None
    tensors = outputs(network, prepared, WEIGHTS)
    for (values, scale), (expected, there) in zip(compiled, tensors, strict=True):
        assert torch.allclose(values * exp(scale - there), expected, rtol=1e-10)


def _next(answers: Iterator[bool], _: object) -> bool:
    return next(answers)


@pytest.mark.parametrize("kernels", [True, False])
def test_after_the_last_pass_none_is_computed(
    kernels: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The passes that are computed are the same, and the memory is there for the next network."""
    network, inputs = chain(6, norm=True), Inputs(images(5))
    if not kernels:
        without_numba(monkeypatch)
    every = outputs(network, inputs, [0.1, 0.5, 2.0])
    for number in (1, 2):
        answers = iter([False] * (number - 1) + [True])
        some = outputs(network, inputs, [0.1, 0.5, 2.0], partial(_next, answers))
        assert len(some) == number
        for (values, scale), (expected, there) in zip(some, every, strict=False):
            assert torch.equal(values, expected)
            assert scale == there
    if (planes := inputs.planes) is not None:
        assert len(planes.rooms) == 1


@dataclass(frozen=True, slots=True)
class Strange(Op):
    """An operation that nothing knows."""


def test_what_kernels_do_not_know_is_left_to_tensors() -> None:
    net = Builder((3, 9, 9))
    net.chain(net.input, Conv(3, 2, 3), GlobalAvgPool(), Linear(2, 1))
    small = outputs(net.build(), Inputs(images(0, 4, 5)), WEIGHTS)  # another size than written
    expected = [flat(collapsed(net.build(), images(0, 4, 5), weight)) for weight in WEIGHTS]
    assert all(torch.equal(a[0], b[0]) for a, b in zip(small, expected, strict=True))
    assert Inputs(images(0).half()).planes is None
    net.add(Strange(), 1)
    with pytest.raises(TypeError, match="no rule for Strange"):
        outputs(net.build(), Inputs(images(0)), WEIGHTS)


def test_a_weight_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match=r"positive, not 0"):
        outputs(chain(1, True), Inputs(images(0)), (1.0, 0.0))


@pytest.mark.parametrize("size", [1e20, 1e37])
def test_numbers_whose_squares_are_none_are_left_to_tensors(size: float) -> None:
    inputs = images(0).float()
    inputs[0, 0, 0, 0] = size
    network = chain(3, norm=True)
    for (values, scale), weight in zip(by_kernels(network, inputs), WEIGHTS, strict=True):
        expected, there = flat(collapsed(network, inputs, weight))
        assert torch.allclose(values, expected, equal_nan=True)
        assert scale == pytest.approx(there, nan_ok=True)


def test_without_compilation_there_are_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.config.DISABLE_JIT", 1)
    assert Inputs(images(0)).planes is None
