"""Every command and every program of the README and of the tutorial runs as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.test_cli import nas
from tests.test_plugins import Site, passes

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if not line.startswith("pip ")  # those two install: continuous integration runs them
]
TUTORIAL = (ROOT / "docs" / "your_own_space.md").read_text()
SHELL = """
set -euo pipefail
python() { "$PYTHON" "$@"; }
nas() { python -m nas "$@"; }
pip() {
    [ "$*" = "install -e ./stairs" ]
    python -c '
from pathlib import Path
from tests.test_plugins import Site
Site(Path("..")).install(Path("stairs"))'
}
"""
"""Commands as in a shell with this environment, but nothing is installed into that."""
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("readme")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), np.uint8)
    np.savez(path / "images.npz", images=pixels)
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command: str, folder: Path) -> None:
    assert command.startswith("python -m nas ")
    line = command.replace("python", sys.executable, 1)
    done = subprocess.run(
        line, shell=True, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


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
    """All but times, which differ."""
    report = [sys.executable, "-m", "nas", "report", str(folder / "runs" / "first")]
    done = subprocess.run(report, capture_output=True, text=True, check=True)
    block = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert block is not None
    shown = [line for line in block[1].splitlines() if not line.startswith(("time", "files"))]
    printed = [line for line in done.stdout.splitlines() if not line.startswith("time")]
    assert shown == printed


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
    assert "20 of 20 trials · space little" in done.out
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
