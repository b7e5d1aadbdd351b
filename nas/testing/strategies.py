"""The contract of strategies, as a test class to subclass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import nan
from random import Random

import pytest

from nas.searching.history import History
from nas.searching.loop import trials
from nas.space import Arch
from nas.strategy import Strategy
from nas.trial import Evaluation, Trial


class StrategyContract:
    """The contract of strategies; override the fixture `make`."""

    @pytest.fixture
    def make(self) -> Callable[[], Strategy]:
        """A function that makes a new strategy at every call, with its default options."""
        raise NotImplementedError

    @pytest.mark.parametrize("scores", [[1.0], [nan], [0.0, nan, -1e300, 1e300], [nan, 2.0]])
    def test_asks_for_members_whatever_it_is_told(
        self, make: Callable[[], Strategy], scores: list[float]
    ) -> None:
        strategy = make()
        assert all(arch in strategy.space for arch in conversation(strategy, scores, 150))

    def test_owns_no_randomness(self, make: Callable[[], Strategy]) -> None:
        scores = [float(number % 17) for number in range(100)]
        archs = conversation(make(), scores, 100)
        assert archs == conversation(make(), scores, 100)
        assert len(set(archs)) > 10

    def test_asking_changes_nothing(self, make: Callable[[], Strategy]) -> None:
        scores = [float(number % 7) for number in range(100)]
        once = conversation(make(), scores, 100)
        assert once == conversation(make(), scores, 100, asks=3)

    def test_a_second_search_starts_anew(self, make: Callable[[], Strategy]) -> None:
        """A search works with a copy, so what it tells does not stay in the strategy."""
        strategy = make()
        first, second, other = (searched(each) for each in (strategy, strategy, make()))
        assert first == second == other
        scores = [float(number % 17) for number in range(100)]
        assert conversation(strategy, scores, 100) == conversation(make(), scores, 100)


class _Sums:
    """A score for every architecture, without building it."""

    def form(self, arch: Arch) -> Arch:
        return arch

    def metrics(self, arch: Arch) -> Mapping[str, float]:
        return {}

    def evaluate(self, arch: Arch) -> Evaluation:
        return Evaluation(float(sum(arch)), {}, 0.0)


def searched(strategy: Strategy) -> list[Arch]:
    """The architectures of a search with this object."""
    steps = trials(strategy, _Sums(), History(), budget=100, seed=0, block=3)
    return [trial.arch for trial in steps]


def conversation(
    strategy: Strategy, scores: Sequence[float], count: int, asks: int = 1
) -> list[Arch]:
    """The architectures that a strategy asks for if it is told these scores in order."""
    archs = []
    for number in range(count):
        for _ in range(asks):
            arch = strategy.ask(Random(f"0/{number}"))
        archs.append(arch)
        strategy.tell(Trial(number, arch, scores[number % len(scores)], {}, 0.0))
    return archs
