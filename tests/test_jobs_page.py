"""The lines of code that docs/jobs.md states are those of the programs, and its command runs."""

from __future__ import annotations

import ast
import io
import os
import re
import shlex
import tokenize
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest

from tests.support import warm

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
PAGE = (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r"```python (\S+)\n(.*?)```", PAGE, re.DOTALL))
NO_CODE = {"COMMENT", "NL", "NEWLINE", "INDENT", "DEDENT", "ENDMARKER"}


def code_lines(text: str, only: Collection[str] = ()) -> int:
    """Lines with code: no blanks, comments and docstrings; `only` those of these definitions."""
    tree = ast.parse(text)
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if tokenize.tok_name[token.type] not in NO_CODE:
            found |= {*range(token.start[0], token.end[0] + 1)}
    wanted: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found -= {*range(node.lineno, (node.end_lineno or 0) + 1)}
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in only:
            first = min(part.lineno for part in (node, *node.decorator_list))
            wanted |= {*range(first, (node.end_lineno or 0) + 1)}
    return len(found & wanted if only else found)


TEXT = '''"""Doc."""

# why
@d
def f(
    x,
):
    """More."""
    return """a
b"""

y = 1
'''


def test_what_counts_as_a_line() -> None:
    assert code_lines(TEXT) == 7
    assert code_lines(TEXT, ("f",)) == 6


OURS = re.findall(r"^\| \[(\S+\.py)\]\(\S+\) \| (\d+) \| (-|\d+, `.*`) \|", PAGE, re.MULTILINE)
THEIRS = re.findall(r"^\| `(\S+\.py)` \| (\d+) \|", PAGE, re.MULTILINE)


def test_the_tables_name_all_programs() -> None:
    assert len(OURS) == 7
    assert [name for name, _ in THEIRS] == [*PROGRAMS]


@pytest.mark.parametrize(("name", "lines", "data"), OURS)
def test_the_lines_of_our_examples(name: str, lines: str, data: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    assert code_lines(text) == int(lines)
    if data != "-":
        part, _, names = data.partition(", ")
        assert code_lines(text, re.findall(r"`(\w+)`", names)) == int(part)


def test_the_lines_of_the_spaces() -> None:
    named = re.search(
        r"(\d+) lines in job 1, (\d+) in job 3,\s+(\d+) in job 4 and (\d+) in job 5", PAGE
    )
    assert named
    counted = [
        code_lines((EXAMPLES / file).read_text(encoding="utf-8"), names)
        for file, *names in (
            ("my_resnet.py", "Block", "ResNet"),
            ("my_csv.py", "Triangles"),
            ("spaces/signals_cnn.py", "SignalsCNN"),
            ("search_by_training.py", "SmallCNN"),
        )
    ]
    counted[2] -= 8  # `batch`, which makes the data
    assert [int(number) for number in named.groups()] == counted


@pytest.mark.parametrize(("name", "lines"), THEIRS)
def test_the_lines_of_the_other_programs(name: str, lines: str) -> None:
    assert code_lines(PROGRAMS[name]) == int(lines)
    assert max(map(len, PROGRAMS[name].splitlines())) <= 99


@pytest.mark.long
def test_the_command_runs(tmp_path: Path) -> None:
    (block,) = re.findall(r"```sh\n(export .*?)```", PAGE, re.DOTALL)
    setting, command = block.strip().split("\n")
    draws = np.random.default_rng(0)
    images = draws.standard_normal((512, 3, 16, 16)).astype(np.float32)
    np.savez(tmp_path / "stripes.npz", x=images, y=np.arange(512) % 10)
    plugins = re.findall(r"NAS_PLUGINS=(\S+)", setting)[0]
    paths = os.pathsep.join([str(ROOT), str(EXAMPLES)])
    env = {**os.environ, "PYTHONPATH": paths, "NAS_PLUGINS": plugins}
    done = warm.run(["-m", *shlex.split(command)], cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert "12 of 12 trials · space small_cnn · proxy training" in done.stdout
