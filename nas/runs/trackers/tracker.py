"""What a tracker is: it logs the settings, the steps and the result of a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from nas.errors import UsageError
from nas.registry import Registry
from nas.storage.files import path_of


@dataclass(frozen=True)
class Run:
    """A run as its tracker sees it."""

    name: str
    """Its folder as it was typed, such as runs/first; a time where it has no folder."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Plain values, which may be nested."""
    folder: Path | None = None
    """Where the run keeps its own files."""
    steps: int = 0
    """How many steps it has made before: a log with more is of another run of this name."""

    def place(self, path: str | None, own: str = "") -> Path:
        """The folder of its log: under `path` one for each run, else `own` in its own folder.

        Raises UsageError where there is neither.
        """
        if path is not None:
            return path_of(path, "tracker.path=") / self.name
        if self.folder is None:
            raise UsageError("the run has no folder: give it out=, or the tracker a path")
        return self.folder / own


class Tracker(ABC):
    """Logs one run: it is opened, told of steps in order, told the result, and closed."""

    package: ClassVar[str] = ""
    """The package that it needs; empty if it needs none."""
    extra: ClassVar[str] = ""
    """The extra of epsilon-nas that brings the package."""

    def refusal(self) -> str:
        """Why it cannot log here, in a sentence; empty if it can. Nothing is written."""
        if self.package and find_spec(self.package) is None:
            return (
                f"tracker={self.extra} needs the package {self.package}: "
                f"pip install 'epsilon-nas[{self.extra}]'"
            )
        return ""

    @abstractmethod
    def open(self, run: Run) -> int:
        """Begin the log of a run, or go on with it; the number of steps that it has already.

        A log with more than `run.steps` steps is begun anew. Raises UsageError where it cannot
        write.
        """

    @abstractmethod
    def log(self, step: int, figures: Mapping[str, float], texts: Mapping[str, str]) -> None:
        """Add a step: finite figures and texts by name. Steps come in order, each once."""

    @abstractmethod
    def finish(self, result: Mapping[str, float | str]) -> None:
        """Add the result of a run that came to its end; it may be told again."""

    @abstractmethod
    def close(self) -> None:
        """End the log; it may be opened again. Nothing happens if it is not open."""


TRACKERS: Registry[Tracker] = Registry("tracker", "nas.runs.trackers", Tracker)
