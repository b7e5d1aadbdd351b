"""What a search looks for: objectives and constraints, put before a ranking."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import inf, isnan, nan, nextafter

from nas.errors import UsageError, unknown
from nas.ranking import Ranking, by_score
from nas.scoring.constraints import Constraints, is_infeasible
from nas.searching.formulas import Formula
from nas.strategy import Strategy
from nas.trial import NONE, Trial

SEVERAL = "pareto"
"""The ranking of several objectives, if no other is asked for."""


@dataclass(frozen=True)
class Aims:
    """What a search looks for, in written form: objectives and constraints over its figures."""

    objectives: tuple[Formula, ...] = ()
    constraints: Constraints = field(default_factory=Constraints)
    score: str = ""
    """The name of a trial's own score, if there is a single proxy."""

    @staticmethod
    def parse(
        objectives: Iterable[str],
        constraints: Iterable[str],
        units: Mapping[str, str],
        score: str = "",
    ) -> Aims:
        """The aims of some texts; `units` are those of all figures that there are, by name.

        Raises UsageError for a text that is no formula or no constraint, and for a name that is
        no figure.
        """
        formulas = tuple(Formula.parse(text, units) for text in dict.fromkeys(objectives))
        for formula in formulas:
            for name in formula.names:
                if name not in units:
                    sentence = unknown("figure of this search", name, units)
                    raise UsageError(f"objective={formula.text}: {sentence}")
        return Aims(formulas, Constraints.parse(constraints, units, score), score)

    def __bool__(self) -> bool:
        return bool(self.objectives or self.constraints)

    @property
    def names(self) -> list[str]:
        """The figures in objectives and constraints, each once."""
        named = [name for formula in self.objectives for name in formula.names]
        return [*dict.fromkeys([*named, *(one.name for one in self.constraints.each)])]

    def of(self, strategy: Strategy, several: Ranking) -> Strategy:
        """A strategy that looks for these aims: a copy with them before its ranking.

        With several objectives `several` ranks, unless the strategy has a ranking of its own.
        """
        if not self:
            return strategy
        other = copy(strategy)
        own = several if strategy.ranking is by_score else strategy.ranking
        other.ranking = self.before(own)
        return other

    def before(self, ranking: Ranking) -> Ranking:
        """The ranking with these aims put before it."""
        return Judging(ranking, self.objectives, self.constraints, self.score) if self else ranking


def check_directions(objectives: Iterable[Formula], lower: Collection[str]) -> None:
    """Raise UsageError if an objective grows with a figure of which lower is better.

    It is refused if it falls nowhere while the figure goes from a thousandth to a million, and
    the others are small or large.
    """
    for formula in objectives:
        for name in {*formula.names} & {*lower}:
            if _grows(formula, name):
                raise UsageError(
                    f"objective={formula.text} grows with {name}, of which -{name} says that "
                    f"lower is better: write it so that it falls, such as -{name}"
                )


def _grows(formula: Formula, name: str) -> bool:
    """Whether the value grows with a figure somewhere, and falls nowhere."""
    steps = []
    for other in (0.01, 1.0, 100.0):
        rest = dict.fromkeys(formula.names, other)
        values = [formula.value({**rest, name: 10.0 ** (power / 2)}) for power in range(-6, 13)]
        steps += [after - before for before, after in pairwise(values)]
    known = [step for step in steps if not isnan(step)]
    return any(step > 0 for step in known) and min(known) >= 0


def lost_by(ranking: Ranking) -> Callable[[Trial], str]:
    """What says why a trial with a score has no value under a ranking; empty if it has."""
    return ranking.lost if isinstance(ranking, Judging) else lambda _: ""


@dataclass(frozen=True)
class Judging:
    """A ranking of trials by objectives and constraints.

    With objectives, the ranking sees each trial with the values of these formulas as its scores.
    A feasible trial is before every infeasible one; infeasible ones are ordered by the sum of
    their relative violations (Deb 2000, doi 10.1016/S0045-7825(99)00389-8). A trial that has no
    score for another reason has -inf.
    """

    ranking: Ranking
    objectives: tuple[Formula, ...] = ()
    constraints: Constraints = field(default_factory=Constraints)
    score: str = ""
    """The name of a trial's own score, if there is a single proxy."""

    def __call__(self, trials: Sequence[Trial]) -> list[float]:
        """One number a trial, higher is better."""
        values = [*self.ranking([self.seen(trial) for trial in trials])]
        there = [value for value in values if value > -inf]
        floor = min(there, default=0.0)
        scale = max(there, default=0.0) - floor or 1.0
        for place, trial in enumerate(trials):
            if is_infeasible(trial):
                excess = self.violation(trial)
                share = 1.0 if excess == inf else excess / (1 + excess)
                values[place] = min(floor - scale * (0.5 + share), nextafter(floor, -inf))
        return values

    def violation(self, trial: Trial) -> float:
        """The sum of the trial's relative violations; 0 if it is feasible."""
        return self.constraints.violation(self.constraints.figures(trial))

    def values(self, trial: Trial) -> dict[str, float]:
        """The values of the objectives by their texts; NaN for a trial without a score."""
        if isnan(trial.score):
            return {formula.text: nan for formula in self.objectives}
        figures = {**trial.metrics, **trial.scores}
        if self.score:
            figures[self.score] = trial.score
        return {formula.text: formula.value(figures) for formula in self.objectives}

    def lost(self, trial: Trial) -> str:
        """The reason why a trial with a score has no value of an objective; empty if it has."""
        values = {} if isnan(trial.score) else self.values(trial)
        text = next((text for text, value in values.items() if isnan(value)), None)
        return "" if text is None else f"objective={text} has no value for its figures"

    def seen(self, trial: Trial) -> Trial:
        """The trial as the ranking sees it."""
        if not self.objectives:
            return trial
        values = self.values(trial)
        several = len(values) > 1
        return replace(trial, score=sum(values.values()), scores=values if several else NONE)
