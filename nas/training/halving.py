"""Successive halving: the cheapest of several ways to train that still ranks as a full training.

Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization"
(2016), https://arxiv.org/abs/1502.07943, with architectures for the budget: every rung has twice
as many as the one before it, and half of the ways.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf, isnan

FIRST = 6
"""Architectures of the first rung: Kendall's tau of fewer has too few values."""


@dataclass(frozen=True)
class Standing:
    """How a way to train stands in a rung."""

    name: str
    archs: int
    """How many architectures it has ranked."""
    tau: float
    """Its agreement with the full training on these; NaN if there is none."""
    cost: float
    """What it costs; the unit does not matter."""

    def meets(self, target: float) -> bool:
        """Whether its agreement is the target or more."""
        return self.tau >= target

    def may_meet(self, target: float) -> bool:
        """Whether it would be if one pair of the architectures were the other way round."""
        return self.tau >= target - 4 / (self.archs * (self.archs - 1))


Ask = Callable[[Sequence[str], int], Sequence[Standing]]
"""Ranks the first so many architectures in each of the named ways."""


def rungs(archs: int, ways: int) -> list[int]:
    """How many architectures each rung has; the last has all.

    >>> rungs(24, 12), rungs(24, 2), rungs(8, 12)
    ([6, 12, 24], [12, 24], [8])
    """
    counts = [archs]
    while counts[0] // 2 >= FIRST and ways > 1:
        counts.insert(0, counts[0] // 2)
        ways = ceil(ways / 2)
    return counts


def halved(names: Sequence[str], ask: Ask, archs: int, target: float) -> dict[str, list[Standing]]:
    """How every way stands in each rung that it came to.

    The half that goes on has those that may meet the target, the cheapest first, and then the
    others, the best first. If none of the last rung meets the target, those that were left behind
    come to it too, the best first, until one does.
    """
    found: dict[str, list[Standing]] = {name: [] for name in names}
    left, behind = [*names], list[str]()
    *early, last = rungs(archs, len(names))
    for count in early:
        order = _ordered(_asked(ask, left, count, found), target)
        half = ceil(len(order) / 2)
        left, behind = order[:half], order[half:] + behind
    wave = len(left)
    while left and not any(each.meets(target) for each in _asked(ask, left, last, found)):
        left, behind = behind[:wave], behind[wave:]
    return found


def cheapest(found: Mapping[str, Sequence[Standing]], archs: int, target: float) -> str | None:
    """The cheapest way that meets the target on all architectures; None if there is none."""
    ends = [each[-1] for each in found.values() if each and each[-1].archs == archs]
    good = [each for each in ends if each.meets(target)]
    return min(good, key=lambda each: each.cost).name if good else None


def _asked(
    ask: Ask, names: Sequence[str], count: int, found: Mapping[str, list[Standing]]
) -> list[Standing]:
    standings = [*ask(names, count)]
    for each in standings:
        found[each.name].append(each)
    return standings


def _ordered(standings: Sequence[Standing], target: float) -> list[str]:
    """The names, in the order in which they go on."""

    def place(each: Standing) -> tuple[bool, float, float]:
        good = each.may_meet(target)
        tau = -inf if isnan(each.tau) else each.tau
        return not good, 0.0 if good else -tau, each.cost

    return [each.name for each in sorted(standings, key=place)]
