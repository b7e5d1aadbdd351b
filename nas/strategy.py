"""What a strategy is: asked for the next architecture, told what came of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from random import Random

from nas.ranking import Ranking, by_score
from nas.registry import Registry
from nas.space import Arch, Space
from nas.trial import Trial


class Strategy(ABC):
    """Proposes architectures. It owns no generator: randomness is an argument."""

    ranking: Ranking = staticmethod(by_score)
    """How trials compare; a strategy that selects calls it on the set to select from."""

    def __init__(self, space: Space) -> None:
        self.space = space

    @abstractmethod
    def ask(self, rng: Random) -> Arch:
        """The next architecture to score; may be called several times before `tell`.

        It must not change what later calls answer: only `tell` does.
        """

    @abstractmethod
    def tell(self, trial: Trial) -> None:
        """Learn from a trial that was asked for; trials come in the order of their numbers."""


STRATEGIES: Registry[Strategy] = Registry("strategy", "strategies", Strategy)
