"""Model-based search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, prod
from random import Random
from typing import Literal

import numpy as np

from nas import STRATEGIES, Arch, Space, Strategy, Trial
from nas.ranking import Ranking, by_score
from nas.scoring.constraints import is_infeasible
from strategies._gaussian_process import (
    Array,
    Encoding,
    GaussianProcess,
    Kernel,
    chosen,
    improvement,
    quantiles,
)

PARENTS = 10
"""So many of the best trials have mutants among the candidates."""
STEPS = 2
"""A mutant differs from its parent in at most so many decisions."""
RANDOM = 4
"""One of so many candidates is random."""
ROWS = 400
"""The model sees at most so many trials: the best half of them and the latest."""
GROWTH = 1.15
"""The kernel is chosen anew when there are so many times the trials."""
TRIES = 4
"""At most so many draws are made for each candidate that is wanted."""
LISTED = 10_000
"""A space of at most so many tuples is gone through where draws find nothing new."""


@STRATEGIES.register("guided")
class Guided(Strategy):
    """Model-based search: a Gaussian process of the trials so far says what to try next.

    The first `start` architectures are random. Afterwards the model is fitted to the trials, and
    the best of `candidates` is asked for: three quarters are mutants of the best 10 trials in one
    or two decisions, the rest are random, and none was asked for before (White et al. 2021,
    arXiv:1910.11858, have such candidates). What is modelled are the ranks of the ranking's
    values as normal quantiles, so any ranking will do; a trial without a score ranks lowest. The
    covariance falls with the share of decisions that differ, in the tuples and in their canonical
    forms; its rate, its noise, and whether neighbouring options are alike are those under which
    the trials are the most likely. `acquisition` says which candidate is the best: the one with
    the highest expected improvement (Jones et al. 1998), or the highest value of one function
    drawn from the posterior (thompson). With `move` that proxy's score is a further feature, whose
    weight the trials decide, and the first architectures are each the best of 10 draws by it.
    """

    moves = True
    first_random_option = "start"

    def __init__(
        self,
        space: Space,
        ranking: Ranking = by_score,
        *,
        start: int = 16,
        candidates: int = 100,
        acquisition: Literal["improvement", "thompson"] = "improvement",
    ) -> None:
        super().__init__(space, ranking)
        if start < 2:
            raise ValueError(f"start={start} must be at least 2")
        if not 1 <= candidates <= 10_000:
            raise ValueError(f"candidates={candidates} must be from 1 to 10000")
        if acquisition not in ("improvement", "thompson"):
            raise ValueError(f"acquisition={acquisition} must be improvement or thompson")
        self.start = self.first_random = start
        self.candidates, self.acquisition = candidates, acquisition
        self.encoding = Encoding(space)
        self.trials: list[Trial] = []
        """The different architectures, in the order in which they were told."""
        self.told: set[Arch] = set()
        self.forms: dict[Arch, Trial] = {}
        """The first feasible trial of each canonical form."""
        self.alike: bool | None = None
        """Whether trials of one form are worth the same; None until one was a copy."""
        self.fitted: Fitted | None = None
        """The model of the trials; None when there are new ones."""
        self.kernels: dict[int, Kernel] = {}
        """The kernels by the number of first trials that they were chosen for."""

    def ask(self, rng: Random) -> Arch:
        if len(self.trials) < self.start:
            return self.proposed(lambda: self._new(rng))
        if self.fitted is None:
            self.fitted = self._fit()
        archs = self._drawn(self.fitted.parents, rng)
        if not archs:
            return self._new(rng)
        values = self._valued(self.fitted, archs, rng)
        return archs[max(range(len(archs)), key=lambda place: values[place])]

    def tell(self, trial: Trial) -> None:
        if trial.arch in self.told:
            return
        if not is_infeasible(trial):
            first = self.forms.setdefault(self.encoding.form(trial.arch), trial)
            if trial.copy_of is not None and self.alike is not False:
                self.alike = self._alike(first, trial)
        self.told.add(trial.arch)
        self.trials.append(trial)
        self.fitted = None

    def _alike(self, first: Trial, copy: Trial) -> bool:
        """Whether a copy is worth what the first trial is; objectives may see its own metrics."""
        return first.metrics == copy.metrics or not getattr(self.ranking, "objectives", ())

    def _fit(self) -> Fitted:
        """The best trials, and the values of those that the model sees."""
        values = [*self.ranking(self.trials)]
        places = range(len(values))
        order = sorted(places, key=lambda place: -values[place])
        seen = [*places]
        if len(seen) > ROWS:
            best = {*order[: ROWS // 2]}
            seen = sorted(best | {*[place for place in seen if place not in best][-ROWS // 2 :]})
        parents = [self.trials[place].arch for place in order[:PARENTS]]
        archs = [self.trials[place].arch for place in seen]
        return Fitted(parents, archs, quantiles([values[place] for place in seen]), self._kernel())

    def _kernel(self) -> Kernel:
        """The kernel, which is chosen anew at some numbers of trials and kept in between."""
        count, following = self.start, self.start
        while following <= min(len(self.trials), ROWS):
            count, following = following, int(following * GROWTH) + 1
        if count not in self.kernels:
            first = self.trials[:count]
            archs = [trial.arch for trial in first]
            rows = self.encoding.rows(archs, self._trend(archs))
            self.kernels = {count: chosen(rows, quantiles(self.ranking(first)))}
        return self.kernels[count]

    def _drawn(self, parents: list[Arch], rng: Random) -> list[Arch]:
        """The candidates: mutants of the parents and random architectures, all of them new."""
        known = self._known()
        found: dict[Arch, None] = {}
        for number in range(self.candidates * TRIES):
            arch = self._one(parents, number % RANDOM == 0, rng)
            if not known(arch):
                found[arch] = None
            if len(found) == self.candidates:
                break
        return [*found]

    def _new(self, rng: Random) -> Arch:
        """A random architecture that is new, or else has a known form, or else is any."""
        for known in (self._known(), self._asked):
            for _ in range(self.candidates * TRIES):
                arch = self.space.sample(rng)
                if not known(arch):
                    return arch
            if prod(self.space.choices) <= LISTED:
                left = [arch for arch in self.space.every() if not known(arch)]
                if left:
                    return rng.choice(left)
        return arch

    def _one(self, parents: list[Arch], random: bool, rng: Random) -> Arch:
        if random:
            return self.space.sample(rng)
        arch = rng.choice(parents)
        for _ in range(rng.randint(1, STEPS)):
            arch = self.space.mutate(arch, rng)
        return arch

    def _asked(self, arch: Arch) -> bool:
        """Whether the architecture itself was asked for before."""
        return arch in self.told or arch in self.expected

    def _known(self) -> Callable[[Arch], bool]:
        """What says whether an architecture, or one that is worth the same, was asked for."""
        forms = {self.encoding.form(arch) for arch in self.expected}
        if self.alike:
            forms |= self.forms.keys()
        form = self.encoding.form
        return lambda arch: arch in self.told or (bool(forms) and form(arch) in forms)

    def _valued(self, fitted: Fitted, archs: list[Arch], rng: Random) -> Array:
        """What the acquisition says of candidates."""
        both = self.encoding.rows([*fitted.archs, *archs], self._trend([*fitted.archs, *archs]))
        seen, new = (
            both.taken(slice(len(fitted.archs))),
            both.taken(slice(len(fitted.archs), None)),
        )
        model = GaussianProcess(fitted.kernel, seen, fitted.values)
        if self.acquisition == "thompson":
            return model.sample(new, np.array([rng.gauss(0, 1) for _ in archs]))
        return improvement(*model.predict(new), float(model.predict(seen)[0].max()))

    def _trend(self, archs: list[Arch]) -> Array | None:
        """The proxy's scores as quantiles among each other, 0 where there is none, and which."""
        if self.move is None:
            return None
        scores = np.array([*self.move(archs)], dtype=float)
        there = scores > -inf
        found = np.stack([np.zeros(len(archs)), ~there], axis=1)
        found[there, 0] = quantiles(scores[there])
        return found


@dataclass(frozen=True)
class Fitted:
    """What is kept between two trials."""

    parents: list[Arch]
    archs: list[Arch]
    """The architectures that the model sees."""
    values: Array
    kernel: Kernel
