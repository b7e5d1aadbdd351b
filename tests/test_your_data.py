"""Every file and every command of the page about one's own data work as written."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.support.site import Site, passes

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "your_data.md").read_text()
SHELL = 'set -euo pipefail\npython() { "$PYTHON" "$@"; }\n'


def test_the_page(tmp_path: Path) -> None:
    """Blocks with a file's name are files, the others are typed into one shell."""
    script = [SHELL]
    for kind, file, content in re.findall(r"```(\w+)(?: (\S+))?\n(.*?)```", PAGE, re.DOTALL):
        assert file or kind == "sh"
        script.append(f"cat >{file} <<'EOF'\n{content}EOF\n" if file else content)
    done = Site(tmp_path).run("bash", "-c", "".join(script), PYTHON=sys.executable)
    assert done.code == 0, done.out + done.err
    assert "note     labels of the data: from 0 to 2" in done.out
    assert "6 of 6 trials · space table · proxy grad_norm" in done.out
    assert "note    labels of the data: high, low" in done.out
    assert "note     labels from subfolders: blue, red" in done.out
    assert "torch.Size([32, 1, 16, 16]) labels of the data: from 0 to 9\n" in done.out


def test_its_code_is_clean(tmp_path: Path) -> None:
    for file, content in re.findall(r"```python (\S+)\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / file).write_text(content)
    settings = f"--config={ROOT / 'pyproject.toml'}"
    passes(["ruff", "check", "--no-cache", settings, "--ignore=PTH123", "."], tmp_path)
    passes(["ruff", "format", "--no-cache", settings, "--check", "."], tmp_path)
