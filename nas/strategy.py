"""What a strategy is: asked for the next architecture, told what came of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from random import Random

from nas.arch import Arch
from nas.ranking import Ranking, by_score
from nas.registry import Registry
from nas.space import Space
from nas.trial import Trial


class Strategy(ABC):
    """Proposes architectures. It owns no generator: randomness is an argument.

    A strategy with options takes them after these two: `__init__(self, space, ranking=by_score,
    *, population=64)`.
    """

    def __init__(self, space: Space, ranking: Ranking = by_score) -> None:
        self.space = space
        self.ranking = ranking
        """How trials compare; a strategy that selects calls it on the set to select from."""

    @abstractmethod
    def ask(self, rng: Random) -> Arch:
        """The next architecture to score; may be called several times before `tell`.

        It must not change what later calls answer: only `tell` does.
        """

    @abstractmethod
    def tell(self, trial: Trial) -> None:
        """Learn from a trial that was asked for; trials come in the order of their numbers."""


STRATEGIES: Registry[Strategy] = Registry("strategy", "strategies", Strategy, given=2)
