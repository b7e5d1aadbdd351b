"""Every command and every file of the tutorial works as written."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.support.command_line import nas
from tests.support.site import Site, passes

ROOT = Path(__file__).parent.parent
TUTORIAL = (ROOT / "docs" / "your_own_space.md").read_text()
SHELL = """
set -euo pipefail
python() { "$PYTHON" "$@"; }
nas() { python -m nas "$@"; }
pip() {
    [ "$*" = "install -e ./stairs" ]
    python -c '
from pathlib import Path
from tests.support.site import Site
Site(Path("..")).install(Path("stairs"))'
}
"""
"""Commands as in a shell with this environment, but nothing is installed into that."""


def test_the_tutorial(tmp_path: Path) -> None:
    """Blocks with a file's name are files, the others are typed into one shell."""
    blocks = re.findall(r"```(\w+)(?: (\S+))?\n(.*?)```", TUTORIAL, re.DOTALL)
    assert [kind for kind, *_ in blocks].count("sh") == 4
    script = [SHELL]
    for kind, file, content in blocks:
        if file:
            script.append(f"mkdir -p $(dirname {file})\ncat >{file} <<'EOF'\n{content}EOF\n")
        else:
            assert kind == "sh"
            script.append(content)
    site = Site(tmp_path)
    site.path.append(site.here / "stairs")  # where it will be
    done = site.run("bash", "-c", "".join(script), PYTHON=sys.executable)
    assert done.code == 0, done.out + done.err
    assert "from stairs 0.1.0, stairs/__init__.py" in done.out
    assert "100 of 100 trials · space stairs" in done.out
    assert "18 of 18 trials · space mlp · proxy synflow" in done.out
    assert "18 architectures · space mlp" in done.out
    lines = [line for line in TUTORIAL.splitlines() if line.startswith(("nas ", "python -m "))]
    assert len(lines) > 8


def test_the_code_of_the_tutorial_is_clean(tmp_path: Path) -> None:
    assert nas("new", "space", "stairs", f"out={tmp_path / 'stairs'}").code == 0
    files = re.findall(r"```python (\S+)\n(.*?)```", TUTORIAL, re.DOTALL)
    assert len(files) == 3
    for file, content in files:
        (tmp_path / file).write_text(content)
    settings = f"--config={ROOT / 'pyproject.toml'}"
    passes(["ruff", "check", "--no-cache", settings, "."], tmp_path)
    passes(["ruff", "format", "--no-cache", settings, "--check", "."], tmp_path)
