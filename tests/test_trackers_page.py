"""docs/trackers.md: its commands and its program run, and its table is whole."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from nas import TRACKERS
from tests.support.command_line import nas

PAGE = (Path(__file__).parent.parent / "docs" / "trackers.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_its_commands_run(here: Path) -> None:
    (block,) = blocks("sh")
    for line in block.splitlines():
        command, *argv = shlex.split(line)
        assert command == "nas"
        done = nas(*argv)
        assert done.code == 0, done.err
    written = {path.name for path in (here / "runs" / "logged").iterdir()}
    assert {"steps.csv", "steps.json"} <= written


def test_its_program_runs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks("python")
    exec(compile(block, "docs/trackers.md", "exec"), {})
    assert "nor_conv" in capsys.readouterr().out
    (log,) = (here / "logs").glob("*/steps.csv")
    assert len(log.read_text().splitlines()) == 51


def test_it_names_every_tracker() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    ours = {name for name in TRACKERS if TRACKERS[name].__module__.startswith("nas.")}
    assert {*rows} & ours == ours
