"""Trials, and the append-only journal that keeps them: one line of JSON each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from pathlib import Path
from types import TracebackType
from typing import Any, overload

from nas.errors import UsageError
from nas.journal import Journal, sealed, unsealed
from nas.space import Arch

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
    """The earlier trial of the same form (`nas.search`) whose figures these are."""

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


@dataclass
class History(Sequence[Trial]):
    """Trials in order, in memory and, given a journal, on disk as well."""

    journal: Journal | None = None
    trials: list[Trial] = field(default_factory=list)

    @staticmethod
    def read(path: Path) -> History:
        """The history in the file at `path`, which may be absent; nothing is written.

        A last line without its end is torn and left out; any other bad line is an error.
        """
        journal = Journal(path)
        history = History(journal)
        for number, line in enumerate(journal.read()):
            try:
                trial = Trial.from_json(line)
                if trial.number != number:
                    raise ValueError(f"it has number {trial.number}, not {number}")
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
                raise UsageError(
                    f"line {number + 1} of {path} is no trial ({error}): put back what was there, "
                    f"or cut the file before that line"
                ) from error
            history.trials.append(trial)
        return history

    @property
    def torn(self) -> bool:
        """Whether the journal ended in a torn line, which was left out."""
        return self.journal is not None and self.journal.torn

    @property
    def path(self) -> Path | None:
        """The journal's file."""
        return None if self.journal is None else self.journal.path

    def append(self, trial: Trial) -> None:
        """Add a trial; it is with the operating system when this returns.

        UsageError where the journal cannot be written to.
        """
        if self.journal is not None:
            self.journal.append(trial.to_json())
        self.trials.append(trial)

    def close(self) -> None:
        """Close the journal's file."""
        if self.journal is not None:
            self.journal.close()

    def __enter__(self) -> History:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> list[Trial]: ...
    def __getitem__(self, index: int | slice) -> Trial | list[Trial]:
        return self.trials[index]

    def __len__(self) -> int:
        return len(self.trials)
