"""A search as its page needs it: what its folder holds, read and named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.arch import Arch
from nas.metric import Metric
from nas.ranking import Ranking, valued
from nas.scoring.attempt import described
from nas.searching.judging import Judging
from nas.space import Space
from nas.trial import Trial

if TYPE_CHECKING:
    from nas.data.lookup import Figures

LONGEST_UNIT = 12
"""A unit of more characters is a sentence, and stands beside one figure only."""


@dataclass(frozen=True)
class Run:
    """A search with all that its page shows."""

    folder: Path
    summary: Mapping[str, Any]
    """As in best.json."""
    trials: Sequence[Trial]
    ranking: Ranking
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    """The metrics whose titles and units are known, by name."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of the packages that the search began with."""
    space: Space | None = None
    """None where only the program that searched knows it: then nothing is drawn."""
    true: Figures | None = None
    """The true figures of the table at hand."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """The settings as plain values."""
    repeat: str = ""
    """The command that makes the same search anew; empty if there is none."""
    whole: bool = True
    """Whether all that the search had is here: its space, and the table that it read."""
    go_on: str = ""
    """The command that goes on with a search that was stopped; empty if it is over."""
    before: str = ""
    """What a shell has to set before a command about the run, such as NAS_PLUGINS=mine."""

    @property
    def name(self) -> str:
        """What the run is called on a page: its folder."""
        return self.folder.resolve().name or str(self.folder)

    @cached_property
    def top(self) -> list[tuple[Trial, float]]:
        """The distinct trials with a value, from the best down."""
        return valued(self.trials, self.ranking)

    @cached_property
    def values(self) -> dict[int, float]:
        """That of `levels` by the trial's number."""
        return {trial.number: value for trial, value in self.levels}

    @cached_property
    def levels(self) -> list[tuple[Trial, float]]:
        """What charts show of each distinct trial: its value, of several objectives the first."""
        if self.front is None:
            return self.top
        name = self.front["objectives"][0]
        found = [(trial, self.objectives(trial)[name]) for trial, _ in self.top]
        return sorted(((t, v) for t, v in found if isfinite(v)), key=lambda each: -each[1])

    @property
    def winner(self) -> Arch | None:
        """The architecture that the search returns; None without a score."""
        arch: list[int] | None = self.summary["tuple"]
        return None if arch is None else tuple(arch)

    @property
    def front(self) -> Mapping[str, Any] | None:
        """The front of a search with several objectives."""
        found: Mapping[str, Any] | None = self.summary.get("front")
        return found

    @property
    def value_name(self) -> str:
        """What the charts' value of a trial is called."""
        if self.front is not None:
            return str(self.front["objectives"][0])
        formulas: Sequence[str] = self.summary.get("objective") or ()
        if len(formulas) == 1:
            return str(formulas[0])
        single = self.summary["ranking"] == "score"
        return f"{self.summary['proxy']} score" if single else f"{self.summary['ranking']} value"

    def arch(self, arch: Sequence[int]) -> str:
        """An architecture in the space's notation."""
        return str(tuple(arch)) if self.space is None else described(self.space, tuple(arch))

    def unit(self, name: str) -> str:
        """The unit of a metric."""
        metric = self.metrics.get(name)
        return "" if metric is None else metric.unit

    def metric_title(self, name: str) -> str:
        """A metric's name as it is shown, with its unit."""
        metric = self.metrics.get(name)
        title = (metric and metric.title) or name
        unit = self.unit(name)
        return f"{title} ({unit})" if 0 < len(unit) <= LONGEST_UNIT else title

    @cached_property
    def metric_names(self) -> list[str]:
        """The metrics that the trials have, those that were asked for first."""
        there = dict.fromkeys(name for trial in self.trials for name in trial.metrics)
        asked = [name for name in self.metrics if name in there]
        more = [
            name for name in there if name not in asked and name.rpartition("_")[0] not in there
        ]
        return asked + more

    def truth(self, arch: Sequence[int]) -> float:
        """The true figure of an architecture's own row, or of its form's; NaN where none is."""
        if self.true is None or self.space is None:
            return nan
        rows = self.true.values
        value = rows.get(tuple(arch))
        if value is None:
            value = rows.get(self.space.canonical(tuple(arch)))
        return nan if value is None else self.true.own(value)

    def place(self, arch: Arch) -> int | None:
        """The place of an architecture among all distinct scored ones; None without a value."""
        values = [value for _, value in self.top]
        own = next((value for trial, value in self.top if trial.arch == arch), None)
        return None if own is None else 1 + sum(value > own for value in values)

    def objectives(self, trial: Trial) -> dict[str, float]:
        """The several objectives of a trial by name; higher is better."""
        front = self.front
        if front is None:
            return {}
        if isinstance(self.ranking, Judging) and self.ranking.objectives:
            return self.ranking.values(trial)
        return {name: trial.scores.get(name, nan) for name in front["objectives"]}
