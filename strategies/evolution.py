"""Regularised evolution."""

from __future__ import annotations

from math import isnan
from random import Random
from typing import Literal

from nas import STRATEGIES, Arch, Space, Strategy, Trial
from nas.ranking import Ranking, by_score

TOURNAMENT = 10
"""The draws of a tournament, if nothing else is said and the population is not smaller."""


@STRATEGIES.register("evolution")
class RegularisedEvolution(Strategy):
    """Regularised (ageing) evolution (Real et al. 2019, arXiv:1802.01548, algorithm 1).

    The first `population` architectures are random, so a smaller budget is random search.
    Afterwards the parent is the best of `tournament` draws with replacement from the population
    (if None: 10 draws, or as many as a smaller population has members), and the child differs
    from it in one decision. Under `survival=ageing` the oldest member dies for every child, even
    if it is the best; under `elitism` the member that ranks lowest dies, of equal ones the oldest,
    and an architecture lives only once. A member without a score loses to every other member. With
    `move` the parent is the draw with the highest score by that proxy (Gracheva 2024,
    arXiv:2302.04406).
    """

    moves = True
    first_random_option = "population"

    def __init__(
        self,
        space: Space,
        ranking: Ranking = by_score,
        *,
        population: int = 64,
        tournament: int | None = None,
        survival: Literal["ageing", "elitism"] = "ageing",
    ) -> None:
        super().__init__(space, ranking)
        if population < 1:
            raise ValueError(f"population={population} must be at least 1")
        if tournament is None:
            tournament = min(TOURNAMENT, population)
        if not 1 <= tournament <= population:
            raise ValueError(f"tournament={tournament} must be from 1 to population={population}")
        if survival not in ("ageing", "elitism"):
            raise ValueError(f"survival={survival} must be ageing or elitism")
        self.tournament, self.first_random, self.survival = tournament, population, survival
        self.members: list[Trial] = []

    def ask(self, rng: Random) -> Arch:
        if len(self.members) < self.first_random:
            return self.space.sample(rng)
        draws = [rng.randrange(len(self.members)) for _ in range(self.tournament)]
        if self.move is not None:
            # what has no score, or breaks a constraint, is a parent only if all drawn ones do
            drawn = [self.members[place] for place in draws]
            scored = [trial for trial in drawn if not isnan(trial.score)]
            parent = self.promising([trial.arch for trial in scored or drawn])
        else:
            values = self.ranking(self.members)
            parent = self.members[max(draws, key=lambda place: values[place])].arch
        return self.space.mutate(parent, rng)

    def tell(self, trial: Trial) -> None:
        if self.survival == "elitism" and any(trial.arch == each.arch for each in self.members):
            return
        self.members.append(trial)
        if len(self.members) > self.first_random:
            del self.members[self._dying()]

    def _dying(self) -> int:
        """The place of the member that dies; the oldest is the first."""
        if self.survival == "ageing":
            return 0
        values = self.ranking(self.members)
        return min(range(len(values)), key=lambda place: values[place])
