"""Constraints: what an architecture may cost at most, or must have at least."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf, isfinite, isnan, nan

from nas.errors import UsageError
from nas.trial import Evaluation, Trial

VALUE = r"([+-]?\.?\d\S*?)\s*([^\W\d]*)\s*"
NUMBER = re.compile(rf"\s*{VALUE}")
SENTENCE = re.compile(rf"\s*(.+?)\s*(<=|>=|<|>)\s*{VALUE}", re.DOTALL)
COUNTS = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
"""Factors that a number of anything may have."""
TIMES = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0}
SIZES = {
    **{"B": 1.0, "bytes": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9},
    **{"KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30},
}
INFEASIBLE = "infeasible: "
"""The reason of a trial that breaks a constraint begins with it."""
EDGE = 1e-12
"""The violation of a figure that is exactly at the limit of < or >."""


@dataclass(frozen=True)
class Constraint:
    """One sentence, such as params<=500000."""

    text: str
    """As it was written, without spaces."""
    name: str
    """The figure that it is about."""
    sign: str
    """One of <=, >=, < and >."""
    limit: float
    """In the unit of the figure."""

    @staticmethod
    def parse(text: str, units: Mapping[str, str]) -> Constraint:
        """The constraint of a sentence; `units` are those of the figures that there are.

        A number may have k, M, G or T, and the unit of a figure in time or bytes: 2M, 5ms, 3MiB.
        Raises UsageError for anything else.

        >>> Constraint.parse("latency <= 0.2s", {"latency": "ms"}).limit
        200.0
        """
        found = SENTENCE.fullmatch(text)
        if found is None:
            raise UsageError(
                f"the constraint '{text:.80}' must be a figure, one of <=, >=, <, > and a "
                f"number, such as params<=500000"
            )
        name, sign, digits, suffix = found.groups()
        if name not in units:
            listed = ", ".join(sorted(units)) or "none"
            raise UsageError(
                f"the constraint '{text}' is about '{name}', which is no figure of this search; "
                f"there are: {listed}"
            )
        limit = _limit(f"the constraint '{text}'", digits, suffix, units[name])
        return Constraint("".join(text.split()), name, sign, limit)

    @property
    def upper(self) -> bool:
        """Whether the limit is the largest value and not the least."""
        return self.sign.startswith("<")

    def violation(self, value: float) -> float:
        """How far a value is beyond the limit, relative to the limit; 0 if it meets it."""
        if isnan(value):
            return inf
        excess = value - self.limit if self.upper else self.limit - value
        if excess < 0 or (excess == 0 and "=" in self.sign):
            return 0.0
        return max(excess / (abs(self.limit) or 1.0), EDGE)


def number(text: str, unit: str, what: str) -> float:
    """A number of figures in a unit, such as 2k, 5ms or 3MiB; `what` it is, for an error.

    >>> number("0.2s", "ms", "the limit '0.2s'")
    200.0
    """
    found = NUMBER.fullmatch(text)
    if found is None:
        raise UsageError(f"{what} is no number, such as 7.5 or 2k")
    digits, suffix = found.groups()
    return _limit(what, digits, suffix, unit)


def _limit(what: str, digits: str, suffix: str, unit: str) -> float:
    limit = _number(what, digits) * _factor(what, suffix, unit)
    if not isfinite(limit):
        raise UsageError(f"the limit in {what} must be a finite number")
    return limit


def _number(what: str, digits: str) -> float:
    try:
        return float(digits)
    except ValueError:
        raise UsageError(f"'{digits:.40}' in {what} is no number") from None


def _factor(what: str, suffix: str, unit: str) -> float:
    """What a suffix makes of a number in the unit of the figure."""
    if not suffix or suffix == unit:
        return 1.0
    if suffix in COUNTS:
        return COUNTS[suffix]
    for units in (TIMES, SIZES):
        if suffix in units and unit in units:
            return units[suffix] / units[unit]
    fitting = next((u for u in (TIMES, SIZES) if unit in u), {})
    raise UsageError(
        f"{what} has the unit '{suffix}', which does not fit a figure "
        f"{f'in {unit}' if unit else 'without a unit'}: give a plain number, or one with "
        f"{', '.join([*COUNTS, *fitting])}"
    )


@dataclass(frozen=True)
class Constraints:
    """All constraints of a search; an architecture is feasible if it meets each of them."""

    each: tuple[Constraint, ...] = ()
    score: str = ""
    """The name of a trial's own score, if there is a single proxy."""

    @staticmethod
    def parse(texts: Iterable[str], units: Mapping[str, str], score: str = "") -> Constraints:
        """The constraints of some sentences; raises UsageError if no figure can meet them."""
        each = tuple(dict.fromkeys(Constraint.parse(text, units) for text in texts))
        for one in each:
            for other in each:
                if one.upper or not other.upper or one.name != other.name:
                    continue
                strict = "=" not in one.sign or "=" not in other.sign
                if one.limit > other.limit or (one.limit == other.limit and strict):
                    raise UsageError(
                        f"the constraints {one.text} and {other.text} contradict each other"
                    )
        return Constraints(each, score)

    def __bool__(self) -> bool:
        return bool(self.each)

    @property
    def names(self) -> set[str]:
        """The figures that the constraints are about."""
        return {constraint.name for constraint in self.each}

    def figures(self, found: Evaluation | Trial) -> dict[str, float]:
        """All figures of a result by name; those of a proxy that was not asked are left out."""
        own = {**found.metrics, **{n: v for n, v in found.scores.items() if not isnan(v)}}
        if self.score and not isnan(found.score):
            own[self.score] = found.score
        return own

    def refusal(self, figures: Mapping[str, float]) -> str:
        """Which constraints these figures break, as a reason; empty if none.

        Constraints about figures that are not there are not considered. A figure that is NaN is
        no violation, but a reason of its own.
        """
        there = [one for one in self.each if one.name in figures]
        known = [one for one in there if not isnan(figures[one.name])]
        broken = [one.text for one in known if one.violation(figures[one.name]) > 0]
        if broken:
            return f"{INFEASIBLE}{', '.join(broken)}"
        lost = next((one for one in there if isnan(figures[one.name])), None)
        if lost is None:
            return ""
        why = getattr(figures[lost.name], "reason", "") or "it has no value"
        return f"{lost.name} for {lost.text} could not be measured: {why}"

    def failed(self, figures: Mapping[str, float]) -> bool:
        """Whether a figure that a constraint needs is missing because of an error."""
        needed = [figures[one.name] for one in self.each if one.name in figures]
        return any(isnan(value) and getattr(value, "failed", False) for value in needed)

    def violation(self, figures: Mapping[str, float]) -> float:
        """The sum of the relative violations (Deb 2000); of those figures that are there."""
        return sum(c.violation(figures[c.name]) for c in self.each if c.name in figures)

    def checked(self, found: Evaluation) -> Evaluation:
        """The result without its score if it breaks a constraint."""
        if not self or isnan(found.score):
            return found
        if reason := self.refusal(self.figures(found)):
            return replace(found, score=nan, reason=reason, failed=self.failed(found.metrics))
        return found


def is_infeasible(trial: Trial) -> bool:
    """Whether the trial has no score because it breaks a constraint."""
    return trial.reason.startswith(INFEASIBLE)
