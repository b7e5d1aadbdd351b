"""The page `docs/your_module.md` runs as it stands there."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from nas import PROXIES
from tests.support.command_line import nas

PAGE = (Path(__file__).parent.parent / "docs" / "your_module.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found


@pytest.fixture
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    PROXIES.load()
    monkeypatch.setattr(PROXIES, "_plugins", dict(PROXIES._plugins))


@pytest.mark.long
@pytest.mark.usefixtures("_as_before")
def test_the_python_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks("python"):
        exec(compile(block, "your_module.md", "exec"), names)
    out = capsys.readouterr().out
    assert out.startswith("Net on inputs of shape (3, 32, 32)\n")
    assert "['snip', 'expressivity', 'progressivity', 'trainability', 'flops', 'params']" in out
    assert re.search(r"^spread +[\d.]+ +[\d.]+$", out, re.MULTILINE)


@pytest.mark.long
def test_the_commands_of_the_page(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "net", raising=False)  # of another test in this process
    (here / "net.py").write_text(re.split(r"\n\n\nscores", blocks("python")[0])[0])
    for line in blocks("sh")[0].splitlines():
        done = nas(*shlex.split(line)[1:], "device=cpu")
        assert (done.code, done.err) == (0, "")
        assert "naswot" in done.out or "epsilon" in done.out
