"""TransNAS-Bench-101: notation, networks against PyTorch's own, and when cells are the same."""

from __future__ import annotations

from itertools import permutations, product
from math import isnan
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import correlate
from torch import Tensor, nn
from torch.nn import functional as F

from nas import PROXIES, SPACES, Arch, Candidate, Space
from nas.seeding import generator
from tests.support.against_torch import assert_collapsed_is_dense, assert_is
from tests.support.small import small
from tests.support.tables import table

NAMES = ("transnas_micro", "transnas_macro")
CELLS = list(product(range(4), repeat=6))
EDGES = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]


def digits(text: str) -> bool:
    """Whether the digits are a macro network: the rule of the paper, written down anew."""
    doubled, halved = (sum(text.count(digit) for digit in pair) for pair in ("24", "34"))
    return 4 <= len(text) <= 6 and 1 <= doubled <= 3 and 1 <= halved <= 4


NUMBERS = ["".join(text) for length in range(8) for text in product("1234", repeat=length)]
EVERY = {
    "transnas_micro": {
        "64-41414-{}_{}{}_{}{}{}".format(*text) for text in product("0123", repeat=6)
    },
    "transnas_macro": {f"64-{text}-basic" for text in filter(digits, NUMBERS)},
}


@pytest.fixture(scope="module")
def micro() -> Space:
    return SPACES.build("transnas_micro")


@pytest.fixture(scope="module")
def macro() -> Space:
    return SPACES.build("transnas_macro")


@pytest.mark.parametrize("name", NAMES)
def test_every_architecture_has_its_own_string(name: str) -> None:
    space = SPACES.build(name)
    members = [arch for arch in product(*map(range, space.choices)) if arch in space]
    assert space.size == len(members) == {"transnas_micro": 4096, "transnas_macro": 3256}[name]
    assert {space.format(arch) for arch in members} == EVERY[name]
    assert all(space.parse(space.format(arch)) == arch for arch in members)


def test_known_strings(micro: Space, macro: Space) -> None:
    """The examples of the benchmark's own README."""
    assert micro.parse("64-41414-1_02_333") == (1, 0, 2, 3, 3, 3)
    assert macro.parse("64-1234-basic") == (0, 1, 2, 3, 4, 4)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_those_of_the_benchmark(name: str, data: Path) -> None:
    rows = table(data / "transnasbench101.csv.gz")
    archs = [row["arch"] for row in rows if f"transnas_{row['space']}" == name]
    assert len(archs) == SPACES.build(name).size
    assert set(archs) == EVERY[name]


@settings(max_examples=300, deadline=None)
@given(
    st.text()
    | st.from_regex(r"64-[0-5]{3,7}-(basic|[0-5]_[0-5]{2}_[0-5]{3})", fullmatch=True)
    | st.from_regex(r"6?4?-?\d{3,6}-[a-z0-9_]*\s?")
)
def test_any_other_text_is_refused(text: str) -> None:
    for name, strings in EVERY.items():
        if text not in strings:
            with pytest.raises(ValueError, match="TransNAS-Bench-101"):
                SPACES.build(name).parse(text)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "sizes",
    [{"channels": 3}, {"channels": 0}, {"classes": 0}, {"resolution": 30}, {"resolution": 0}],
)
def test_sizes_that_do_not_fit_are_refused(name: str, sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"(channels|classes|resolution)=\d+ must be"):
        SPACES.build(name, **sizes)


def conv(inputs: int, channels: int, kernel: int, stride: int) -> nn.Sequential:
    padding = kernel // 2
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, channels, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(channels),
    )


