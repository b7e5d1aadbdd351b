"""What a strategy is: it proposes the next architecture and learns from the trial."""

from __future__ import annotations

from abc import ABC, abstractmethod
from inspect import signature
from random import Random

from nas.arch import Arch
from nas.ranking import Ranking, by_score
from nas.registry import Registry
from nas.space import Space
from nas.trial import Trial


class Strategy(ABC):
    """Proposes architectures. It has no generator of its own: randomness is an argument.

    A strategy takes its options after `space` and `ranking`: `__init__(self, space,
    ranking=by_score, *, population=64)`.
    """

    first_random: int = 0
    """How many first trials a strategy that learns draws at random, whatever it is told."""

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


def no_more_than_random(strategy: Strategy, total: int, block: int) -> str:
    """A sentence if so many trials are all the strategy's first random ones; else empty."""
    last_told = (total - 1) // block * block  # before it was asked for the last block
    if last_told >= strategy.first_random:
        return ""
    smaller = max(2, total // 4)
    population = "population" in signature(type(strategy)).parameters
    other = (
        f", or strategy.population={smaller}"
        if population and smaller < strategy.first_random
        else ""
    )
    return (
        f"the first {strategy.first_random} trials of {type(strategy).__name__} are random, so "
        f"these {total} were random search: give it more trials{other}"
    )


STRATEGIES: Registry[Strategy] = Registry("strategy", "strategies", Strategy, given=2)
