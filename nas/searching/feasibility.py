"""Asking for feasible architectures, and noticing that there are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from random import Random

from nas.arch import Arch
from nas.errors import AllFailedError
from nas.scoring.attempt import described
from nas.scoring.constraints import Constraints, is_infeasible
from nas.strategy import Move, Strategy
from nas.trial import Trial

ATTEMPTS = 32
"""How often a strategy is asked for one trial until the architecture is feasible."""
STUCK = 50
"""A search ends if it has no feasible trial, and so many trials bring none that is nearer."""

LEAST = -1e308
"""The value of a feasible architecture without a score, before it is tried."""

Screen = Callable[[Arch], Mapping[str, float]]
"""The figures of an architecture that are quick to get and that constraints are about."""


@dataclass
class Feasibility:
    """How a search keeps to its constraints; it is told every trial."""

    constraints: Constraints
    screen: Screen | None
    first_random: int
    """Trials that the strategy draws at random before it learns."""
    looked: set[Arch] = field(default_factory=set)
    """Architectures that were looked at and are infeasible."""
    nearest: tuple[float, Arch | None, Mapping[str, float]] = (inf, None, {})
    """The least violation so far, with its architecture and figures."""
    least: float = inf
    """The least violation of a trial so far."""
    since: int = 0
    """Trials since then."""
    found: bool = False
    """Whether a trial was feasible."""

    def asked(self, ask: Callable[[Random], Arch], name: str, recorded: Arch | None) -> Arch:
        """The first feasible one of some answers, or else the nearest.

        `name` is the seed of the first attempt. If the trial is recorded, its architecture is
        looked for among the answers, and nothing is measured.
        """
        first = nearest = ask(Random(name))
        if self.screen is None or not self.constraints:
            return first
        least = inf
        for attempt in range(1, ATTEMPTS + 1):
            arch = first if attempt == 1 else ask(Random(f"{name}/{attempt - 1}"))
            if recorded is not None:
                if arch == recorded:
                    return arch
                continue
            violation = self._violation(arch)
            if violation < least or attempt == 1:
                least, nearest = violation, arch
            if violation == 0:
                break
        return nearest

    def before(self, move: Move | None) -> Move | None:
        """What scores architectures before they are tried, with the infeasible ones behind.

        So `move` does not choose what the search would then refuse. If all are infeasible, the
        nearest is the best.
        """
        if move is None or self.screen is None or not self.constraints:
            return move

        def values(archs: Sequence[Arch]) -> list[float]:
            broken = [self._violation(arch) for arch in archs]
            if all(broken):
                return [-each for each in broken]
            feasible = [arch for arch, each in zip(archs, broken, strict=True) if not each]
            scores = iter(move(feasible))
            return [-inf if each else max(next(scores), LEAST) for each in broken]

        return values

    def _violation(self, arch: Arch) -> float:
        """The violation of the figures that are quick to get."""
        figures = self.screen(arch) if self.screen is not None else {}
        violation = self.constraints.violation(figures)
        self._look(arch, figures, violation)
        return violation

    def _look(self, arch: Arch, figures: Mapping[str, float], violation: float) -> None:
        if violation:
            self.looked.add(arch)
        if 0 < violation < self.nearest[0]:
            self.nearest = violation, arch, figures

    def tell(self, trial: Trial, strategy: Strategy) -> None:
        """Count a trial; raises AllFailedError if the search does not come nearer."""
        if not self.constraints or self.found:
            return
        figures = self.constraints.figures(trial)
        if not is_infeasible(trial):
            self.found = not self.constraints.refusal(figures)
            return
        violation = self.constraints.violation(figures)
        self._look(trial.arch, figures, violation)
        self.since += 1
        if violation < self.least:
            self.least, self.since = violation, 0
        if self.since > STUCK + self.first_random:
            self.at_the_end(strategy)

    def at_the_end(self, strategy: Strategy) -> None:
        """Raises AllFailedError if no trial was feasible."""
        if self.found or not self.looked:
            return
        _, arch, figures = self.nearest
        said = ", ".join(
            f"{name} {figures[name]:,.6g}"
            for name in dict.fromkeys(each.name for each in self.constraints.each)
            if name in figures
        )
        texts = ", ".join(each.text for each in self.constraints.each)
        count = len(self.looked)
        raise AllFailedError(
            f"none of the {count:,} architectures that were looked at meets "
            f"constraints=[{texts}]"
            + (f": the nearest is {described(strategy.space, arch)} with {said}" if arch else "")
        )