class Halved(nn.Module):
    """What a skip is where it halves the resolution: padded first, then moved by one pixel."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.left = nn.Conv2d(inputs, channels // 2, 1, 2, bias=False)
        self.right = nn.Conv2d(inputs, channels // 2, 1, 2, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x.clamp(min=0)
        moved = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        output: Tensor = self.norm(torch.cat([self.left(x), self.right(moved)], 1))
        return output


class Cell(nn.Module):
    def __init__(self, arch: Arch, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        self.arch, self.channels, self.stride = arch, channels, stride
        self.edges = nn.ModuleList()
        for op, (source, _) in zip(arch, EDGES, strict=True):
            sizes = (channels, channels, 1) if source else (inputs, channels, stride)
            if op >= 2:
                self.edges.append(conv(*sizes[:2], {2: 1, 3: 3}[op], sizes[2]))
            elif op == 1 and sizes != (channels, channels, 1):
                self.edges.append(Halved(inputs, channels))
            else:
                self.edges.append(nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        size = [len(x), self.channels, *(length // self.stride for length in x.shape[2:])]
        nodes = [x, *(x.new_zeros(size) for _ in range(3))]
        for op, edge, (source, target) in zip(self.arch, self.edges, EDGES, strict=True):
            if op:
                nodes[target] = nodes[target] + edge(nodes[source])
        return nodes[3]


class Block(nn.Module):
    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            conv(inputs, channels, 3, stride), conv(channels, channels, 3, 1)
        )
        self.outer: nn.Module = nn.Identity()
        if (inputs, stride) != (channels, 1):
            shortcut = nn.Conv2d(inputs, channels, 1, stride, bias=False)
            self.outer = nn.Sequential(shortcut, nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.inner(x) + self.outer(x)
        return output


def model(text: str, channels: int, classes: int) -> nn.Sequential:
    """The benchmark's network, from the published string."""
    _, modules, block = text.split("-")
    half = channels // 2
    stem = nn.Conv2d(3, half, 3, 2, 1, bias=False)
    layers: list[nn.Module] = [stem, nn.BatchNorm2d(half), conv(half, channels, 3, 2)]
    for digit in modules:
        inputs, stride = channels, 2 if digit in "34" else 1
        channels *= 2 if digit in "24" else 1
        for sizes in ((inputs, channels, stride), (channels, channels, 1)):
            if block == "basic":
                layers.append(Block(*sizes))
            else:
                layers.append(Cell(tuple(map(int, block.replace("_", ""))), *sizes))
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))
    return nn.Sequential(*layers, *head)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(12))
def test_equals_pytorchs_own_network(name: str, seed: int) -> None:
    space = SPACES.build(name, channels=4, classes=3, resolution=64)
    arch = space.sample(Random(seed))
    assert_is(space, arch, model(space.format(arch), 4, 3), seed, 5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", NAMES)
def test_default_parameters_are_pytorchs(name: str, seed: int) -> None:
    space = SPACES.build(name)
    arch = space.sample(Random(seed))
    network = space.network(arch)
    assert network is not None
    with torch.device("meta"):
        own = model(space.format(arch), 64, 47)
    assert network.params == sum(parameter.numel() for parameter in own.parameters())


def test_known_parameters(micro: Space) -> None:
    """What a port of the benchmark's network counts for the cell of 3x3 convolutions only."""
    network = micro.network(micro.parse("64-41414-3_33_333"))
    assert network is not None
    assert network.params == 41_435_727
    assert network.shapes[-1] == (47,)
    assert network.shapes[network.blocks[-1]] == (512, 8, 8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("weight", [0.03, 1.0])
def test_collapsed_is_dense(name: str, weight: float) -> None:
    assert_collapsed_is_dense(small(name), weight)


def skips_through(arch: Arch) -> bool:
    """Whether skips alone lead from the cell's input to its output."""
    reached = {0}
    for op, (source, target) in zip(arch, EDGES, strict=True):
        if op == 1 and source in reached:
            reached.add(target)
    return 3 in reached


def test_scored_cells_are_those_with_a_path_of_skips() -> None:
    """The rule that epsilon's published constants have on NAS-Bench-201."""
    space = SPACES.build("transnas_micro", resolution=32)
    batch, proxy = space.batch(8, generator(0)), PROXIES.build("epsilon")
    assert sum(map(skips_through, CELLS)) == 1423
    for arch in Random(0).sample(CELLS, 200):
        assert isnan(proxy.score(Candidate(space, arch), batch)) != skips_through(arch), arch


def test_every_macro_network_has_a_score() -> None:
    space = SPACES.build("transnas_macro", resolution=32)
    batch, proxy = space.batch(8, generator(0)), PROXIES.build("epsilon")
    deepest = [space.parse(f"64-{text}-basic") for text in ("232233", "222333", "333422", "1411")]
    for arch in [*deepest, *(space.sample(Random(seed)) for seed in range(40))]:
        assert proxy.score(Candidate(space, arch), batch) > 0, arch


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1_01_000", "0_00_000"),  # what does not reach the output
        ("1_01_001", "0_00_100"),  # a skip of a skip is a skip
        ("0_30_002", "3_00_020"),  # the inner nodes trade places
        ("0_02_100", "0_00_100"),  # a convolution of nothing is nothing
        ("3_20_023", "2_30_032"),
    ],
)
def test_same_function(micro: Space, one: str, other: str) -> None:
    first, second = (micro.parse(f"64-41414-{text}") for text in (one, other))
    assert micro.canonical(first) == micro.canonical(second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1_01_011", "1_10_011"),  # where they halve, two skips are not twice one
        ("1_00_110", "0_00_100"),
        ("3_01_011", "3_01_300"),
        ("2_00_010", "3_00_010"),
    ],
)
def test_different_functions(micro: Space, one: str, other: str) -> None:
    first, second = (micro.parse(f"64-41414-{text}") for text in (one, other))
    assert micro.canonical(first) != micro.canonical(second)


