"""How a long job shows where it is: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import os
import pty
import re
import sys
import termios
from math import nan

import pytest

from nas import Trial
from nas.runs.progress import Progress


def trial(number: int, score: float) -> Trial:
    return Trial(number, (number,), score, {}, 0.1)


def shown(progress: Progress) -> None:
    """Two trials of an earlier run, then three of this one."""
    with progress:
        for number, score in enumerate([7.0, nan, nan, 5.0, 6.0]):
            progress.see(trial(number, score))
            if number >= 2:
                progress.advance()


def test_elsewhere_the_last_line_has_all(capsys: pytest.CaptureFixture[str]) -> None:
    shown(Progress(5, done=2))
    line = r"5/5 trials, [\d.]+ per second, 0 s left, best 7\n"
    assert re.fullmatch(line, capsys.readouterr().err)


def test_scores_that_do_not_compare_have_no_best(capsys: pytest.CaptureFixture[str]) -> None:
    shown(Progress(5, done=2, comparable=False))
    assert re.fullmatch(r"5/5 trials, [\d.]+ per second, 0 s left\n", capsys.readouterr().err)


def test_lines_come_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("nas.runs.progress.monotonic", lambda: now)
    progress = Progress(50, unit="scores")
    for _ in range(30):
        now += 4
        progress.advance()
    found = re.findall(r"^(\d+)/50 scores, 0.2 per second", capsys.readouterr().err, re.MULTILINE)
    assert found == [str(number) for number in range(3, 31, 3)]


@pytest.mark.parametrize("width", [100, 0])
def test_a_terminal_has_a_bar(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, width))
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        shown(Progress(5, done=2))
        monkeypatch.undo()
        text = ""
        while "5/5" not in text:  # a terminal gives what it has, piece by piece
            text += os.read(master, 10_000).decode()
    os.close(master)
    assert "5/5" in text
    assert "best 7" in text
    assert "trials/s" in text
    assert "per second" not in text


def test_what_the_first_unit_waits_for_is_said_and_in_no_rate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("nas.runs.progress.monotonic", lambda: now)
    progress = Progress(100, unit="scores", first="compiling, once: about 7 s")
    now += 50
    progress.advance()
    for _ in range(5):
        now += 4
        progress.advance()
    first, one, *rest = capsys.readouterr().err.splitlines()
    assert first == "compiling, once: about 7 s"
    assert one == "1/100 scores"
    assert rest == ["4/100 scores, 0.2 per second, 384 s left"]


def test_a_bar_says_what_the_first_unit_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 100))
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with Progress(5, done=2, first="compiling, once") as progress:
            assert progress.bar is not None
            before = os.read(master, 10000).decode()
            progress.bar.start_t -= 1e6  # so long ago that it would be in every rate
            progress.bar.last_print_t -= 10
            for number in range(2, 5):
                progress.see(trial(number, 1.0))
                progress.advance()
            rate = progress.bar.format_dict
        monkeypatch.undo()
        after = os.read(master, 10000).decode()
    os.close(master)
    assert "compiling, once: " in before
    assert rate["initial"] == 3
    assert "compiling" not in after.rpartition("\r")[2]
