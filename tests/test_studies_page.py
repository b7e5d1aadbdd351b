"""Every command of docs/studies.md runs as written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.command_line import SMALL, nas

PAGE = (Path(__file__).parent.parent / "docs" / "studies.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_the_commands_run(here: Path) -> None:
    commands = re.findall(r"```sh\nnas (.*?)\n```", PAGE, re.DOTALL)
    assert len(commands) == 3
    for command in commands:
        study, *words = shlex.split(command)
        done = nas(study, *SMALL, *words)  # small networks are quicker and all the same
        assert done.code == 0, done.err
        assert "p (Holm)" in done.out
    for name in re.findall(r"^\| (`\w+\.\w+`.*?) \|", PAGE, re.MULTILINE):
        for file in re.findall(r"`(.*?)`", name):
            assert (here / "runs" / "pairs" / file).exists(), file
    assert nas("report", "runs/pairs", "report=score").out.count("strategy=evolution") == 2
