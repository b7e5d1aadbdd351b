"""The history of trials, and its append-only journal with one line of JSON for each trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import overload

from nas.errors import UsageError
from nas.storage.journal import Journal
from nas.trial import Trial


@dataclass
class History(Sequence[Trial]):
    """Trials in order, in memory and, with a journal, also on disk."""

    journal: Journal | None = None
    trials: list[Trial] = field(default_factory=list)

    @staticmethod
    def read(path: Path) -> History:
        """The history in the file at `path`, which may be absent; nothing is written.

        A last line without a line end is torn and left out. Raises UsageError for any other bad
        line.
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
        """Whether the journal ended with a torn line, which was left out."""
        return self.journal is not None and self.journal.torn

    @property
    def path(self) -> Path | None:
        """The journal's file, or None without a journal."""
        return None if self.journal is None else self.journal.path

    def append(self, trial: Trial) -> None:
        """Add a trial; when this returns, the operating system has its line.

        Raises UsageError if the journal cannot be written to.
        """
        if self.journal is not None:
            self.journal.append(trial.to_json())
        self.trials.append(trial)

    def check(self) -> None:
        """UsageError where the journal's file is not as it was written."""
        if self.journal is not None:
            self.journal.check()

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
