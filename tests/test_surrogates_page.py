"""Every command and program of docs/surrogates.md runs as written, on a small table."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from random import Random
from typing import Any

import polars
import pytest

from nas import SPACES
from tests.support.command_line import nas
from tests.support.tables import written

PAGE = (Path(__file__).parent.parent / "docs" / "surrogates.md").read_text(encoding="utf-8")
SPACE = SPACES.build("mnasnet")
QUICK = {
    "fit": ["splits=1"],
    "search": ["budget=4", "batch.size=1", "metrics=[]"],
    "compare": ["resamples=10", "batch.size=1", "pictures=false", "baselines=[params]"],
}


def commands(page: str) -> list[list[str]]:
    """The commands of the page's blocks, as words."""
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


@pytest.fixture
def _table(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty networks whose figures follow from the decisions, and a file with two of them."""
    monkeypatch.setenv("NAS_DATA", str(here / "data"))
    archs = [SPACE.sample(Random(seed)) for seed in range(40)]
    figures = {
        "val_top1": [60 + sum(arch) / 4 for arch in archs],
        "throughput_a100": [9000.0 - 100 * sum(arch) for arch in archs],
        "latency_zcu102": [3 + arch[0] + arch[4] / 2 for arch in archs],
    }
    frame = polars.DataFrame({"arch": [SPACE.format(arch) for arch in archs], **figures})
    written(here / "data" / "accel_nasbench.csv", frame)
    (here / "FILE").write_text("\n".join(frame["arch"][:2]))


@pytest.mark.long
@pytest.mark.usefixtures("_table")
def test_the_commands_and_the_program_run(here: Path) -> None:
    found = commands(PAGE)
    assert [words[0] for words in found] == ["fit", "score", *["search"] * 3, "compare"]
    for place, (name, *words) in enumerate(found):
        given = [word for word in words if not word.startswith("budget=")]
        done = nas(name, *given, *QUICK.get(name, []), *([f"out=r{place}"] if place > 1 else []))
        assert done.code == 0, done.err
    scope: dict[str, Any] = {}
    for program in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(program, scope)
    assert len(scope["mean"]) == len(scope["spread"]) == 2
    asked = scope["fitted"].predict([(0,) * 28])["val_top1"].mean
    assert scope["scores"][0].score == asked[0]
    assert {*scope["goals"]} <= {*scope["found"].best.metrics}
    assert (here / "surrogate" / "surrogate.json").exists()


def test_the_first_program_has_five_lines() -> None:
    program = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert program is not None
    assert len(program[1].splitlines()) == 5
