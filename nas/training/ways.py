"""Ways to train that may stand in for a full training: recipes that run, or columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from math import isnan, nan
from statistics import fmean, median
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nas.arch import Arch
from nas.candidate import Candidate
from nas.compare.scores import Keyed, Scores
from nas.errors import all_failed
from nas.metric import METRICS
from nas.proxy import Proxy
from nas.scoring.executors import Executor
from nas.scoring.keys import keys
from nas.scoring.objective import ProxyObjective
from nas.seeding import generator, one_thread
from nas.space import Space
from nas.training.recipe import Recipe
from nas.trial import Evaluation

Array = NDArray[np.float64]
FULL = "full"
"""The name of the full recipe."""
AGAIN = "full again"
"""The name of the full recipe under the seed of the others."""


class Ways(Protocol):
    """Several ways to get a figure of the same architectures, and the full one."""

    @property
    def names(self) -> Sequence[str]:
        """The ways, without the full one."""

    @property
    def archs(self) -> Sequence[Arch]:
        """The architectures, in the order in which they are asked for."""

    @property
    def gaps_are_last(self) -> bool:
        """Whether an architecture without a figure ranks last, for its training failed.

        If not, nobody knows its figure, and it is left out.
        """

    def full(self, count: int) -> Array:
        """The full figures of the first architectures (count,); NaN where there is none."""

    def values(self, names: Sequence[str], count: int) -> Mapping[str, Array]:
        """The figures of the first architectures in each way (count,); NaN where there is none."""

    def again(self, count: int) -> Array | None:
        """The full figures under another seed (count,), as `full`; None if nobody asks."""

    def cost(self, name: str) -> float:
        """What a way costs, as a share of the full one; NaN if it is not known."""

    def facts(self, name: str) -> Mapping[str, Any]:
        """What else a report says of a way, as plain values; `name` may be of the full one."""


def grid(full: Recipe, **values: Sequence[Any]) -> dict[str, Recipe]:
    """Every combination of values of the recipe's options, without the full recipe, by name.

    >>> [*grid(Recipe(epochs=8), epochs=[4, 8], share=[0.5, 1.0])]
    ['epochs=4 share=0.5', 'epochs=4', 'share=0.5']
    """
    found = {}
    for each in product(*values.values()):
        changed = dict(zip(values, each, strict=True))
        recipe = replace(full, **changed)
        names = [f"{n}={value}" for n, value in changed.items() if value != getattr(full, n)]
        if names:
            found[" ".join(names)] = recipe
    return found


@dataclass(frozen=True)
class Columns:
    """Columns of a table as ways: nothing is trained."""

    archs: Sequence[Arch]
    whole: Array
    """The full figures (archs,), higher is better."""
    columns: Mapping[str, Array]
    """The figures of each way (archs,)."""
    costs: Mapping[str, float]
    """As shares of the full one; without one, the place in `columns` says what is cheaper."""
    everywhere: Mapping[str, float] = field(default_factory=dict)
    """Each way's tau over all rows of the table."""

    @property
    def names(self) -> Sequence[str]:
        return [*self.columns]

    @property
    def gaps_are_last(self) -> bool:
        """No: a cell may be empty for any reason."""
        return False

    def full(self, count: int) -> Array:
        return self.whole[:count]

    def values(self, names: Sequence[str], count: int) -> Mapping[str, Array]:
        return {name: self.columns[name][:count] for name in names}

    def again(self, count: int) -> Array | None:
        return None

    def cost(self, name: str) -> float:
        return self.costs.get(name, nan)

    def facts(self, name: str) -> Mapping[str, Any]:
        return {"tau_of_all": self.everywhere[name]} if name in self.everywhere else {}


