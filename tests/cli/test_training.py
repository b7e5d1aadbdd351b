"""`nas train` and `nas table`."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from nas import SPACES, Candidate
from nas.data import tables
from tests.support.command_line import (
    Done,
    check_mistake,
    interrupt,
    nas,
    paused,
    snapshot,
    started,
)
from tests.support.image_files import pixels

SMALL = [*("space.channels=2", "space.cells=1", "space.resolution=8"), "device=cpu"]
CELL = "3,0,0,1,0,2"
QUICK = [*SMALL, "data=x.npz", "batch_size=8"]
FILES = {"config.yaml", "curve.csv", "metrics.json", "trained.safetensors"}


@pytest.fixture
def images(here: Path) -> Path:
    """Images whose class is told by their brightness."""
    labels = np.arange(40) % 4
    bright = pixels(40) // 4 + 45 * labels[:, None, None, None].astype(np.uint8)
    np.savez(here / "x.npz", images=bright, labels=labels)
    return here


def metrics(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return found


def untimed(table: Path) -> list[dict[str, str]]:
    with table.open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.mark.long
def test_a_cell_learns(images: Path) -> None:
    done = nas("train", CELL, *QUICK, "epochs=25", "lr=0.1", "augment=false", "out=run")
    assert done.code == 0, done.err
    assert {path.name for path in (images / "run").iterdir()} == FILES | {"curve.png", "curve.svg"}
    found = metrics(images / "run")
    assert found["train"]["accuracy"] > 0.9
    assert f"accuracy {found['valid']['accuracy']:.4f}" in done.out
    with (images / "run" / "curve.csv").open() as file:
        rows = [*csv.DictReader(file)]
    assert [int(row["epoch"]) for row in rows] == list(range(1, 26))
    assert float(rows[-1]["valid_accuracy"]) == found["valid"]["accuracy"]
    space = SPACES.build("nasbench201", channels=2, cells=1, resolution=8)
    model = Candidate(space, space.read(CELL)).model()
    model.load_state_dict(load_file(images / "run" / "trained.safetensors"))
    before = snapshot(images / "run")
    again = nas("train", CELL, *QUICK, "epochs=25", "lr=0.1", "augment=false", "out=run")
    assert again.out == done.out
    assert snapshot(images / "run").keys() == before.keys()


@pytest.mark.long
def test_a_kill_changes_no_number(images: Path) -> None:
    words = [*QUICK, "epochs=12", "checkpoint=1", "pictures=false", f"arch='{CELL}'"]
    assert nas("train", *words, "out=whole").code == 0
    words.append("out=cut")
    with started(
        "train", *words, OMP_NUM_THREADS="1", pause=(images / "cut" / "curve.csv", 100)
    ) as process:
        paused(process)
        os.kill(process.pid, signal.SIGKILL)
    assert not (images / "cut" / "metrics.json").exists()
    _check_refusals(["train", *words], images)
    assert nas("train", *words).code == 0
    for name in ("curve.csv", "trained.safetensors"):
        assert (images / "cut" / name).read_bytes() == (images / "whole" / name).read_bytes()
    assert not (images / "cut" / "checkpoint.safetensors").exists()


def _check_refusals(words: list[str], images: Path) -> None:
    """A checkpoint is gone on with by the same settings, on the same data, and if it is whole."""
    check_mistake(nas(*words, "lr=0.3"), ["holds a run with other settings", "lr is"])
    check_mistake(nas("search", "out=cut", "budget=3"), ["cut"])
    checkpoint = images / "cut" / "checkpoint.safetensors"
    whole, pictures = checkpoint.read_bytes(), (images / "x.npz").read_bytes()
    checkpoint.write_bytes(whole[:-7])
    _check_last(nas(*words), ["cannot be gone on with", "remove it to begin again"])
    checkpoint.write_bytes(whole)
    np.savez(images / "x.npz", images=pixels(40, seed=9), labels=np.arange(40) % 4)
    _check_last(nas(*words), ["on other data"])
    (images / "x.npz").write_bytes(pictures)


def _check_last(done: Done, fragments: list[str]) -> None:
    """A mistake that is told after other lines, such as those of the progress."""
    assert done.code == 2
    last = done.err.splitlines()[-1]
    assert last.startswith("nas: ")
    for fragment in fragments:
        assert fragment in last


def test_the_learning_curve_is_logged(images: Path) -> None:
    words = [*QUICK, "pictures=false", "out=run", "tracker=csv", "epochs=3"]
    assert nas("train", CELL, *words).code == 0
    with (images / "run" / "steps.csv").open() as file:
        logged = [*csv.DictReader(file)]
    with (images / "run" / "curve.csv").open() as file:
        curve = [*csv.DictReader(file)]
    assert [int(row["number"]) for row in logged] == [0, 1, 2]
    for row, expected in zip(logged, curve, strict=True):
        assert {name: float(row[name]) for name in expected} == {
            name: float(value) for name, value in expected.items()
        }
    about = json.loads((images / "run" / "steps.json").read_text())
    assert about["settings"]["epochs"] == 3
    valid = metrics(images / "run")["valid"]["accuracy"]
    assert about["result"]["result/valid.accuracy"] == valid
    before = snapshot(images / "run")
    assert nas("train", CELL, *words).code == 0
    assert snapshot(images / "run") == before


@pytest.mark.long
@pytest.mark.usefixtures("images")
def test_an_exported_file_and_a_function_of_data(here: Path) -> None:
    assert nas("export", CELL, *SMALL[:3], "out=net.py").code == 0
    done = nas("train", "file=net.py", "data=x.npz", "epochs=1", "device=cpu", "out=a")
    assert done.code == 0, done.err
    (here / "sets.py").write_text(
        "import torch\nfrom torch.utils.data import TensorDataset\n\n"
        "def two():\n    return tuple(TensorDataset(torch.randn(n, 3, 8, 8), torch.arange(n) % 4)"
        " for n in (20, 10))\n\ndef wrong():\n    raise OSError('no disk')\n"
    )
    words = ["train", "file=net.py:create_model", "epochs=1", "device=cpu"]
    done = nas(*words, "data=python:sets.py:two", "out=b")
    assert done.code == 0, done.err
    assert metrics(here / "b")["valid"]["examples"] == 10
    check_mistake(nas(*words, "data=python:sets.py:wrong"), ["fails (OSError: no disk)"])
    check_mistake(nas(*words, "data=python:sets.py:three"), ["has no function three"])


@pytest.mark.long
def test_language_and_numbers(here: Path) -> None:
    (here / "x.txt").write_text("a b c d e f g h\n" * 30)
    space = ["space=nasbench_nlp", "space.embedding=6", "space.hidden=8", "space.layers=1"]
    arch = SPACES.build("nasbench_nlp").format(SPACES.build("nasbench_nlp").sample(Random(0)))
    words = [*space, "space.vocabulary=20", "space.tokens=6", "data=x.txt", "device=cpu"]
    done = nas("train", arch, *words, "epochs=2", "batch_size=4", "out=text")
    assert done.code == 0, done.err
    assert 0 <= metrics(here / "text")["valid"]["accuracy"] <= 1
    rows = "\n".join(f"{n},{n % 5},{n / 7}" for n in range(30))
    (here / "y.csv").write_text(f"a,b,target\n{rows}\n")
    (here / "line.py").write_text(
        "from torch import nn\n\ndef create_model():\n    return nn.Linear(2, 1)\n"
    )
    done = nas("train", "file=line.py", "data=y.csv", "epochs=3", "lr=0.001", "out=line")
    assert done.code == 0, done.err
    assert "accuracy" not in metrics(here / "line")["valid"]


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        ([], ["training needs data="]),
        (["data=none.npz"], ["data=none.npz names nothing"]),
        (["data=x.npz", "space.classes=3"], ["the label 3 needs at least 4 outputs"]),
        (["data=x.npz", "valid=2"], ["valid=2 must be a share"]),
        (["data=x.npz", "recipe=none.yaml"], ["there is no recipe none.yaml"]),
        (["data=x.npz", "batch_size=1"], ["batch_size=1 must be a whole number of at least 2"]),
        (["data=x.npz", "valid=0.999"], ["valid=0.999 of 40", "needs 2"]),
        (["data=x.npz", "task=wrong"], ["must be auto, classes or numbers"]),
    ],
)
@pytest.mark.parametrize("command", ["train", "table"])
def test_mistakes_write_nothing(
    images: Path, command: str, words: list[str], fragments: list[str]
) -> None:
    before = snapshot(images)
    arch = [CELL] if command == "train" else ["sample=2", "executor=serial"]
    check_mistake(nas(command, *arch, *SMALL, *words, "out=run"), fragments)
    assert snapshot(images) == before


@pytest.mark.usefixtures("images")
def test_what_is_trained() -> None:
    check_mistake(nas("train", *QUICK), ["one run's folder or one architecture, not 0"])
    check_mistake(nas("train", CELL, "file=net.py", *QUICK), ["give no architecture"])


def test_a_config_names_no_code(images: Path) -> None:
    (images / "configs" / "extra").mkdir(parents=True)
    sly = images / "configs" / "extra" / "sly.yaml"
    sly.write_text("# @package _global_\ndata: 'python:os:getcwd'\n")
    words = ["train", CELL, *SMALL, "--config-dir=configs", "+extra=sly"]
    check_mistake(nas(*words), ["only the command line names code"])


@pytest.mark.long
def test_a_table_of_trained_figures(images: Path) -> None:
    words = ["table", *QUICK, "sample=4", "epochs=2"]
    done = nas(*words, "executor=serial", "out=a")
    assert done.code == 0, done.err
    rows = untimed(images / "a" / "table.csv")
    assert len(rows) == 4
    table = tables.read(images / "a" / "table.csv")
    space = SPACES.build("nasbench201", channels=2, cells=1, resolution=8)
    assert tables.first_figure(table, space) == "valid_accuracy"
    found = tables.truth(table, space, "valid_accuracy", "error", "error")
    assert found.values == [float(row["valid_accuracy"]) for row in rows]
    done = nas(
        "score",
        rows[0]["arch"],
        *SMALL[:3],
        "proxy=table",
        "proxy.table=a/table.csv",
        "json=true",
        "device=cpu",
    )
    assert json.loads(done.out)["score"] == found.values[0]
    more = nas("table", *QUICK, "sample=6", "epochs=2", "executor=serial", "out=a")
    assert more.code == 0, more.err
    assert untimed(images / "a" / "table.csv")[:4] == rows


@pytest.mark.long
def test_a_killed_table_has_the_same_rows(images: Path) -> None:
    words = ["table", *QUICK, "sample=4", "epochs=4", "checkpoint=1"]
    assert nas(*words, "executor=serial", "out=a").code == 0
    with started(
        *words, "executor.workers=2", "out=b", pause=(images / "b" / "table.csv", 0)
    ) as process:
        paused(process)
        process.kill()
    done = nas(*words, "executor=serial", "out=b")
    assert done.code == 0, done.err
    assert untimed(images / "b" / "table.csv") == untimed(images / "a" / "table.csv")


@pytest.mark.parametrize("executor", ["processes", pytest.param("dask", marks=pytest.mark.slow)])
def test_ctrl_c_leaves_whole_rows(images: Path, executor: str) -> None:
    """A terminal also sends it to the processes that train."""
    words = ["table", *QUICK, "sample=12", "epochs=4"]
    both = [f"executor={executor}", "executor.workers=2"]
    with started(
        *words, *both, "out=b", session=True, pause=(images / "b" / "table.csv", 0)
    ) as process:
        paused(process)
        interrupt(process, group=True)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    rows = untimed(images / "b" / "table.csv")
    assert f"stopped with {len(rows)} of 12 in the table; go on with\n  nas table" in out
    assert 0 < len(rows) < 12
    assert not any(row["reason"] for row in rows)
    assert not [*(images / "b").rglob("failed.json")]
    assert nas(*words, "sample=3", "executor=serial", "out=a").code == 0
    assert nas(*words, "sample=3", "executor=serial", "out=b").code == 0
    assert untimed(images / "b" / "table.csv") == untimed(images / "a" / "table.csv")


def test_failures_are_rows_with_a_reason(images: Path) -> None:
    (images / "archs.txt").write_text(f"0,0,0,0,0,0\n{CELL}\n")
    words = ["table", *QUICK, "archs=archs.txt", "executor=serial", "epochs=2"]
    done = nas(*words, "lr=1e30", "out=bad")
    _check_last(done, ["all 2 trainings fail, the first one: the training diverged"])
    rows = untimed(images / "bad" / "table.csv")
    assert all("the loss is" in row["reason"] for row in rows)
    assert not any(row["valid_loss"] for row in rows)


def test_a_recipe_counts_after_what_is_given(images: Path) -> None:
    (images / "recipe.yaml").write_text("epochs: 3\nwidth: 2.0\nshare: 0.5\n")
    done = nas("train", CELL, *QUICK, "recipe=recipe.yaml", "epochs=1", "out=run")
    assert done.code == 0, done.err
    found = metrics(images / "run")
    assert (found["epochs"], found["train"]["examples"]) == (1, 16)
    assert found["recipe"]["width"] == 2.0
    weights = load_file(images / "run" / "trained.safetensors")
    assert any(torch.Size([4, 3, 3, 3]) == each.shape for each in weights.values())
