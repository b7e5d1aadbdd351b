"""The contract of strategies, as a test class to subclass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan
from random import Random

import pytest

from nas.space import Arch
from nas.strategy import Strategy
from nas.trial import Trial


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
