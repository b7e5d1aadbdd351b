"""A surrogate: models of several figures of a space's architectures, and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nas.arch import Arch
from nas.errors import UsageError, unknown
from nas.space import Space
from nas.surrogates.features import Encoding, Features, Kind, filled
from nas.surrogates.forest import Array
from nas.surrogates.model import Ensemble

if TYPE_CHECKING:
    from nas.scoring.executors import Executor

AT_ONCE = 4096
"""So many architectures are predicted at a time: their features are no more than some MB."""


class Prediction(NamedTuple):
    """What a surrogate says of some architectures."""

    mean: Array
    """As the column of the table that it was fitted to."""
    spread: Array
    """How far its members are from each other: their standard deviation."""


@dataclass(frozen=True)
class Target:
    """The model of a column."""

    sign: int
    """-1 if lower is better."""
    kind: Kind
    """How it sees the decisions."""
    model: Ensemble
    range: Range
    rows: frozenset[Arch]
    """The architectures that it was fitted to: their predictions are no test of it."""
    quality: Mapping[str, Any] = field(default_factory=dict)
    """How well it predicts rows that it has not seen (`nas.surrogates.quality`)."""


@dataclass(frozen=True)
class Range:
    """What the architectures that a model was fitted to have been like."""

    options: tuple[tuple[int, ...], ...]
    """The options that were taken, by decision."""
    low: Array
    high: Array
    """The lowest and the highest score of every proxy."""

    @classmethod
    def of(cls, archs: Sequence[Arch], scores: Array) -> Range:
        """The range of architectures with their scores (architectures, proxies)."""
        taken = tuple(tuple(sorted(set(options))) for options in zip(*archs, strict=True))
        known = np.where(np.isfinite(scores), scores, np.nan)
        if not np.isfinite(known).any(axis=0).all():
            raise UsageError("a proxy among the features has no score for any architecture")
        return cls(taken, np.nanmin(known, axis=0), np.nanmax(known, axis=0))

    def outside(self, arch: Arch, scores: Array, space: Space, proxies: Sequence[str]) -> str:
        """By which decision or proxy an architecture with its scores (proxies,) is outside.

        Empty if it is not.
        """
        names = [*space.decisions] or [f"decision {place + 1}" for place in range(len(arch))]
        for name, option, taken in zip(names, arch, self.options, strict=True):
            if option not in taken:
                return name
        for name, score, low, high in zip(proxies, scores, self.low, self.high, strict=True):
            if not low <= score <= high:
                return name
        return ""


@dataclass(frozen=True)
class Surrogate:
    """Models of figures of a space's architectures, fitted to a table's rows."""

    space: Space
    proxies: tuple[str, ...]
    """The proxies whose scores the models see."""
    targets: Mapping[str, Target]
    source: Mapping[str, Any] = field(default_factory=dict)
    """What it was fitted to, as plain values."""

    @property
    def quality(self) -> dict[str, Mapping[str, Any]]:
        """How well every column is predicted for rows that the fit has not seen."""
        return {name: target.quality for name, target in self.targets.items()}

    def predict(
        self, archs: Sequence[object], targets: Sequence[str] = (), executor: Executor = map
    ) -> dict[str, Prediction]:
        """What it says of architectures, by column; of all columns if none are named.

        Architectures are tuples or texts in the space's notation. Raises UsageError for others
        and for a column that it does not have.
        """
        found = {name: self.target(name) for name in targets or self.targets}
        given = [each if self._is_arch(each) else self.space.read(each) for each in archs]
        parts = [
            self._predicted(given[start : start + AT_ONCE], found, executor)
            for start in range(0, len(given), AT_ONCE)
        ]
        return {
            name: Prediction(
                np.concatenate([np.empty(0), *(part[name].mean for part in parts)]),
                np.concatenate([np.empty(0), *(part[name].spread for part in parts)]),
            )
            for name in found
        }

    def target(self, name: str) -> Target:
        """The model of a column; raises UsageError if there is none."""
        if name not in self.targets:
            raise unknown("target of the surrogate", name, self.targets)
        return self.targets[name]

    def judged(self, arch: Arch, name: str) -> tuple[float, str]:
        """The prediction of a column for one architecture, and by what it is out of range."""
        scores = self.features.scores([arch])
        target = self.target(name)
        mean, _ = target.model.predict(self._columns([arch], scores, target))
        outside = target.range.outside(arch, scores[0], self.space, self.proxies)
        return float(mean[0]), outside

    @property
    def features(self) -> Features:
        """What the models see beside the decisions; the same object every time."""
        known: Features | None = self.__dict__.get("_features")
        if known is None:
            known = Features(self.space, proxies=self.proxies)
            object.__setattr__(self, "_features", known)
        return known

    def _is_arch(self, given: object) -> bool:
        return isinstance(given, tuple) and given in self.space

    def _predicted(
        self, archs: Sequence[Any], targets: Mapping[str, Target], executor: Executor
    ) -> dict[str, Prediction]:
        scores = self.features.scores(archs, executor)
        return {
            name: Prediction(*target.model.predict(self._columns(archs, scores, target)))
            for name, target in targets.items()
        }

    def _columns(self, archs: Sequence[Arch], scores: Array, target: Target) -> Array:
        own = Encoding(self.space, target.kind)(archs)
        return np.concatenate([own, filled(scores, target.range.low)], axis=1)
