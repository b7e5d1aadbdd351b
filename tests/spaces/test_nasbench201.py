"""NAS-Bench-201: notation, counts, and when two cells are the same function."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import correlate

from nas import SPACES, Arch, Space
from tests.support.nasbench201_cells import EDGES, EVERY
from tests.support.tables import table

FIRST = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


@pytest.fixture(scope="module")
def space() -> Space:
    return SPACES.build("nasbench201")


def test_every_cell_has_its_own_string(space: Space) -> None:
    assert space.size == len(EVERY) == 15625
    assert len({space.format(arch) for arch in EVERY}) == 15625
    assert all(space.parse(space.format(arch)) == arch for arch in EVERY)
    assert space.format((0,) * 6) == FIRST


@pytest.mark.parametrize(
    "text",
    [
        FIRST.replace("none~0", "conv~0", 1),
        FIRST[1:],
        FIRST + "+|none~0|",
        FIRST.replace("~2", "~1"),
        FIRST.replace("|+|", "|", 1),
        "nor_conv_3x3",
    ],
)
def test_other_strings_are_refused(space: Space, text: str) -> None:
    with pytest.raises(ValueError, match="is not a NAS-Bench-201 cell"):
        space.parse(text)


@pytest.mark.long
def test_strings_and_parameters_are_those_of_the_benchmark(space: Space, data: Path) -> None:
    rows = table(data / "nasbench201.csv.gz")
    assert {space.parse(row["arch"]) for row in rows} == set(EVERY)
    for row in rows[::5]:
        network = space.network(space.parse(row["arch"]))
        assert network is not None
        assert network.params / 1e6 == pytest.approx(float(row["params_M"]), abs=5.1e-5)


def test_known_parameters_and_flops(space: Space) -> None:
    """Figures of the benchmark's own paper: the cell of 3x3 convolutions only."""
    network = space.network((3,) * 6)
    assert network is not None
    assert network.params == 1_531_546
    assert network.flops == pytest.approx(220.12e6, rel=2e-3)


def test_distinct_functions(space: Space) -> None:
    forms = {space.canonical(arch) for arch in EVERY}
    assert len(forms) == 5044
    assert all(space.canonical(form) == form for form in forms)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, 0, 3, 0, 0, 1), (0, 3, 0, 0, 0, 1)),  # a skip is its source
        ((3, 0, 0, 1, 0, 0), (0, 0, 0, 1, 0, 0)),  # what does not reach the output
        ((0, 0, 3, 1, 0, 1), (0, 0, 0, 1, 0, 0)),  # a convolution of nothing is nothing
        ((3, 0, 0, 0, 2, 0), (0, 3, 0, 0, 0, 2)),  # the inner nodes trade places
        ((3, 1, 1, 0, 0, 4), (3, 0, 0, 4, 4, 0)),  # pool (a + b) = pool a + pool b
    ],
)
def test_same_function(space: Space, one: Arch, other: Arch) -> None:
    assert space.canonical(one) == space.canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((3, 0, 1, 0, 1, 1), (3, 0, 1, 3, 0, 1)),  # one convolution, or two of one source
        ((1, 0, 0, 1, 1, 0), (0, 0, 0, 1, 0, 0)),  # x + x is not x
        ((4, 0, 0, 0, 4, 0), (0, 0, 0, 4, 0, 0)),  # pooled twice is not pooled once
        ((1, 1, 1, 0, 0, 3), (0, 0, 0, 3, 0, 0)),  # a convolution of 3x is not one of x: eps
    ],
)
def test_different_functions(space: Space, one: Arch, other: Arch) -> None:
    assert space.canonical(one) != space.canonical(other)


Kernels = list[NDArray[np.float64]]
COUNTS = correlate(np.ones((5, 5)), np.ones((3, 3)), mode="constant")


def cell(arch: Arch, kernels: Kernels, image: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cell's output for one channel, edge by edge, with a kernel for every edge."""
    nodes = [image, *(np.zeros_like(image) for _ in range(3))]
    for op, kernel, (source, target) in zip(arch, kernels, EDGES, strict=True):
        x = nodes[source]
        if op == 1:
            nodes[target] = nodes[target] + x
        elif op == 4:
            pooled = correlate(x, np.ones((3, 3)), mode="constant") / COUNTS
            nodes[target] = nodes[target] + pooled
        elif op in (2, 3):
            weights = kernel if op == 3 else kernel[1:2, 1:2]
            y = correlate(np.maximum(x, 0), weights, mode="constant")
            nodes[target] = nodes[target] + (y - y.mean()) / np.sqrt(y.var() + 1e-5)
    return nodes[3]


def same_for_some_assignment(one: Arch, other: Arch, rng: np.random.Generator) -> bool:
    """Whether the second cell can be given the first one's kernels so that outputs agree."""
    kernels = list(rng.normal(size=(6, 3, 3)))
    images = rng.normal(size=(2, 5, 5))
    target = [cell(one, kernels, image) for image in images]
    return any(
        all(
            np.allclose(cell(other, order, image), output, atol=1e-9)
            for image, output in zip(images, target, strict=True)
        )
        for order in (list(order) for order in permutations(kernels))
    )


@pytest.mark.long
def test_canonical_is_equality_of_functions(space: Space) -> None:
    """Against brute force: random kernels, every way to hand them out, on random images."""
    random, rng = Random(0), np.random.default_rng(0)
    classes: dict[Arch, list[Arch]] = {}
    for arch in EVERY:
        classes.setdefault(space.canonical(arch), []).append(arch)
    equal = [
        (form, random.choice(members)) for form, members in classes.items() if len(members) > 1
    ]
    for one, other in random.sample(equal, 60):
        assert same_for_some_assignment(one, other, rng), (one, other)
    forms = list(classes)
    near = [(form, space.canonical(space.mutate(form, random))) for form in forms]
    different = [(one, other) for one, other in near if one != other]
    for one, other in random.sample(different, 60):
        assert not same_for_some_assignment(one, other, rng), (one, other)
