"""Every command and every program of the README runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.command_line import nas
from tests.support.pages import ROOT, Shell, blocks
from tests.test_documentation import QUICK, runs

README = (ROOT / "README.md").read_text(encoding="utf-8")
SMALLER = [
    ("search proxy=epsilon", "budget=30 finals.size=4 batch.size=16"),
    ("search", f"budget=10 {QUICK}"),
    ("score", "batch.size=16"),
    ("compare", f"sample=12 pictures=false {QUICK}"),
]
FIRST = "search proxy=epsilon strategy=evolution out=runs/first"


def test_the_blocks_run(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, with small budgets; the installation is left to continuous integration."""
    shell = Shell(monkeypatch, SMALLER)
    found = [block for block in blocks("README.md") if runs(block)]
    assert len(found) == 8
    for block in found:
        shell.run(block)
    assert (here / "net.py").exists()
    assert "best of 10: " in capsys.readouterr().out


def test_the_two_commands_are_there() -> None:
    """Continuous integration takes the second from this page."""
    assert f"\npip install -c constraints.txt -e .\npython -m nas {FIRST}\n" in README
    assert "\npip install -c constraints.txt -e '.[test]' && python -m pytest\n" in README


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_the_first_result_is_what_the_command_prints() -> None:
    """As it stands on the page; lines that differ between machines are not on it."""
    done = nas(*FIRST.split())
    assert done.code == 0, done.err
    (block,) = (block for block in blocks("README.md") if block.language == "text")
    printed = iter(done.out.splitlines())
    for line in filter(None, block.text.splitlines()):
        assert line in printed, line  # in this order


def test_the_picture_is_that_of_the_winner(here: Path) -> None:
    """The drawing of the architecture that the page names."""
    arch = re.search(r"^tuple +(\(.*\))$", README, re.MULTILINE)
    assert arch is not None
    assert nas("draw", arch[1], "out=first.svg").code == 0
    assert (here / "first.svg").read_text() == (ROOT / "docs/pictures/first.svg").read_text()
