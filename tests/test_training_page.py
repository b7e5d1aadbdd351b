"""Every command of docs/training.md runs as written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas.training.recipe import read_recipe
from tests.support.command_line import nas

PAGE = (Path(__file__).parent.parent / "docs" / "training.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_the_commands_run(here: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), np.uint8)
    np.savez(here / "images.npz", images=pixels, labels=np.arange(64) % 10)
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    assert len(names["found"].curve) == 2
    assert names["found"].path == Path("runs/python")
    lines = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).splitlines()
    assert len(lines) == 5
    for line in lines:
        done = nas(*shlex.split(line)[1:])
        assert done.code == 0, done.err
    for name in re.findall(r"`(\w+\.\w+)`", PAGE.partition("## The data")[0]):
        if name not in ("checkpoint.safetensors", "images.npz"):
            assert (here / "runs" / "cell" / name).exists(), name


def test_the_recipe_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "recipe.yaml").write_text(text)
    assert read_recipe(tmp_path / "recipe.yaml").epochs == 3
