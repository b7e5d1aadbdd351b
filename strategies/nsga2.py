"""NSGA-II."""

from __future__ import annotations

from random import Random

from nas import STRATEGIES, Arch, Space, Strategy, Trial
from nas.ranking import Ranking, by_score

TRIES = 20
"""So many children are made, and a child is changed so often, to find what was not told yet."""


@STRATEGIES.register("nsga2")
class NSGA2(Strategy):
    """NSGA-II (Deb et al. 2002), for several objectives: its ranking is `pareto`.

    The first `population` architectures are random. Afterwards parents are winners of binary
    tournaments by the ranking's values. With probability `crossover` each decision of the child is
    that of either of two parents; else it is a parent with one decision changed. The best
    `population` of parents and children live on, and each child counts as soon as it is told: the
    steady-state form (Durillo et al. 2009), which needs no whole generations. No architecture
    lives twice, and one that was told is not asked for again where others are found. With another
    ranking it is a genetic algorithm.
    """

    first_random_option = "population"

    def __init__(
        self,
        space: Space,
        ranking: Ranking = by_score,
        *,
        population: int = 64,
        crossover: float = 0.5,
    ) -> None:
        super().__init__(space, ranking)
        if population < 2:
            raise ValueError(f"population={population} must be at least 2")
        if not 0 <= crossover <= 1:
            raise ValueError(f"crossover={crossover} must be from 0 to 1")
        self.population, self.crossover, self.first_random = population, crossover, population
        self.members: list[Trial] = []
        self.values: list[float] = []
        self.told: set[Arch] = set()

    def ask(self, rng: Random) -> Arch:
        """A child that was not told yet; where members have none left, one from further away."""
        known = self.told.union(self.expected)
        for _ in range(TRIES):
            arch = self._made(rng)
            if arch not in known:
                return arch
        for _ in range(TRIES):
            arch = self.space.mutate(arch, rng)
            if arch not in known:
                break
        return arch

    def tell(self, trial: Trial) -> None:
        """Let the trial live among the members, and the last of them die if there are too many."""
        if trial.arch in self.told:
            return
        self.told.add(trial.arch)
        self.members.append(trial)
        self.values = [*self.ranking(self.members)]
        if len(self.members) > self.population:
            worst = min(range(len(self.members)), key=lambda place: self.values[place])
            del self.members[worst], self.values[worst]

    def _made(self, rng: Random) -> Arch:
        if len(self.told) < self.population:
            return self.space.sample(rng)
        parent = self._parent(rng)
        if rng.random() < self.crossover:
            return self._crossed(parent, self._parent(rng), rng)
        return self.space.mutate(parent, rng)

    def _parent(self, rng: Random) -> Arch:
        """The winner of a binary tournament; of equal members the first drawn."""
        draws = [rng.randrange(len(self.members)) for _ in range(2)]
        return self.members[max(draws, key=lambda place: self.values[place])].arch

    def _crossed(self, one: Arch, other: Arch, rng: Random) -> Arch:
        """Each decision that of either parent; the first parent if the space has no such child."""
        child = tuple(rng.choice(pair) for pair in zip(one, other, strict=True))
        return child if self.space.valid(child) else one
