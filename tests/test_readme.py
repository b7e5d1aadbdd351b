"""Every command and every program of the README runs as written."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.command_line import nas

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if not line.startswith("pip ")  # those two install: continuous integration runs them
]
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("readme")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), np.uint8)
    np.savez(path / "images.npz", images=pixels)
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: the first two commands are run as processes elsewhere."""
    python, dash, package, *words = shlex.split(command)
    assert (python, dash, package) == ("python", "-m", "nas")
    monkeypatch.chdir(folder)
    done = nas(*words)
    assert done.code == 0, done.err
    assert done.out.strip()


def test_the_two_commands_are_there() -> None:
    assert len(COMMANDS) >= 8
    assert "\npip install -c constraints.txt -e . && python -m nas search " in README
    assert "\npip install -c constraints.txt -e '.[test]' && python -m pytest\n" in README


def test_the_programs_run(folder: Path) -> None:
    assert len(PROGRAMS) == 2
    program = "\n".join(PROGRAMS)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("|")


def test_the_first_result_is_what_the_command_prints(folder: Path) -> None:
    """All but times, and the places behind the winner: close ranks may be exchanged."""
    done = nas("report", folder / "runs" / "first")
    block = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert block is not None
    shown, printed = (lasting(text) for text in (block[1], done.out))
    assert shown == printed


def lasting(text: str) -> list[str]:
    """The lines that are the same on every machine."""
    behind = re.compile(r" +\d+ +-\d+\.\d{4} |time|files|the search's favourite has place")
    return [line for line in text.splitlines() if not behind.match(line)]
