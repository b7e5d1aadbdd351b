"""Random search."""

from __future__ import annotations

from random import Random

from nas import STRATEGIES, Arch, Strategy, Trial


@STRATEGIES.register("random")
class RandomSearch(Strategy):
    """Independent random samples of the space; the baseline that other strategies must beat.

    There is no parent that `move` could choose, as in evolution. With it the best of 10 samples by
    that proxy is tried: as many as a tournament of evolution has.
    """

    moves = True

    def ask(self, rng: Random) -> Arch:
        return self.proposed(lambda: self.space.sample(rng))

    def tell(self, trial: Trial) -> None:
        pass
