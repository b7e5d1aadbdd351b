"""Every file and every command of the page about one's own data work as written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pages import ROOT, SiteShell, blocks
from tests.support.site import Site, passes

PAGE = "docs/your_data.md"


@pytest.mark.long
def test_the_page(tmp_path: Path) -> None:
    """Blocks with a file's name are files, the others are typed in their order."""
    done = SiteShell(Site(tmp_path))
    for block in blocks(PAGE):
        assert block.file or block.language == "sh"
        done.run(block)
    assert "note     labels of the data: from 0 to 2" in done.output
    assert "6 of 6 trials · space table · proxy grad_norm" in done.output
    assert "note    labels of the data: high, low" in done.output
    assert "note     labels from subfolders: blue, red" in done.output
    assert "torch.Size([32, 1, 16, 16]) labels of the data: from 0 to 9\n" in done.output


def test_its_code_is_clean(tmp_path: Path) -> None:
    for block in blocks(PAGE):
        if block.language == "python":
            (tmp_path / block.file).write_text(block.text)
    settings = f"--config={ROOT / 'pyproject.toml'}"
    passes(["ruff", "check", "--no-cache", settings, "--ignore=PTH123", "."], tmp_path)
    passes(["ruff", "format", "--no-cache", settings, "--check", "."], tmp_path)
