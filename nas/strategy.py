"""What a strategy is: it proposes the next architecture and learns from the trial."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from random import Random
from typing import ClassVar

from nas.arch import Arch
from nas.errors import UsageError
from nas.ranking import Ranking, by_score
from nas.registry import Registry
from nas.space import Space
from nas.trial import Trial

Move = Callable[[Sequence[Arch]], Sequence[float]]
"""Scores architectures before they are tried, -inf where there is no score."""
DRAWS = 10
"""Of so many draws `move` chooses one."""


class Strategy(ABC):
    """Proposes architectures. It has no generator of its own: randomness is an argument.

    A strategy takes its options after `space` and `ranking`: `__init__(self, space,
    ranking=by_score, *, population=64)`.
    """

    first_random: int = 0
    """How many first trials a strategy that learns draws at random, whatever it is told."""
    first_random_option: ClassVar[str] = ""
    """The strategy's option that says how many these are."""
    moves: ClassVar[bool] = False
    """Whether the strategy heeds `move`."""
    move: Move | None = None
    """What chooses, in place of the trials' scores, where the search goes on: `move=PROXY`."""
    expected: tuple[Arch, ...] = ()
    """The answers of `ask` that are being scored and will be told; the loop sets it."""

    def __init__(self, space: Space, ranking: Ranking = by_score) -> None:
        self.space = space
        self.ranking = ranking
        """How trials compare; a strategy calls it with the set of trials that it selects from."""

    @abstractmethod
    def ask(self, rng: Random) -> Arch:
        """The next architecture to score; the loop may ask several times before it tells.

        `ask` must not change what later calls return; only `tell` may.
        """

    @abstractmethod
    def tell(self, trial: Trial) -> None:
        """Learn from a trial of an architecture that `ask` returned; trials come in order."""

    def promising(self, archs: Sequence[Arch]) -> Arch:
        """The one that `move` scores highest, the first of equals; without `move` the first."""
        if self.move is None:
            return archs[0]
        values = self.move(archs)
        return archs[max(range(len(archs)), key=lambda place: values[place])]

    def proposed(self, draw: Callable[[], Arch]) -> Arch:
        """One draw; with `move` the best of 10 by it."""
        return self.promising([draw() for _ in range(1 if self.move is None else DRAWS)])


def moved_by(strategy: Strategy, move: Move) -> Strategy:
    """A copy of the strategy that heeds `move`; UsageError for a strategy that cannot."""
    check_moves(strategy)
    other = copy(strategy)
    other.move = move
    return other


def check_moves(strategy: Strategy) -> None:
    """Raise UsageError for a strategy that does not heed `move`."""
    if not strategy.moves:
        able = [name for name in STRATEGIES if STRATEGIES[name].moves]
        raise UsageError(
            f"{type(strategy).__name__} chooses by trials alone, so move= does nothing there: "
            f"leave it out, or use strategy={' or '.join(able)}"
        )


def no_more_than_random(strategy: Strategy, total: int, block: int) -> str:
    """A sentence if so many trials are all the strategy's first random ones; else empty."""
    last_told = (total - 1) // block * block  # before it was asked for the last block
    if last_told >= strategy.first_random:
        return ""
    least = -(-strategy.first_random // block) * block
    option = strategy.first_random_option
    return (
        f"the first {strategy.first_random} trials of {type(strategy).__name__} are random, and "
        f"this search had {total}: allow more than {least} trials"
        f"{f', or give a smaller strategy.{option}' if option else ''}"
    )


STRATEGIES: Registry[Strategy] = Registry("strategy", "strategies", Strategy, given=2)
