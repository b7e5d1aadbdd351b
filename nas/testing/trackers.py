"""The contract of trackers, as a test class to subclass."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from nas.runs.trackers import Run, Tracker
from nas.testing.unchanged import unchanged_globals

FIGURES = {"score": 0.5, "metrics/params": 1e6, "objectives/epsilon*flops^-0.07": -1.5}
TEXTS = {"arch": 'a "quoted", long|one~0\nin two lines — ε', "reason": "none"}
SETTINGS = {"space": {"name": "mine", "sizes": [1, 2]}, "seed": 0, "target": None}


def in_a_killed_process(action: Callable[[], None]) -> None:
    """Do something in a copy of this process that then ends at once, without a last word."""
    if not hasattr(os, "fork"):
        pytest.skip("this system has no copies of processes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other threads, which the copy does without
        number = os.fork()
    if number == 0:
        with suppress(BaseException):
            action()
            os._exit(0)
        os._exit(1)
    assert os.waitpid(number, 0)[1] == 0, "it failed"


class TrackerContract:
    """The contract of trackers; override the fixture `make`."""

    @pytest.fixture
    def make(self, tmp_path: Path) -> Callable[[], Tracker]:
        """What makes the tracker under test."""
        raise NotImplementedError

    @pytest.fixture
    def tracker(self, make: Callable[[], Tracker]) -> Tracker:
        """The tracker, if its package is there."""
        made = make()
        if why := made.refusal():
            pytest.skip(why)
        return made

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """The folder of the run that is logged."""
        folder = tmp_path / "runs" / "first"
        folder.mkdir(parents=True)
        return folder

    def test_why_it_cannot_log_is_one_sentence(self, make: Callable[[], Tracker]) -> None:
        why = make().refusal()
        assert isinstance(why, str)
        assert "\n" not in why

    def test_a_run_that_goes_on_finds_its_steps(
        self, tracker: Tracker, make: Callable[[], Tracker], folder: Path
    ) -> None:
        with unchanged_globals():
            assert tracker.open(Run("runs/first", SETTINGS, folder)) == 0
            for step in range(3):
                tracker.log(step, {**FIGURES, "score": step}, TEXTS)
            tracker.close()
        other = make()
        assert other.open(Run("runs/first", SETTINGS, folder, steps=3)) == 3
        other.log(3, {**FIGURES, "later": 1.0}, TEXTS)
        other.finish({"winner/arch": "a", "winner/score": 3.0})
        other.close()
        assert tracker.open(Run("runs/first", SETTINGS, folder, steps=4)) == 4
        tracker.close()

    def test_a_killed_run_goes_on_with_what_is_there(
        self, tracker: Tracker, make: Callable[[], Tracker], folder: Path
    ) -> None:
        def killed() -> None:
            tracker.open(Run("runs/first", SETTINGS, folder))
            tracker.log(0, FIGURES, TEXTS)

        in_a_killed_process(killed)
        other = make()
        there = other.open(Run("runs/first", SETTINGS, folder, steps=1))
        assert 0 <= there <= 1
        for step in range(there, 3):
            other.log(step, FIGURES, TEXTS)
        other.close()
        assert other.open(Run("runs/first", SETTINGS, folder, steps=3)) == 3
        other.close()

    def test_the_log_of_another_run_of_this_name_is_begun_anew(
        self, tracker: Tracker, make: Callable[[], Tracker], folder: Path
    ) -> None:
        tracker.open(Run("runs/first", SETTINGS, folder))
        for step in range(3):
            tracker.log(step, FIGURES, TEXTS)
        tracker.close()
        other = make()
        there = other.open(Run("runs/first", SETTINGS, folder, steps=1))
        assert there <= 1
        for step in range(there, 2):
            other.log(step, FIGURES, TEXTS)
        other.close()
        assert tracker.open(Run("runs/first", SETTINGS, folder, steps=2)) == 2
        tracker.close()

    def test_runs_do_not_mix(
        self, tracker: Tracker, make: Callable[[], Tracker], folder: Path
    ) -> None:
        second = folder.parent / "second"
        second.mkdir()
        other = make()
        assert tracker.open(Run("runs/first", SETTINGS, folder)) == 0
        assert other.open(Run("runs/second", SETTINGS, second)) == 0
        for step in range(2):
            tracker.log(step, FIGURES, TEXTS)
        other.log(0, FIGURES, TEXTS)
        other.close()
        tracker.close()
        assert tracker.open(Run("runs/first", SETTINGS, folder, steps=2)) == 2
        assert other.open(Run("runs/second", SETTINGS, second, steps=1)) == 1
        other.close()
        tracker.close()

    def test_closing_may_be_said_at_any_time(self, tracker: Tracker, folder: Path) -> None:
        tracker.close()
        tracker.open(Run("runs/first", SETTINGS, folder))
        tracker.close()
        tracker.close()
