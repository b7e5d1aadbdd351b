"""Every command and every file of the tutorial works as written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import nas
from tests.support.pages import ROOT, SiteShell, blocks
from tests.support.site import Site, passes

PAGE = "docs/your_own_space.md"
SMALLER = [
    ("search space=stairs budget=20", "batch.size=8 finals.size=4"),
    ("search space=stairs budget=100", "batch.size=8 finals=none"),
    ("search space=stairs space.channels=8", "budget=10 batch.size=8 finals=none"),
    ("search space=mlp", "finals.size=4"),
    ("compare space=stairs", "sample=12 batch.size=8"),
]


@pytest.mark.long
def test_the_tutorial(tmp_path: Path) -> None:
    """Blocks with a file's name are files, the others are typed in their order."""
    site = Site(tmp_path)
    site.path.append(site.here / "stairs")  # where it will be
    shell = SiteShell(site, SMALLER)
    for block in blocks(PAGE):
        shell.run(block)
    assert "from stairs 0.1.0, stairs/__init__.py" in shell.output
    assert "100 of 100 trials · space stairs" in shell.output
    assert "18 of 18 trials · space mlp · proxy synflow" in shell.output
    assert "18 architectures · space mlp" in shell.output
    assert shell.commands == 13


def test_the_code_of_the_tutorial_is_clean(tmp_path: Path) -> None:
    assert nas("new", "space", "stairs", f"out={tmp_path / 'stairs'}").code == 0
    files = [block for block in blocks(PAGE) if block.file]
    assert len(files) == 3
    for block in files:
        (tmp_path / block.file).write_text(block.text)
    settings = f"--config={ROOT / 'pyproject.toml'}"
    passes(["ruff", "check", "--no-cache", settings, "."], tmp_path)
    passes(["ruff", "format", "--no-cache", settings, "--check", "."], tmp_path)
