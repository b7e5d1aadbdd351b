"""Random search."""

from __future__ import annotations

from random import Random

from nas import STRATEGIES, Arch, Strategy, Trial


@STRATEGIES.register("random")
class RandomSearch(Strategy):
    """Independent random samples of the space; the baseline that other strategies must beat."""

    def ask(self, rng: Random) -> Arch:
        return self.space.sample(rng)

    def tell(self, trial: Trial) -> None:
        pass
