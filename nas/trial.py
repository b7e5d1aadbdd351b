"""A trial: one architecture that a strategy asked for, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isnan, nan
from typing import Any

from nas.arch import Arch
from nas.metric import Measured
from nas.proxy import NoScore
from nas.storage.journal import sealed, unsealed

NONE: Mapping[str, float] = {}
"""No scores. All trials share this one object, which saves memory in long histories."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of scoring an architecture."""

    score: float
    """Higher is better; NaN if there is no score."""
    metrics: Mapping[str, float]
    """Other figures of the architecture, such as params and flops; lower is better."""
    seconds: float
    """Time that the scoring took; 0 for a copy."""
    reason: str = ""
    """Why there is no score."""
    scores: Mapping[str, float] = field(default_factory=lambda: NONE)
    """With several proxies: the score of each, by its name."""
    note: str = ""
    """What the proxy got instead of what it asked for."""
    failed: bool = False
    """Whether a proxy raised an error instead of giving a score."""
    draws: tuple[float, ...] = ()
    """With one proxy: the score under every draw of weights; one score if nothing is drawn."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """With several proxies: why those without a score have none, by their names."""
    seeded: bool = True
    """With one proxy: whether another seed could give another score."""

    def with_metrics(self, metrics: Mapping[str, float]) -> Evaluation:
        """A copy with `metrics` replaced by those of an equivalent architecture."""
        return replace(self, metrics={**self.metrics, **metrics})


@dataclass(frozen=True, slots=True)
class Trial:
    """One architecture that a strategy asked for, and its result; fields as in `Evaluation`."""

    number: int
    arch: Arch
    score: float
    metrics: Mapping[str, float]
    seconds: float
    reason: str = ""
    scores: Mapping[str, float] = field(default_factory=lambda: NONE)
    note: str = ""
    copy_of: int | None = None
    """For a copy: the number of the earlier trial of the same form that was scored."""
    failed: bool = False

    @staticmethod
    def of(number: int, arch: Arch, found: Evaluation) -> Trial:
        """The trial of an architecture that was scored."""
        return Trial(
            number,
            arch,
            found.score,
            found.metrics,
            found.seconds,
            found.reason,
            found.scores,
            _noted(found),
            failed=found.failed,
        )

    def copied(self, number: int, arch: Arch, metrics: Mapping[str, float]) -> Trial:
        """A later trial of an architecture of the same form, with its own metrics."""
        own = {**self.metrics, **metrics}
        return replace(
            self, number=number, arch=arch, metrics=own, seconds=0.0, copy_of=self.number
        )

    def to_json(self) -> str:
        """One line of JSON; a missing score is null, `check` is the CRC-32 of all but seconds."""
        record: dict[str, Any] = {
            "number": self.number,
            "arch": self.arch,
            "score": nullable(self.score),
            "metrics": {name: nullable(value) for name, value in self.metrics.items()},
        }
        if self.scores:
            record["scores"] = {name: nullable(value) for name, value in self.scores.items()}
        for name in ("reason", "note", "failed"):
            if getattr(self, name):
                record[name] = getattr(self, name)
        if self.copy_of is not None:
            record["copy_of"] = self.copy_of
        return sealed(record, self.seconds)

    @staticmethod
    def from_json(line: str | bytes) -> Trial:
        """The trial of one line; raises ValueError, KeyError or TypeError for any other line."""
        record, seconds = unsealed(line)
        return Trial(
            number=int(record["number"]),
            arch=tuple(record["arch"]),
            score=number(record["score"]),
            metrics=_numbers(record["metrics"]),
            seconds=seconds,
            reason=record.get("reason", ""),
            scores=_numbers(record["scores"]) if "scores" in record else NONE,
            note=record.get("note", ""),
            copy_of=record.get("copy_of"),
            failed=record.get("failed", False),
        )


def _noted(found: Evaluation) -> str:
    """The note of an evaluation, with those of its metrics and with the missing ones."""
    parts = [found.note]
    for name, figure in found.metrics.items():
        if isinstance(figure, NoScore):
            parts.append(f"{name} could not be measured ({figure.reason})")
        elif isinstance(figure, Measured) and figure.note:
            parts.append(f"{name}: {figure.note}")
    return "; ".join(part for part in parts if part)


def nullable(value: float) -> float | None:
    """A number for JSON: NaN becomes None."""
    return None if isnan(value) else value


def number(value: float | None) -> float:
    """A number from JSON: None becomes NaN."""
    return nan if value is None else value


def _numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: number(value) for name, value in values.items()}
