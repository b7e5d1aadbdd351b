"""No tracker."""

from __future__ import annotations

from collections.abc import Mapping

from nas.runs.trackers.tracker import TRACKERS, Run, Tracker


@TRACKERS.register("none")
class NoTracker(Tracker):
    """Logs nothing: the run's own folder has all of it."""

    def open(self, run: Run) -> int:
        """It has everything already."""
        return run.steps

    def log(self, step: int, figures: Mapping[str, float], texts: Mapping[str, str]) -> None:
        """Nothing."""

    def finish(self, result: Mapping[str, float | str]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
