"""Every command and every program of docs/objectives.md runs as written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.command_line import SMALL, nas

PAGE = (Path(__file__).parent.parent / "docs" / "objectives.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_run(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)[1:]
    done = nas(*words, *SMALL, "strategy.population=20", "finals.size=4")
    assert done.code == 0, done.err


@pytest.mark.long
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_programs_run(program: str) -> None:
    exec(compile(program, "objectives.md", "exec"), {"__name__": "page"})
