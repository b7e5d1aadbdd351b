"""A sample of architectures, each scored by every proxy."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from math import isnan, nan, prod
from random import Random

import numpy as np
from numpy.typing import NDArray

from nas.arch import LISTED, TRIES, Arch
from nas.compare.correlations import FEWEST, Array
from nas.data.tables import Truth
from nas.errors import UsageError
from nas.ranking import RANKINGS
from nas.registry.options import Choice
from nas.scoring.attempt import described
from nas.space import Space
from nas.trial import Evaluation, Trial

RANK_SUM = Choice("rank_sum")
"""How proxies are combined where nothing else is said."""


@dataclass(frozen=True)
class Comparison:
    """A sample of architectures with every proxy's scores."""

    space: Space
    archs: Sequence[Arch]
    scored: Mapping[str, Sequence[Evaluation]]
    """Every proxy's evaluations, by its name: one for each architecture, in the same order."""
    truth: Truth | None = None
    values: Array | None = None
    """The truth of each architecture, higher is better."""
    combinations: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The proxies of each combination, by its name."""
    rankings: Mapping[str, Choice] = field(default_factory=dict)
    """The ranking that combines the proxies over the sample; rank_sum for names not in here."""
    costs: Mapping[str, Array] = field(default_factory=dict)
    """What each architecture costs, by the name of the figure, as it is in the table."""
    fitted: Mapping[str, Collection[Arch]] = field(default_factory=dict)
    """The architectures that a proxy was fitted to, by its name (`Proxy.fitted_to`)."""

    @property
    def scores(self) -> dict[str, Array]:
        """Every proxy's and every combination's scores (n,); a missing score is NaN."""
        return self.within(np.arange(len(self.archs)))

    def within(self, places: NDArray[np.intp]) -> dict[str, Array]:
        """The scores of the architectures at some places (m,), combined among these alone."""
        alone = {
            name: np.array([scored[place].score for place in places], dtype=np.float64)
            for name, scored in self.scored.items()
        }
        return alone | {
            name: combined({part: alone[part] for part in parts}, self.ranking_of(name))
            for name, parts in self.combinations.items()
        }

    def ranking_of(self, combination: str) -> Choice:
        """The ranking that combines its proxies, with its options."""
        return self.rankings.get(combination, RANK_SUM)

    def csv(self) -> str:
        """One row an architecture: its name, scores, costs, truth; empty if missing."""
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        scores = self.scores
        target = None if self.truth is None else self.truth.target
        writer.writerow(columns_of([*scores], [*self.costs], target))
        for place, arch in enumerate(self.archs):
            row = [
                "" if isnan(score[place]) else repr(float(score[place]))
                for score in (*scores.values(), *self.costs.values())
            ]
            if self.values is not None:
                row.append(repr(self.sign * float(self.values[place])))
            writer.writerow([described(self.space, arch), *row])
        return text.getvalue()

    @property
    def sign(self) -> int:
        """-1 if the truth is the negative of the table's column, else 1."""
        return 1 if self.truth is None else _sign(self.truth)


def columns_of(proxies: Sequence[str], costs: Sequence[str], target: str | None) -> list[str]:
    """The columns of `Comparison.csv`; a name that is taken gets a word behind it."""
    names = ["arch", *proxies]
    names += [f"{name} (cost)" if name in names else name for name in costs]
    if target is None:
        return names
    column = target.removeprefix("-")
    return [*names, f"{column} (table)" if column in names else column]


def _sign(truth: Truth) -> int:
    return -1 if truth.target.startswith("-") else 1


def combined(parts: Mapping[str, Array], ranking: Choice = RANK_SUM) -> Array:
    """Several proxies' scores by name as one value by a ranking; NaN where it gives -inf."""
    rows = np.stack([*parts.values()], axis=1)
    trials = [
        Trial(number, (), sum(row), {}, 0.0, scores=dict(zip(parts, row, strict=True)))
        for number, row in enumerate(rows.tolist())
    ]
    values = np.array(RANKINGS.bound(ranking)(trials))
    return np.where(np.isinf(values), nan, values)


def sampled(space: Space, truth: Truth | None, sample: int | None, seed: int) -> list[Arch]:
    """`sample` random architectures, or all (None), of those with a truth, else of the space.

    Raises UsageError if they are fewer than `FEWEST`, or if all are too many to list.
    """
    if sample is not None and sample < FEWEST:
        raise UsageError(f"sample={sample} must be all, or a whole number of at least {FEWEST}")
    if truth is not None:
        every = truth.archs
        if len(every) < FEWEST:
            raise UsageError(
                f"the table has {truth.target.removeprefix('-')} for {len(every)} architectures "
                f"of this space, and a comparison needs {FEWEST}"
            )
        whole = sample is None or sample >= len(every)
        archs = list(every) if whole else Random(seed).sample(every, sample or 0)
        known = dict(zip(every, truth.values, strict=True))
        if len({known[arch] for arch in archs}) == 1:
            value = _sign(truth) * known[archs[0]] + 0
            raise UsageError(
                f"{truth.target.removeprefix('-')} is {value:g} for all {len(archs)} "
                f"architectures: with a constant target no correlation is defined"
            )
        return archs
    return drawn(space, sample, seed)


def drawn(space: Space, sample: int | None, seed: int) -> list[Arch]:
    """Different random architectures of the space; all if it has no more than `sample`."""
    listed = prod(space.choices) <= LISTED
    if sample is None and not listed:
        raise UsageError(f"sample=all would be {space.size:,} architectures: give a number")
    if space.size == 0:
        raise UsageError(f"{space.title} has no valid architecture")
    if sample is None or sample >= space.size:
        return list(space.every())
    rng = Random(f"sample/{seed}")
    found: dict[Arch, None] = {}
    vain = 0
    while len(found) < sample and vain < TRIES:
        before = len(found)
        found[space.sample(rng)] = None
        vain = 0 if len(found) > before else vain + 1
    if len(found) < sample:
        raise UsageError(
            f"sample={sample} is more than {space.title}.sample gives: "
            f"{TRIES:,} draws in a row were among the first {len(found)}"
        )
    return list(found)
