"""NAS-Bench-101: the benchmark's own names, parameters and count of cells, and epsilon on them."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import combinations, pairwise, permutations, product
from math import exp, isnan, prod
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nas import PROXIES, SPACES, Arch, Candidate
from nas.batch import Batch
from nas.collapse.outputs import Inputs, outputs
from nas.collapse.tensors import collapsed, flat
from nas.network import Concat, Narrow
from nas.seeding import generator
from proxies.epsilon import dense
from spaces import _nasbench101_graphs
from spaces.nasbench101 import NASBench101
from tests.support.tables import table

OPS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
COUNTS = {2: 1, 3: 6, 4: 84, 5: 2441, 6: 62_010, 7: 359_082}
"""Different cells by their number of vertices; `burnside` counts them."""

SPACE = NASBench101()
SMALLER = SPACES.build("nasbench101", channels=11, stacks=2, cells=1, classes=1, resolution=8)


def text(rows: list[str], ops: tuple[str, ...]) -> str:
    return f"{';'.join(rows)} {'|'.join(['input', *ops, 'output'])}"


@st.composite
def members(draw: st.DrawFn) -> Arch:
    """Valid tuples, many of them with vertices that do not count and with few edges."""
    vertices = draw(st.integers(2, 7))
    used = {*range(vertices - 1), 6}
    edges = [draw(st.integers(0, 1)) if {s, t} <= used else 0 for s, t in pairs(7)]
    ops = [draw(st.integers(0, 2)) for _ in range(draw(st.integers(vertices - 2, 5)))]
    arch = (*edges, *ops, *[0] * (5 - len(ops)))
    if arch not in SPACE:
        arch = SPACE.sample(Random(str(arch)))
    return arch


def pairs(vertices: int) -> list[tuple[int, int]]:
    return list(combinations(range(vertices), 2))


# The published table


@pytest.mark.long
def test_notation_names_and_numberings_are_those_of_the_benchmark(data: Path) -> None:
    rows = table(data / "nasbench101.csv.gz")
    assert len(rows) == 10_000
    for row in rows:
        published = " ".join(row[column] for column in SPACE.columns)
        arch = SPACE.parse(published)
        assert SPACE.format(arch) == published
        assert SPACE.canonical(arch) == arch, "the benchmark trained another numbering"
        assert SPACE.fingerprint(arch) == row["hash"]


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_parameters_are_those_of_the_benchmark(data: Path, step: int) -> None:
    for row in table(data / "nasbench101.csv.gz")[::step]:
        network = SPACE.network(SPACE.parse(f"{row['matrix']} {row['ops']}"))
        assert network.params == int(row["trainable_params"]), row["hash"]


def test_another_numbering_is_answered_as_the_benchmark_does() -> None:
    """The Inception-like cell of the official notebook, and what its query prints."""
    rows = ["0111010", "0000001", "0000001", "0000100", "0000001", "0000001", "0000000"]
    cell = SPACE.parse(text(rows, (OPS[1], OPS[0], OPS[0], OPS[0], OPS[2])))
    rows = ["0111100", "0000001", "0000001", "0000001", "0000010", "0000001", "0000000"]
    trained = text(rows, (OPS[0], OPS[1], OPS[2], OPS[0], OPS[0]))
    assert SPACE.format(SPACE.canonical(cell)) == trained
    assert SPACE.network(cell).params == 2_694_282


# Notation


@settings(max_examples=300, deadline=None)
@given(arch=members())
def test_every_tuple_has_its_own_text(arch: Arch) -> None:
    assert SPACE.parse(SPACE.format(arch)) == arch


def test_a_smaller_cell_has_a_smaller_matrix() -> None:
    assert SPACE.format((0,) * 5 + (1,) + (0,) * 20) == "01;00 input|output"
    three = text(["010", "001", "000"], OPS[1:2])
    arch = SPACE.parse(three)
    assert SPACE.format(arch) == three
    assert [pair for pair, edge in zip(pairs(7), arch, strict=False) if edge] == [(0, 1), (1, 6)]
    assert arch[21:] == (1, 0, 0, 0, 0)
    pool = (*arch[:21], 1, 0, 0, 2, 0)  # a vertex without edges, but not as an embedding has it
    assert SPACE.format(pool).startswith("010000;000001;000000;")


def test_what_does_not_count_is_read_and_pruned() -> None:
    rows = ["0110001", "0000000", "0001001", "0000000", "0000011", "0000001", "0000000"]
    whole = SPACE.parse(text(rows, (*OPS, *OPS[:2])))
    assert SPACE.canonical(whole) == SPACE.parse(text(["011", "001", "000"], OPS[1:2]))
    full = ["0" * (s + 1) + "1" * (6 - s) for s in range(7)]
    with pytest.raises(ValueError, match="at most 9 edges"):
        SPACE.parse(text(full, OPS[:1] * 5))
    isolated = ["0000001", "0011111", "0001111", "0000111", "0000011", "0000001", "0000000"]
    assert SPACE.canonical(SPACE.parse(text(isolated, OPS[:1] * 5)))[:21].count(1) == 1


GOOD = "011;001;000 input|conv3x3-bn-relu|output"


@pytest.mark.parametrize(
    "bad",
    [
        GOOD.replace(" ", "  "),
        GOOD.replace("011", "111"),
        GOOD.replace("000", "010"),
        GOOD.replace("011", "021"),
        GOOD.replace("011", "0¹1"),
        GOOD.replace("011", "0111"),
        GOOD.replace(";000", ""),
        GOOD.replace("conv3x3-bn-relu", "conv5x5-bn-relu"),
        GOOD.replace("conv3x3-bn-relu", "input"),
        GOOD.replace("input", "conv3x3-bn-relu"),
        GOOD.replace("|output", ""),
        GOOD + "|output",
        "0 input",
        " ",
        text(["0" * 8] * 8, OPS[:1] * 6),
        text(["010", "000", "000"], OPS[:1]),
    ],
)
def test_other_texts_are_refused(bad: str) -> None:
    assert SPACE.parse(GOOD) in SPACE
    with pytest.raises(ValueError, match="is not a NAS-Bench-101 cell"):
        SPACE.parse(bad)


@settings(max_examples=300, deadline=None)
@given(
    arch=members(),
    place=st.integers(0, 200),
    put=st.text("01; |ioc\n٣", max_size=2),
    cut=st.integers(0, 2),
)
def test_a_text_with_a_slip_is_refused_or_a_member(
    arch: Arch, place: int, put: str, cut: int
) -> None:
    good = SPACE.format(arch)
    slip = good[:place] + put + good[place + cut :]
    read, refusal = None, ""
    try:
        read = SPACE.parse(slip)
    except ValueError as error:
        refusal = str(error)
    assert read in SPACE or "is not a NAS-Bench-101 cell" in refusal


# Isomorphism


def renumbered(arch: Arch, rng: Random) -> Arch:
    """The cell with its vertices between in another order, still upper triangular."""
    edges = [pair for pair, edge in zip(pairs(7), arch, strict=False) if edge]
    while True:
        places = [0, *rng.sample(range(1, 6), 5), 6]
        moved = {(places[s], places[t]) for s, t in edges}
        if all(s < t for s, t in moved):
            ops = [arch[20 + places.index(vertex)] for vertex in range(1, 6)]
            return (*(int(pair in moved) for pair in pairs(7)), *ops)


@settings(max_examples=200, deadline=None)
@given(arch=members(), seed=st.integers(0, 2**32))
def test_numbers_do_not_matter(arch: Arch, seed: int) -> None:
    other = renumbered(arch, Random(seed))
    assert other in SPACE
    assert SPACE.canonical(other) == SPACE.canonical(arch)
    assert SPACE.fingerprint(other) == SPACE.fingerprint(arch)
    assert SMALLER.network(other) == SMALLER.network(arch)


@settings(max_examples=100, deadline=None)
@given(arch=members())
def test_edges_on_no_path_do_not_matter(arch: Arch) -> None:
    """Canonical and fingerprint against pruning by following every path."""
    edges = [pair for pair, edge in zip(pairs(7), arch, strict=False) if edge]
    paths = [[0]]
    counted: set[tuple[int, int]] = set()
    while paths:
        path = paths.pop()
        if path[-1] == 6:
            counted.update(pairwise(path))
        paths += [[*path, t] for s, t in edges if s == path[-1]]
    bare = (*(int(pair in counted) for pair in pairs(7)), *arch[21:])
    assert 1 <= len(counted) <= 9
    assert SPACE.canonical(bare) == SPACE.canonical(arch)
    assert sum(SPACE.canonical(arch)[:21]) == len(counted)
    assert SPACE.fingerprint(bare) == SPACE.fingerprint(arch)


def cells(vertices: int) -> list[Arch]:
    """Every cell without superfluous vertices or edges, in every numbering."""
    found = []
    output = vertices - 1
    places = {pair: place for place, pair in enumerate(pairs(7))}
    own = pairs(vertices)
    for size in range(vertices - 1, min(len(own), 9) + 1):
        for edges in combinations(own, size):
            sources, targets = {s for s, _ in edges}, {t for _, t in edges}
            if len(sources) == len(targets) == output:
                bits = [0] * 21
                for s, t in edges:
                    bits[places[s, 6 if t == output else t]] = 1
                for ops in product(range(3), repeat=vertices - 2):
                    found.append((*bits, *ops, *[0] * (7 - vertices)))
    return found


def burnside(vertices: int) -> Fraction:
    """How many different cells of so many vertices there are, without comparing any two.

    A class of labelled graphs has as many upper triangular numberings as the graph has orders, by
    the automorphisms that keep the labels; so classes are the sum over matrices of (labellings
    that an automorphism keeps, over all automorphisms) / orders.
    """
    columns = [(x, y) for y in range(vertices) for x in range(y)]
    codes = np.arange(2 ** len(columns), dtype=np.int64)
    codes = codes[sum(codes >> i & 1 for i in range(len(columns))) <= 9]
    for vertex in range(vertices):
        leaving = sum(1 << i for i, (x, _) in enumerate(columns) if x == vertex)
        entering = sum(1 << i for i, (_, y) in enumerate(columns) if y == vertex)
        for mask in (leaving * (vertex < vertices - 1), entering * (vertex > 0)):
            codes = codes[(codes & mask > 0) | (mask == 0)]
    orders, kept = np.zeros_like(codes), np.zeros_like(codes)
    for order in permutations(range(1, vertices - 1)):
        places = (0, *order, vertices - 1)
        moved, upward = np.zeros_like(codes), np.ones(len(codes), dtype=bool)
        for i, (x, y) in enumerate(columns):
            edge = codes >> i & 1
            if places[x] < places[y]:
                moved |= edge << columns.index((places[x], places[y]))
            else:
                upward &= edge == 0
        orders += upward
        kept += (upward & (moved == codes)) * 3 ** cycles(places)
    each = Counter(zip(kept.tolist(), orders.tolist(), strict=True))
    return sum((Fraction(k * times, n) for (k, n), times in each.items()), Fraction(0))


def cycles(places: tuple[int, ...]) -> int:
    """Cycles of a permutation, the first and the last number left out."""
    seen: set[int] = set()
    count = 0
    for start in range(1, len(places) - 1):
        count += start not in seen
        while start not in seen:
            seen.add(start)
            start = places[start]
    return count


def test_size_is_the_number_of_different_cells() -> None:
    assert {vertices: burnside(vertices) for vertices in COUNTS} == COUNTS
    assert SPACE.size == sum(COUNTS.values()) == 423_624
    assert SPACE.size < prod(SPACE.choices)


@pytest.mark.parametrize(
    "vertices", [2, 3, 4, 5, *(pytest.param(n, marks=pytest.mark.slow) for n in (6, 7))]
)
def test_every_cell_has_a_form_and_a_name_of_its_own(vertices: int) -> None:
    """Enumerated whole: as many forms as there are cells, and as many fingerprints."""
    forms = {SPACE.canonical(arch) for arch in cells(vertices)}
    assert len(forms) == COUNTS[vertices]
    assert all(form in SPACE and SPACE.canonical(form) == form for form in forms)
    assert len({SPACE.fingerprint(form) for form in forms}) == len(forms)


def test_samples_are_cells_all_equally_likely() -> None:
    rng = Random(3)
    drawn = Counter(_nasbench101_graphs.drawn(rng, vertices=4) for _ in range(200 * 91))
    assert len(drawn) == 1 + 6 + 84
    chi_squared = sum((times - 200) ** 2 / 200 for times in drawn.values())
    assert 48 < chi_squared < 149  # 90 degrees of freedom, 1e-4 on either side
    archs = [SPACE.sample(rng) for _ in range(2000)]
    assert all(arch in SPACE and SPACE.canonical(arch) == arch for arch in archs)
    seven = sum(SPACE.format(arch).count(";") == 6 for arch in archs)
    share = COUNTS[7] / SPACE.size
    assert abs(seven - 2000 * share) < 4 * (2000 * share * (1 - share)) ** 0.5


def test_the_edges_that_count_are_limited() -> None:
    """`valid` against counting the edges on paths, on random matrices."""
    rng = Random(0)
    for _ in range(2000):
        arch = (*(rng.randrange(2) for _ in range(21)), 0, 0, 0, 0, 0)
        edges = [pair for pair, edge in zip(pairs(7), arch, strict=False) if edge]
        after, before = {0}, {6}
        for _ in range(6):
            after |= {t for s, t in edges if s in after}
            before |= {s for s, t in edges if t in before}
        counted = [(s, t) for s, t in edges if {s, t} <= after & before]
        assert SPACE.valid(arch) == (1 <= len(counted) <= 9)


# The network


def test_channels_are_shared_out_and_cut() -> None:
    """Vertices 2, 3 and 4 into the output: 43, 43 and 42 of 128; vertex 1 as wide as 2."""
    rows = ["010000", "001110", "000001", "000001", "000001", "000000"]
    cell = SPACE.parse(text(rows, (OPS[0], OPS[0], OPS[1], OPS[2])))
    network = SPACE.network(cell)
    shapes = network.shapes
    joins = [
        [shapes[index] for index in layer.inputs]
        for layer in network.layers
        if isinstance(layer.op, Concat)
    ]
    assert joins[0] == [(43, 32, 32), (43, 32, 32), (42, 32, 32)]
    assert joins[-1] == [(171, 8, 8), (171, 8, 8), (170, 8, 8)]
    narrow = [layer.op.channels for layer in network.layers if isinstance(layer.op, Narrow)]
    assert narrow[:1] == [42]
    assert [shapes[index] for index in network.blocks[::3]] == [
        (128, 32, 32),
        (128, 32, 32),
        (256, 16, 16),
        (512, 8, 8),
    ]
    assert len(network.blocks) == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 4}, "channels=4 must be at least 5"),
        ({"stacks": 0}, "stacks=0 must be at least 1"),
        ({"cells": 0}, "cells=0 must be at least 1"),
        ({"classes": 0}, "classes=0 must be at least 1"),
        ({"resolution": 30}, "resolution=30 must be a multiple of 4"),
        ({"resolution": 0, "stacks": 1}, "resolution=0 must be a multiple of 1"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NASBench101(**options)


# Epsilon


def test_epsilon_is_the_reference_s(data: Path, cifar: Batch) -> None:
    """24 cells of the reference's float32: no score for the same 12, and the same digits.

    Its low outputs lie between 1e-31 and 1e-41, and those under 1.2e-38 are denormal; their
    rounding stays far below the bound, which so holds for all cells without exception.
    """
    space = SPACES.build("nasbench101", classes=1)
    proxy = PROXIES.build("epsilon")
    exact = PROXIES.build("epsilon", underflow="none")
    batch = Batch(cifar.inputs[:64])
    errors, missing, compared = [], 0, 0
    for row in table(data / "oracles" / "epsilon_nasbench101.csv"):
        candidate = Candidate(space, space.parse(f"{row['matrix']} {row['ops']}"))
        assert candidate.network is not None
        assert candidate.network.params == int(row["params"])
        score, expected = proxy.score(candidate, batch), float(row["epsilon_batch64"])
        assert isnan(score) == isnan(expected), row["hash"]
        if isnan(expected):
            missing += 1
        else:
            errors.append(abs(score / expected - 1))
        if row["epsilon_float64"]:
            compared += 1
            error = abs(exact.score(candidate, batch) / float(row["epsilon_float64"]) - 1)
            assert error < 1e-11, row["hash"]
    assert (missing, len(errors), compared) == (12, 12, 8)
    assert max(errors) < 2e-4


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("weight", [0.01, 3.0])
def test_collapsed_is_dense(seed: int, weight: float) -> None:
    """Uneven channels, a concatenation and projections: tensors and kernels against a module."""
    arch = SMALLER.sample(Random(seed))
    network = SMALLER.network(arch)
    assert network is not None
    inputs = SMALLER.batch(8, generator(seed)).inputs.double()
    expected = dense(SMALLER.build(arch).double(), inputs, weight)
    [kernels] = outputs(network, Inputs(inputs), [weight])
    for values, scale in (flat(collapsed(network, inputs, weight)), kernels):
        assert torch.allclose(values * exp(scale), expected, rtol=1e-8, atol=0)
