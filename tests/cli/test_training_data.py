"""Data that `nas train` cannot use: one sentence, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas.training.folder import read_figures
from tests.support.command_line import check_mistake, nas, snapshot
from tests.support.image_files import pixels

CELL = ["3,0,0,1,0,2", "space.channels=2", "space.cells=1", "space.resolution=8", "device=cpu"]
NETWORKS = """
from torch import nn

class Flat(nn.Flatten):
    pass

def three():
    return nn.Linear(2, 3)

def one():
    return nn.Linear(2, 1)
"""
SETS = """
import torch

class Set:
    def __init__(self, count, give):
        self.count, self.give = count, give

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        return self.give(number)

def fails(number):
    if number > 7:
        raise RuntimeError(f"no {number}")
    return torch.zeros(2), number % 3

def none():
    return Set(0, fails)

def single():
    return Set(1, fails)

def broken():
    return Set(20, fails)

def late():
    return Set(60, lambda n: (torch.zeros(2), n % 3 if n < 50 else 7))

def below():
    return Set(20, lambda n: (torch.zeros(2), n % 3 - 1))

def holes():
    return Set(20, lambda n: (torch.zeros(2), float("nan")))

def two():
    return Set(20, fails), Set(1, fails)
"""


def images(folder: Path, count: int, labels: object = None) -> None:
    named: dict[str, Any] = {} if labels is None else {"labels": np.asarray(labels)}
    np.savez(folder / "x.npz", images=pixels(count), **named)


Prepare = Callable[[Path], None]


@pytest.mark.parametrize(
    ("prepare", "words", "fragments"),
    [
        (lambda at: images(at, 1, [0]), [], ["x.npz has 1 example,", "needs 2 to train on and 1"]),
        (lambda at: images(at, 2, [0, 1]), [], ["x.npz has 2 examples,"]),
        (lambda at: images(at, 9, [*range(9)]), ["valid=0.99"], ["leaves 0 to", "smaller valid"]),
        (lambda at: images(at, 9, [*range(9)]), ["share=0.001"], ["share=0.001 of 7", "leaves 0"]),
        (
            lambda at: images(at, 9, np.arange(9) - 1),
            [],
            ["one label is -1, so the labels are numbers to predict, 1 for", "has 10 outputs"],
        ),
        (lambda at: images(at, 9, np.arange(9) - 1), ["task=classes"], ["from 0 on", "one is -1"]),
        (lambda at: images(at, 9, np.arange(9) / 7), [], ["one label is ", "10 outputs"]),
        (lambda at: images(at, 9, np.ones((9, 3)) / 3), [], ["3 for each example", "10 outputs"]),
        (lambda at: images(at, 9, [*range(8), np.nan]), [], ["not finite", "the first is nan"]),
        (lambda at: images(at, 9, np.arange(9) * 3), [], ["the label 24 needs at least 25 out"]),
        (lambda at: images(at, 9), [], ["training needs labels", "labels=NAME"]),
        (lambda at: images(at, 9, np.arange(8)), [], ["(8,), and must be 9"]),
    ],
)
def test_images(here: Path, prepare: Prepare, words: list[str], fragments: list[str]) -> None:
    prepare(here)
    before = snapshot(here)
    check_mistake(nas("train", *CELL, "data=x.npz", *words, "out=run"), fragments)
    assert snapshot(here) == before


def table(*columns: str, rows: int = 12) -> str:
    """A table whose columns count up to 2, but for `half` and `word`."""
    same = {"half": "0.5", "word": "x"}
    lines = [",".join(same.get(name, str(n % 3)) for name in columns) for n in range(rows)]
    return "\n".join([",".join(columns), *lines, ""])


@pytest.mark.parametrize(
    ("content", "words", "fragments"),
    [
        (table("a", "b"), [], ["training needs labels", "labels=NAME"]),
        (table("a", "b", "y"), ["labels=z"], ["no column in x.csv 'z'"]),
        (table("a", "b", "y", "label"), [], ["say by labels=NAME which has the labels"]),
        (
            table("a", "b", "c", "y"),
            [],
            ["cannot take examples of shape 3"],
        ),
        (table("a", "b", "y"), ["file=net.py:one"], ["up to 2", "one output", "task=numbers"]),
        (table("a", "b", "half"), ["labels=half"], ["one label is 0.5", "has 3 outputs"]),
        (table("a", "b", "y"), ["augment=true"], ["augment=true is for images"]),
        (table("a", "b", "y"), ["width=0.5"], ["width=0.5", "three has none"]),
        (table("a", "b", "y"), ["file=net.py:Flat"], ["no weights that a training could"]),
        (table("a", "word", "y"), [], ["'x' and no numbers: name others, inputs=[a,b]"]),
        (table("a", "b", "y") + "1,1,\n", [], ["without a label"]),
        (table("a", "b", "y") + "1,1,nan\n", [], ["without a label"]),
        (table("a", "b", "y", rows=0), [], ["x.csv holds no rows"]),
        (table("a", "b", "y", rows=1), [], ["x.csv has 1 example,"]),
        (
            table("a", "b", "y"),
            ["valid_data=one.csv"],
            ["one.csv has 1 example, and"],
        ),
    ],
)
def test_tables(here: Path, content: str, words: list[str], fragments: list[str]) -> None:
    (here / "x.csv").write_text(content)
    (here / "one.csv").write_text(table("a", "b", "y", rows=1))
    (here / "net.py").write_text(NETWORKS)
    network = [] if words and words[0].startswith("file=") else ["file=net.py:three"]
    before = snapshot(here)
    check_mistake(nas("train", *network, "data=x.csv", *words, "out=run"), fragments)
    assert without_cache(snapshot(here)) == before


def without_cache(found: Mapping[Path, object]) -> dict[Path, object]:
    return {path: each for path, each in found.items() if "__pycache__" not in str(path)}


@pytest.mark.parametrize(
    ("name", "fragments"),
    [
        ("none", ["none has 0 examples, and a training needs 2"]),
        ("single", ["single has 1 example, and"]),
        ("broken", ["of python:sets.py:broken fails (RuntimeError: no "]),
        ("below", ["one label is -1", "3 outputs"]),
        ("holes", ["not finite", "the first is nan"]),
        ("two", ["the second of python:sets.py:two has 1 example"]),
    ],
)
def test_data_sets(here: Path, name: str, fragments: list[str]) -> None:
    (here / "net.py").write_text(NETWORKS)
    (here / "sets.py").write_text(SETS)
    before = snapshot(here)
    words = ["train", "file=net.py:three", f"data=python:sets.py:{name}", "out=run"]
    check_mistake(nas(*words), fragments)
    assert without_cache(snapshot(here)) == before


@pytest.mark.long
@pytest.mark.parametrize("workers", [0, 1])
def test_a_data_set_that_fails_in_the_middle(here: Path, workers: int) -> None:
    """The sentence is the same where another process read the example."""
    (here / "net.py").write_text(NETWORKS)
    (here / "sets.py").write_text(SETS.replace("number > 7", "number == 55").replace("20", "60"))
    words = ["data=python:sets.py:broken", "valid=0.05", "batch_size=4", f"workers={workers}"]
    done = nas("train", "file=net.py:three", *words, "epochs=1", "out=run")
    last = done.err.splitlines()[-1]
    assert (done.code, done.out) == (2, "")
    assert last == "nas: example 55 of python:sets.py:broken fails (RuntimeError: no 55)"


def test_folders(here: Path) -> None:
    (here / "empty" / "cats").mkdir(parents=True)
    before = snapshot(here)
    check_mistake(nas("train", *CELL, "data=empty", "out=run"), ["empty holds no images"])
    check_mistake(nas("train", *CELL, "data=empty", "labels=y"), ["data=empty is a folder"])
    assert snapshot(here) == before


def test_pictures_of_different_sizes_are_made_alike(here: Path) -> None:
    from PIL import Image

    for number, size in enumerate((8, 9, 16, 5, 8, 8)):
        (here / "x" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(pixels(1, size, size + number)[0])
        picture.save(here / "x" / "ab"[number % 2] / f"{number}.png")
    done = nas("train", *CELL, "data=x", "epochs=1", "pictures=false", "out=run")
    assert done.code == 0, done.err
    assert "labels from subfolders: a, b" in done.out


def test_columns_by_their_names(here: Path) -> None:
    (here / "net.py").write_text(NETWORKS)
    rows = "\n".join(f"{n},{n % 4},{n % 5},{n / 3}" for n in range(20))
    (here / "x.csv").write_text(f"row,a,b,price\n{rows}\n")
    words = ["train", "file=net.py:one", "data=x.csv", "inputs=[a,b]", "labels=price", "epochs=1"]
    done = nas(*words, "pictures=false", "out=run")
    assert done.code == 0, done.err
    figures = read_figures(here / "run")
    assert figures is not None
    assert "accuracy" not in figures["valid"]
    check_mistake(nas(*words, "labels=a", "inputs=b", "out=run"), ["other settings", "labels is"])


@pytest.mark.long
def test_a_share_that_leaves_less_than_a_batch_is_told(here: Path) -> None:
    images(here, 30, np.arange(30) % 3)
    words = [*CELL, "data=x.npz", "batch_size=8", "epochs=1", "pictures=false"]
    told = "share=0.2 of 24 examples leaves 5, so an epoch is a single step of 5"
    done = nas("train", *words, "share=0.2", "out=few")
    assert f"note      {told}: share=0.3334 fills a batch of 8" in done.out
    assert "leaves" not in nas("train", *words, "share=0.3334", "out=more").out
    many = [word for word in words if not word.startswith(("3,", "pictures="))]
    done = nas("table", *many, "share=0.2", "sample=1", "executor=serial", "out=table")
    assert f"note    {told}" in done.out


@pytest.mark.long
def test_a_network_file_that_has_changed(here: Path) -> None:
    """The file, or one beside it that it imports from."""
    images(here, 12, np.arange(12) % 4)
    (here / "own_blocks_of_net.py").write_text("from torch import nn\n\nACT = nn.ReLU\n")
    net = (
        "from torch import nn\n\nfrom own_blocks_of_net import ACT\n\ndef create_model():\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(192, 4), ACT())\n"
    )
    (here / "net.py").write_text(net)
    words = ["train", "file=net.py", "data=x.npz", "epochs=1", "device=cpu", "out=run"]
    assert nas(*words).code == 0
    assert nas(*words).code == 0
    (here / "net.py").write_text(net.replace("192, 4", "192, 5"))
    check_mistake(nas(*words), ["a training of another net.py, which has changed since"])
    (here / "net.py").write_text(net)
    (here / "own_blocks_of_net.py").write_text("from torch import nn\n\nACT = nn.GELU\n")
    check_mistake(nas(*words), ["a training of another net.py, which has changed since"])