@dataclass(frozen=True)
class Trainings:
    """Recipes as ways: each trains the architectures, and what was trained is kept in `scores`.

    The full recipe has the next seed. Under one seed a shorter training begins as the full one
    does, and would share its chance.
    """

    objective: ProxyObjective
    """Its space, batch and seed; it has no proxies."""
    recipes: Mapping[str, Recipe]
    """By name, the full one too; with `AGAIN` it is trained under the others' seed as well."""
    proxy: Callable[[Recipe], Proxy]
    """Makes the proxy that trains by a recipe."""
    examples: int
    """How many examples there are to train on."""
    archs: Sequence[Arch]
    scores: Scores
    executor: Executor = map
    seen: Callable[[int, int], None] | None = None
    """Is told after every training how many are done of those that were missing."""
    truth: Array | None = None
    """The full figures (archs,) where a table has them: then nothing is fully trained."""

    @property
    def names(self) -> Sequence[str]:
        return [name for name in self.recipes if name not in (FULL, AGAIN)]

    @property
    def gaps_are_last(self) -> bool:
        """Yes: the training was made, and it diverged or raised an error."""
        return True

    def full(self, count: int) -> Array:
        """Those of the table, or of full trainings; AllFailedError if all of these fail alike."""
        if self.truth is not None:
            return self.truth[:count]
        found = self._trained([FULL], self.archs[:count])[FULL]
        if len({each.reason if each.failed else None for each in found}) == 1 and found[0].failed:
            raise all_failed(found[0].reason, len(found))
        return _scores(found)

    def values(self, names: Sequence[str], count: int) -> Mapping[str, Array]:
        found = self._trained(names, self.archs[:count])
        return {name: _scores(each) for name, each in found.items()}

    def again(self, count: int) -> Array | None:
        return self.values([AGAIN], count)[AGAIN] if AGAIN in self.recipes else None

    def cost(self, name: str) -> float:
        """The multiply-adds of its training, as a share of those of the full one."""
        return self._work(name) / self._work(FULL)

    def facts(self, name: str) -> Mapping[str, Any]:
        """Its options, the median seconds of a training, and how many failed and why.

        The first training of a process takes longer, for libraries start then; a median does not
        count that.
        """
        keyed = self._keyed(name)
        there = (self.scores.known.get(keyed.place(name, arch)) for arch in self.archs)
        known = [each for each in there if each is not None]
        failed = [each.reason for each in known if isnan(each.score)]
        return {
            "options": self.recipes[name].options,
            "seconds": median(each.seconds for each in known) if known else None,
            **({"remark": remark} if (remark := self.recipes[name].remark(self.examples)) else {}),
            **({"failed": len(failed), "reason": failed[0]} if failed else {}),
        }

    def _trained(self, names: Sequence[str], archs: Sequence[Arch]) -> dict[str, list[Evaluation]]:
        """Each recipe's trainings of the architectures; those that are missing are made."""
        keyed = self._keyed(*names)
        missing = keyed.missing(self.scores, archs)
        tasks = [(form, [name]) for form, several in missing for name in several]
        for done, _ in enumerate(keyed.fill(self.scores, tasks, self.executor), 1):
            if self.seen is not None:
                self.seen(done, len(tasks))
        return {name: self.scores.of(keyed, name, archs) for name in names}

    def _keyed(self, *names: str) -> Keyed:
        """The objective of the full recipe, or of some of the others, with its keys."""
        seed = self.objective.seed + (names == (FULL,))
        proxies = {name: self._proxies[name] for name in names}
        objective = replace(self.objective, proxies=proxies, seed=seed)
        return Keyed(objective, {name: self._keys[name] for name in names})

    @cached_property
    def _proxies(self) -> dict[str, Proxy]:
        return {name: self.proxy(recipe) for name, recipe in self.recipes.items()}

    @cached_property
    def _keys(self) -> dict[str, str]:
        seed, own = self.objective.seed, self._proxies
        full = replace(self.objective, proxies=own, seed=seed + 1)
        return {**keys(replace(self.objective, proxies=own)), FULL: keys(full)[FULL]}

    def _work(self, name: str) -> float:
        """The mean multiply-adds of a training: those of one example times the examples seen."""
        recipe = self.recipes[name]
        size = min(recipe.batch_size, recipe.examples_of(self.examples))
        seen = recipe.steps_for(self.examples) * size
        return seen * self._flops[repr(recipe.narrowed(self.objective.space))]

    @cached_property
    def _flops(self) -> dict[str, float]:
        """The mean multiply-adds for an example in each of the recipes' spaces."""
        spaces = [each.narrowed(self.objective.space) for each in self.recipes.values()]
        with one_thread():
            return {
                name: fmean(self._each_flops(space))
                for name, space in {repr(space): space for space in spaces}.items()
            }

    def _each_flops(self, space: Space) -> Iterator[float]:
        flops, batch = METRICS.build("flops"), space.batch(2, generator("sizes"))
        for arch in self.archs:
            seed, live = self.objective.seed, self.objective.live
            yield flops.measure(Candidate(space, arch, seed, "cpu", live), batch)


def _scores(found: Sequence[Evaluation]) -> Array:
    return np.array([each.score for each in found], np.float64)
