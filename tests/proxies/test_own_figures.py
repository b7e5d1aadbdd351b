"""Proxies against figures of this project's own slow computations, which need no real data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nas import PROXIES, Candidate
from tests.support import make_oracles
from tests.support.make_oracles import EPSILON, FILE, OF_CELL, OF_TINY
from tests.support.slow_proxies import PLAIN
from tests.support.small import SMALL, small

FIGURES: dict[str, Any] = json.loads(FILE.read_text())
CELLS = [(space, cell) for space in EPSILON for cell in FIGURES["epsilon"][space]["cells"]]
SCORES: dict[str, float] = FIGURES["tiny"] | FIGURES["cell"]
PROXIES_THERE = [*OF_TINY, *OF_CELL]


def test_the_file_is_of_what_the_script_computes() -> None:
    assert FIGURES["made_by"] == make_oracles.MADE_BY
    assert list(FIGURES["tiny"]) == list(OF_TINY)
    assert list(FIGURES["cell"]) == ["tuple", *OF_CELL]
    for space, (_, number) in EPSILON.items():
        assert FIGURES["epsilon"][space]["macro"] == SMALL[space]
        assert len(FIGURES["epsilon"][space]["cells"]) == number


@pytest.mark.parametrize("space", EPSILON)
def test_the_images_are_those_of_the_file(space: str) -> None:
    total = make_oracles.natural(space).inputs.double().sum().item()
    assert total == pytest.approx(FIGURES["epsilon"][space]["sum_of_inputs"], rel=1e-6)


@pytest.mark.parametrize(("name", "cell"), CELLS)
def test_epsilon_is_the_file_s(name: str, cell: str) -> None:
    space = small(name)
    proxy = PROXIES.build("epsilon", underflow="none", dtype="float64")
    score = proxy.score(Candidate(space, space.parse(cell)), make_oracles.natural(name))
    assert score == pytest.approx(FIGURES["epsilon"][name]["cells"][cell], rel=1e-8)


@pytest.mark.parametrize("name", PROXIES_THERE)
def test_a_proxy_is_the_file_s(name: str) -> None:
    score = PROXIES.build(name).score(make_oracles.candidate(name), make_oracles.batch(name))
    assert score == pytest.approx(SCORES[name], rel=1e-8)


@pytest.mark.parametrize("space", EPSILON)
def test_the_slow_epsilon_gives_the_file_s_figures(space: str) -> None:
    there = FIGURES["epsilon"][space]["cells"]
    for cell, score in make_oracles.epsilons(space, 3).items():
        assert score == pytest.approx(there[cell], rel=1e-10)


@pytest.mark.parametrize("name", PROXIES_THERE)
def test_the_slow_computation_gives_the_file_s_figure(name: str) -> None:
    score = PLAIN[name](make_oracles.candidate(name), make_oracles.batch(name))
    assert score == pytest.approx(SCORES[name], rel=1e-10)
