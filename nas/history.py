"""Trials, and the append-only journal that keeps them: one line of JSON each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import FileIO
from math import isnan, nan
from pathlib import Path
from types import TracebackType
from typing import Any, overload

from nas.errors import UsageError
from nas.space import Arch


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
    copy_of: int | None = None
    """The earlier trial of the same function whose figures these are."""

    @property
    def rank_key(self) -> float:
        """The score for comparing: one that does not exist ranks below every number."""
        return float("-inf") if isnan(self.score) else self.score

    def to_json(self) -> str:
        """One line of JSON; no score is null."""
        record: dict[str, Any] = {
            "number": self.number,
            "arch": self.arch,
            "score": None if isnan(self.score) else self.score,
            "metrics": dict(self.metrics),
            "seconds": round(self.seconds, 6),
        }
        if self.reason:
            record["reason"] = self.reason
        if self.copy_of is not None:
            record["copy_of"] = self.copy_of
        return json.dumps(record, separators=(",", ":"))

    @staticmethod
    def from_json(line: str) -> Trial:
        """The trial of one line; ValueError, KeyError or TypeError if it is none."""
        record = json.loads(line)
        score = record["score"]
        copy_of = record.get("copy_of")
        return Trial(
            number=int(record["number"]),
            arch=tuple(int(option) for option in record["arch"]),
            score=nan if score is None else float(score),
            metrics={str(key): float(value) for key, value in record["metrics"].items()},
            seconds=float(record["seconds"]),
            reason=str(record.get("reason", "")),
            copy_of=None if copy_of is None else int(copy_of),
        )


@dataclass
class History(Sequence[Trial]):
    """Trials in order, in memory and, given a path, in a journal that survives a kill."""

    path: Path | None = None
    trials: list[Trial] = field(default_factory=list)
    torn: bool = False
    """Whether the journal ended in a torn line, which was left out."""
    _file: FileIO | None = None

    @staticmethod
    def read(path: Path) -> History:
        """The journal at `path`, which may be absent; nothing is written.

        A last line without its end is torn and left out; any other bad line is an error.
        """
        history = History(path)
        try:
            content = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from error
        *lines, rest = content.split(b"\n")
        history.torn = bool(rest)
        for number, line in enumerate(lines):
            try:
                trial = Trial.from_json(line.decode())
                if trial.number != number:
                    raise ValueError(f"it has number {trial.number}, not {number}")
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
                raise UsageError(
                    f"line {number + 1} of {path} is no trial ({error}): put back what was there, "
                    f"or cut the file before that line"
                ) from error
            history.trials.append(trial)
        return history

    def append(self, trial: Trial) -> None:
        """Add a trial; it is with the operating system when this returns.

        UsageError where the journal cannot be written to.
        """
        if self.path is not None:
            try:
                self._file = self._file or self._opened(self.path)
                rest = trial.to_json().encode() + b"\n"
                while rest:
                    rest = rest[self._file.write(rest) :]
            except OSError as error:
                raise UsageError(f"{self.path} cannot be written to: {error.strerror}") from error
        self.trials.append(trial)

    def _opened(self, path: Path) -> FileIO:
        """The journal, cut after its last whole line, unbuffered and at its end."""
        file = FileIO(path, "ab")
        if self.torn:
            file.truncate(path.read_bytes().rfind(b"\n") + 1)
            self.torn = False
        return file

    def close(self) -> None:
        """Close the journal's file."""
        if self._file is not None:
            self._file.close()
            self._file = None

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
