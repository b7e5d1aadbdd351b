"""The warm-up: a proxy scores random architectures, and the best of them begin the search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from random import Random
from typing import Any

from nas.arch import Arch
from nas.errors import UsageError, unknown
from nas.searching.feasibility import ATTEMPTS
from nas.space import Space
from nas.strategy import Strategy

HOPELESS = 1000
"""If so many first draws are not feasible, a warm-up draws no more."""
MOST = 10_000_000
"""The random architectures of the largest warm-up."""
KEPT = 64
"""How many begin a search whose strategy draws no architectures at random by itself."""


@dataclass(frozen=True)
class WarmUp:
    """How many random architectures which proxy scores, and how many of them begin the search.

    As published for epsilon (arXiv:2302.04406, section 4): 3,000 and, of these, the best 64.
    """

    size: int
    proxy: str = "epsilon"
    keep: int | None = None
    """None: as many as the strategy first draws at random, such as a population, or 64."""

    def __post_init__(self) -> None:
        """Raises UsageError for numbers that do not fit, and for what is no name."""
        if type(self.size) is not int or self.size < 1:
            raise UsageError(f"warmup={self.size} must be a whole number of at least 1")
        if self.size > MOST:
            raise UsageError(f"warmup={self.size} is too large: it may be at most {MOST}")
        if not isinstance(self.proxy, str) or not self.proxy:
            raise UsageError(f"warmup.proxy={self.proxy!r:.80} must be the name of a proxy")
        if self.keep is not None and (type(self.keep) is not int or self.keep < 1):
            raise UsageError(f"warmup.keep={self.keep} must be a whole number of at least 1")
        if self.keep is not None and self.keep > self.size:
            raise UsageError(f"warmup.keep={self.keep} is more than warmup={self.size}")

    def before(self, strategy: Strategy) -> WarmUp:
        """The same with its `keep`, before a search by this strategy."""
        keep = self.keep or min(self.size, strategy.first_random or KEPT)
        return replace(self, keep=keep)


def warmup_of(given: object) -> WarmUp | None:
    """What Python gives as a warm-up: one, its size, or None or 0 for none."""
    if given is None or isinstance(given, WarmUp):
        return given
    if type(given) is not int or given < 0:
        raise UsageError(f"warmup={given!r:.80} must be a whole number, or a nas.WarmUp")
    return WarmUp(given) if given else None


def warmup_option(key: str, value: object) -> WarmUp | None:
    """A number of architectures, with warmup.proxy and warmup.keep; 0 for none."""
    given: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {"size": value}
    for name in given:
        if name not in ("size", "proxy", "keep"):
            raise unknown(f"option of {key}", name, ["size", "proxy", "keep"])
    size = given.get("size") or 0
    if type(size) is int and size < 1:
        if size < 0:
            raise UsageError(f"{key}={size} must be a whole number of at least 0")
        given["size"] = 1  # the rest is checked nevertheless
    asked = WarmUp(**given)
    return asked if size else None


def move_of(given: object) -> str | None:
    """What Python gives as `move`: the name of a proxy, or None."""
    if given is not None and (not isinstance(given, str) or not given):
        raise UsageError(f"move={given!r:.80} must be the name of a proxy, or None")
    return given


def drawn(
    space: Space, size: int, seed: int, feasible: Callable[[Arch], bool] | None = None
) -> list[Arch]:
    """The random architectures of a warm-up.

    One that is not `feasible` is drawn again, 32 times at most, and then left out; if the first
    1,000 draws bring none, there are none. Raises UsageError for one that is not in the space.
    """
    rng = Random(f"{seed}/warmup")
    verdicts: dict[Arch, bool] = {}
    found: list[Arch] = []
    draws = 0
    for _ in range(size):
        for _ in range(ATTEMPTS):
            arch = space.sample(rng)
            draws += 1
            if arch not in verdicts:
                if why := space.refusal(arch):
                    raise UsageError(f"{space.title} draws {arch!r:.100}, which it refuses: {why}")
                verdicts[arch] = feasible is None or feasible(arch)
            if verdicts[arch]:
                found.append(arch)
                break
        if not found and draws >= HOPELESS:
            break
    return found


def best(
    archs: Sequence[Arch],
    scores: Callable[[Sequence[Arch]], Sequence[float]],
    space: Space,
    keep: int,
) -> list[Arch]:
    """The best `keep` architectures of distinct functions (`Space.canonical`), the best first.

    Of equal ones the earlier is first. What has no score is not among them.
    """
    values = scores(archs)
    first: dict[Arch, Arch] = {}
    for place in sorted(range(len(archs)), key=lambda place: -values[place]):
        if values[place] == -inf or len(first) == keep:
            break
        first.setdefault(space.canonical(archs[place]), archs[place])
    return [*first.values()]
