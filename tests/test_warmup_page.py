"""The command and the program of docs/warmup.md run as written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.command_line import best, nas

PAGE = (Path(__file__).parent.parent / "docs" / "warmup.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    done = nas(*shlex.split(command)[1:])
    assert done.code == 0, done.err
    assert best(tmp_path / "runs" / "warm")["warmup"]["starts"] == 64


def test_the_program_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(program, "warmup.md", "exec"), {"__name__": "page"})
    assert "20 trials" in capsys.readouterr().out
