"""The commands of docs/proxify.md run as written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from benchmarks.stripes import stripes
from tests.support.command_line import best, nas

PAGE = (Path(__file__).parent.parent / "docs" / "proxify.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_the_commands_run(here: Path) -> None:
    images, labels = stripes(200, 8, 40)
    np.savez(here / "images.npz", images=images, labels=labels)
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for command in block.splitlines():
        done = nas(*shlex.split(command)[1:])
        assert done.code == 0, done.err
    names = re.findall(r"^\| (`[\w.]+`.*?) \| ", PAGE.split("| file |")[1], re.MULTILINE)
    files = {file for name in names for file in re.findall(r"`(.*?)`", name)}
    assert files == {path.name for path in (here / "runs" / "cheaper").iterdir()}
    assert best(here / "runs" / "found")["trials"]["total"] == 4
