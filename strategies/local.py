"""Local search."""

from __future__ import annotations

from math import inf
from random import Random

from nas import STRATEGIES, Arch, Space, Strategy, Trial
from nas.ranking import Ranking, by_score

TRIES = 20
"""So many random architectures are drawn for a restart from one that was not told already."""


@STRATEGIES.register("local")
class LocalSearch(Strategy):
    """Local search by the best neighbour, with restarts (White et al. 2020, arXiv:2005.02960).

    From the best of `starts` random architectures it asks for all neighbours, which differ in one
    decision, in random order, and moves to the best of them if that ranks higher than where it
    is; else it restarts. Neighbours that were told before are known and not asked for again, and
    it never comes back to where it was. A told architecture that is no neighbour, of a warm-up for
    instance, is where it goes on if it ranks higher. With `move` the best of 10 draws by that
    proxy is asked for, of starts and of neighbours.
    """

    moves = True
    first_random_option = "starts"

    def __init__(self, space: Space, ranking: Ranking = by_score, *, starts: int = 1) -> None:
        super().__init__(space, ranking)
        if starts < 1:
            raise ValueError(f"starts={starts} must be at least 1")
        self.starts = self.first_random = starts
        self.told: dict[Arch, Trial] = {}
        self.pool: list[Trial] = []
        """The starts so far."""
        self.visited: set[Arch] = set()
        self.near: list[Arch] = []
        """All neighbours of the present architecture."""
        self.left: list[Arch] = []
        """The neighbours that were not told yet."""
        self.centre: Trial | None = None
        """The present architecture; None while it looks for a start."""

    def ask(self, rng: Random) -> Arch:
        return self.proposed(lambda: self._drawn(rng))

    def _drawn(self, rng: Random) -> Arch:
        """A neighbour that was not asked for yet, or a random architecture to start from."""
        if left := [arch for arch in self.left if arch not in self.expected]:
            return rng.choice(left)
        for _ in range(TRIES):
            arch = self.space.sample(rng)
            if arch not in self.told and arch not in self.expected:
                break
        return arch

    def tell(self, trial: Trial) -> None:
        if trial.arch in self.told:
            return
        self.told[trial.arch] = trial
        if trial.arch in self.left:
            self.left.remove(trial.arch)
        elif self.centre is None:
            self._start(trial)
        elif self._best([self.centre, trial]) is trial:
            self._climb(trial)
        while self.centre is not None and not self.left:
            self._move()

    def _start(self, trial: Trial) -> None:
        """Climb from the best of the starts when they are complete."""
        self.pool.append(trial)
        if len(self.pool) >= self.starts:
            best = self._best(self.pool)
            self.pool = []
            if best is not None:
                self._climb(best)

    def _best(self, trials: list[Trial]) -> Trial | None:
        """The first of those that rank highest; None if none has a score."""
        values = self.ranking(trials)
        place = max(range(len(values)), key=lambda each: values[each])
        return trials[place] if values[place] > -inf else None

    def _climb(self, start: Trial) -> None:
        """Make the trial's architecture the present one."""
        self.centre = start
        self.visited.add(start.arch)
        self.near = [*self.space.neighbours(start.arch)]
        self.left = [arch for arch in self.near if arch not in self.told]

    def _move(self) -> None:
        """Go on to the best neighbour, all of which are told; at the top the climb ends."""
        around = [] if self.centre is None else [self.centre]
        best = self._best([*around, *(self.told[arch] for arch in self.near)])
        if best is None or best.arch in self.visited:
            self.centre = None
        else:
            self._climb(best)
