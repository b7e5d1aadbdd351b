"""A trial: one architecture that was asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isnan, nan
from typing import Any

from nas.space import Arch
from nas.storage.journal import sealed, unsealed


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What scoring an architecture gave; the fields are those of a `Trial`."""

    score: float
    metrics: Mapping[str, float]
    seconds: float
    reason: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    def owned(self, metrics: Mapping[str, float]) -> Evaluation:
        """The same of another architecture of the same form, whose own figures these are."""
        return replace(self, metrics={**self.metrics, **metrics})


NONE: Mapping[str, float] = {}
"""No scores, the same for all trials: a history of a million has no room for a million of them."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One architecture that was asked for, and what came of it."""

    number: int
    arch: Arch
    score: float
    """Higher is better; NaN where there is none."""
    metrics: Mapping[str, float]
    """Other figures of the architecture, such as params and flops."""
    seconds: float
    """What the scoring took; 0 for a copy."""
    reason: str = ""
    """Why there is no score."""
    scores: Mapping[str, float] = field(default_factory=lambda: NONE)
    """Where several proxies were asked, each one's score by its name."""
    note: str = ""
    """What a proxy was given in place of what it asked for."""
    copy_of: int | None = None
    """The earlier trial of the same form (`nas.searching.loop`) whose figures these are."""

    def to_json(self) -> str:
        """One line of JSON: no score is null, `check` is the CRC-32 of all but the seconds."""
        record: dict[str, Any] = {
            "number": self.number,
            "arch": self.arch,
            "score": _nullable(self.score),
            "metrics": {name: _nullable(value) for name, value in self.metrics.items()},
        }
        if self.scores:
            record["scores"] = {name: _nullable(value) for name, value in self.scores.items()}
        if self.reason:
            record["reason"] = self.reason
        if self.note:
            record["note"] = self.note
        if self.copy_of is not None:
            record["copy_of"] = self.copy_of
        return sealed(record, self.seconds)

    @staticmethod
    def from_json(line: str | bytes) -> Trial:
        """The trial of one line; ValueError, KeyError or TypeError if it was not written so."""
        record, seconds = unsealed(line)
        return Trial(
            number=int(record["number"]),
            arch=tuple(record["arch"]),
            score=_number(record["score"]),
            metrics=_numbers(record["metrics"]),
            seconds=seconds,
            reason=record.get("reason", ""),
            scores=_numbers(record["scores"]) if "scores" in record else NONE,
            note=record.get("note", ""),
            copy_of=record.get("copy_of"),
        )


def _nullable(value: float) -> float | None:
    """A number as JSON has it: no number is null."""
    return None if isnan(value) else value


def _number(value: float | None) -> float:
    return nan if value is None else value


def _numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: _number(value) for name, value in values.items()}
