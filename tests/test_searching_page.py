"""Every command and every program of docs/searching.md runs as written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.support.command_line import nas

PAGE = (Path(__file__).parent.parent / "docs" / "searching.md").read_text(encoding="utf-8")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with labelled images."""
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), np.uint8)
    np.savez(tmp_path / "images.npz", images=pixels, labels=np.arange(64) % 10)
    return tmp_path


@pytest.mark.long
def test_the_commands_run(here: Path) -> None:
    commands = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    assert len(commands) == 1
    for command in commands:
        done = nas(*shlex.split(command)[1:])
        assert done.code == 0, done.err
        assert (here / "runs" / "training" / "best.json").exists()


@pytest.mark.long
def test_the_programs_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    programs = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(programs) == 2
    exec(compile("\n".join(programs), "searching.md", "exec"), {"__name__": "page"})
    assert "layers=3,width=32 by patience=30" in capsys.readouterr().out
    assert (here / "trials.csv").exists()
    assert (here / "trials.png").read_bytes().startswith(b"\x89PNG")
    assert nas("report", "runs/python").code == 0
