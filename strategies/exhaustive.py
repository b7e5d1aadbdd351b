"""Exhaustive search: every function of the space once."""

from __future__ import annotations

from random import Random

from nas import STRATEGIES, Arch, Space, Strategy, Trial, UsageError
from nas.ranking import Ranking, by_score


@STRATEGIES.register("exhaustive")
class Exhaustive(Strategy):
    """Every function of a space once, in random order: for spaces that can be listed.

    Of the architectures with the same canonical form, the form itself is asked for. A budget of
    as many trials as there are functions tries all of them if `block` is 1; in larger blocks some
    are asked for twice. When nothing is left, random architectures follow. Raises UsageError for a
    space with too many architectures to list.
    """

    def __init__(self, space: Space, ranking: Ranking = by_score) -> None:
        super().__init__(space, ranking)
        try:
            self._left = [arch for arch in space.every() if space.canonical(arch) == arch]
        except UsageError as error:
            raise UsageError(
                f"strategy=exhaustive tries every function, and {space.title} has too "
                f"many architectures to list: use another strategy"
            ) from error
        self._place = {arch: place for place, arch in enumerate(self._left)}

    def ask(self, rng: Random) -> Arch:
        """A random one of the functions that were not told yet."""
        return rng.choice(self._left) if self._left else self.space.sample(rng)

    def tell(self, trial: Trial) -> None:
        """Cross the function off the list: the last one takes its place."""
        place = self._place.pop(trial.arch, None)
        if place is not None:
            last = self._left.pop()
            if last != trial.arch:
                self._left[place], self._place[last] = last, place
