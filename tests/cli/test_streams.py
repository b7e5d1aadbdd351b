"""Closed, full and narrow streams."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.command_line import FILES, SMALL

SEARCH = ["search", "proxy=params", *SMALL, "budget=3", "finals=none", "out=run"]


def shell(argv: list[str], redirected: str, **environment: str) -> tuple[int, bytes, bytes]:
    """The command in a shell with its streams redirected: exit code and what it printed."""
    line = f'exec "$@" {redirected}'
    done = subprocess.run(
        ["sh", "-c", line, "sh", sys.executable, "-m", "nas", *argv],
        capture_output=True,
        env={**os.environ, **environment},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.long
@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_with_a_closed_stream_the_work_is_done(closed: str, here: Path) -> None:
    code, _, err = shell(SEARCH, closed)
    assert code == 0, err
    assert b"Traceback" not in err
    assert {path.name for path in (here / "run").iterdir()} == FILES
    assert (here / "run" / "history.jsonl").read_bytes().count(b"\n") == 3


@pytest.mark.parametrize("argv", [["list"], ["list", "--help"], ["--version"], SEARCH])
@pytest.mark.usefixtures("here")
def test_a_full_stream_is_one_sentence(argv: list[str]) -> None:
    command, env = ["-m", "nas", *argv], {**os.environ}
    with (
        Path("/dev/full").open("w") as full,
        warm.start(command, env=env, stdout=full, stderr=subprocess.PIPE) as process,
    ):
        _, err = process.communicate()
    assert process.returncode == 2
    *_, sentence = err.splitlines()
    assert sentence == "nas: standard output cannot be written to: No space left on device"
    assert "Traceback" not in err
    assert "Exception" not in err


def test_a_full_standard_error_tells_nobody() -> None:
    code, out, err = shell(["search", "bugdet=3"], "2>/dev/full")
    assert (code, out, err) == (2, b"", b"")


@pytest.mark.long
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "ascii:strict"])
def test_what_a_stream_cannot_show_is_replaced(encoding: str) -> None:
    for argv in (["list"], SEARCH) if encoding == "ascii:strict" else (["list"],):
        code, out, err = shell(argv, "", PYTHONIOENCODING=encoding)
        assert code == 0, err
        assert out