Kernels = list[NDArray[np.float64]]


def halving(arch: Arch, kernels: Kernels, image: NDArray[np.float64]) -> NDArray[np.float64]:
    """The output of a cell that halves, for one channel, with a kernel for every edge."""
    nodes = [image, *(np.zeros((4, 4)) for _ in range(3))]
    for op, kernel, (source, target) in zip(arch, kernels, EDGES, strict=True):
        x, y = nodes[source], np.maximum(nodes[source], 0)
        if op == 1 and source:
            nodes[target] = nodes[target] + x
        elif op:
            if op == 1:
                y = kernel[0, 0] * y + kernel[0, 1] * np.roll(y, -1, (0, 1))
            else:
                weights = kernel if op == 3 else kernel[1:2, 1:2]
                y = correlate(y, weights, mode="constant")
            y = y if source else y[::2, ::2]
            nodes[target] = nodes[target] + (y - y.mean()) / np.sqrt(y.var() + 1e-5)
    return nodes[3]


def same_for_some_assignment(one: Arch, other: Arch, rng: np.random.Generator) -> bool:
    """Whether the second cell can be given the first one's kernels so that outputs agree."""
    kernels = list(rng.normal(size=(6, 3, 3)))
    image = rng.normal(size=(8, 8))
    target = halving(one, kernels, image)
    return any(
        np.allclose(halving(other, list(order), image), target, atol=1e-9)
        for order in permutations(kernels)
    )


@pytest.mark.long
def test_canonical_is_equality_of_functions(micro: Space) -> None:
    """Against brute force, in a cell that halves: random kernels, every way to hand them out."""
    random, rng = Random(0), np.random.default_rng(0)
    classes: dict[Arch, list[Arch]] = {}
    for arch in CELLS:
        classes.setdefault(micro.canonical(arch), []).append(arch)
    equal = [
        (form, random.choice(members[1:])) for form, members in classes.items() if members[1:]
    ]
    for one, other in random.sample(equal, 40):
        assert same_for_some_assignment(one, other, rng), (one, other)
    near = [(form, micro.canonical(micro.mutate(form, random))) for form in classes]
    different = [(one, other) for one, other in near if one != other]
    for one, other in random.sample(different, 40):
        assert not same_for_some_assignment(one, other, rng), (one, other)
