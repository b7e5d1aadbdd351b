"""What a tracker remembers of a run that its own log does not say."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from nas.storage.files import replace_file


@dataclass
class Ledger:
    """A file in a run's folder: the name that the log has elsewhere, then a line for every step.

    Without a folder it is in memory alone.
    """

    path: Path | None
    identity: str = ""
    """The name; empty if there is no log yet."""
    steps: int = 0
    _file: TextIO | None = field(default=None, repr=False)

    @staticmethod
    def read(folder: Path | None, name: str) -> Ledger:
        """The ledger in a folder; a last line without a line end does not count."""
        ledger = Ledger(None if folder is None else folder / f"tracker_{name}.jsonl")
        if ledger.path is not None and ledger.path.exists():
            first, *lines = ledger.path.read_text(encoding="utf-8").split("\n")
            with suppress(ValueError, KeyError, TypeError):
                ledger.identity = str(json.loads(first)["id"])
                ledger.steps = len(lines[:-1])
        return ledger

    def begin(self, identity: str) -> None:
        """Forget what was there; the log has a new name."""
        self.close()
        self.identity, self.steps = identity, 0
        if self.path is not None:
            replace_file(self.path, json.dumps({"id": identity}) + "\n")

    def add(self, step: int) -> None:
        """Note a step."""
        self.steps += 1
        if self.path is None:
            return
        self._file = self._file or self.path.open("a", encoding="utf-8")
        self._file.write(f"{step}\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
