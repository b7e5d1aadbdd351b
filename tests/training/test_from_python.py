"""`nas.train`: what the command does, from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import TensorDataset

import nas
from nas import Batch, UsageError
from nas.errors import NothingFoundError
from nas.seeding import generator
from nas.training.from_python import Options, Trained
from tests.support.command_line import nas as command
from tests.support.image_files import pixels

SPACE = nas.SPACES.build("nasbench201", channels=2, cells=1, resolution=8)
CELL = (3, 0, 0, 1, 0, 2)
WORDS = ["space.channels=2", "space.cells=1", "space.resolution=8", "device=cpu"]


def points(count: int = 40) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    inputs = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    return inputs, (inputs[:, 0] > inputs[:, 1]).astype(np.int64)


def make() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))


@pytest.fixture
def file(here: Path) -> str:
    labels = np.arange(40) % 4
    np.savez(here / "x.npz", images=pixels(40), labels=labels)
    return "x.npz"


def test_it_is_what_the_command_does(file: str, here: Path) -> None:
    words = [*WORDS, f"data={file}", "epochs=2", "batch_size=8", "pictures=false", "out=a"]
    assert command("train", str(CELL), *words).code == 0
    weights = load_file(here / "a" / "trained.safetensors")
    for out in (None, "b"):
        found = nas.train(SPACE, CELL, file, epochs=2, batch_size=8, device="cpu", out=out)
        for name, each in found.model.state_dict().items():
            assert torch.equal(each, weights[name])
        assert len(found.curve) == 2
        assert found.accuracy == found.curve[-1]["valid_accuracy"]
        assert f"loss {found.loss:.4f} after 2 epochs" in repr(found)
    assert found.path == Path("b")
    for name in ("curve.csv", "trained.safetensors"):
        assert (here / "a" / name).read_bytes() == (here / "b" / name).read_bytes()


@pytest.mark.long
def test_a_call_that_was_cut_goes_on(tmp_path: Path) -> None:
    inputs, labels = map(torch.from_numpy, points())

    class Cut:
        left = 10**9

        def __len__(self) -> int:
            return len(inputs)

        def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
            type(self).left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            return inputs[number], labels[number]

    options: Options = {"epochs": 3, "batch_size": 8, "checkpoint": 1, "optimizer": "adamw"}

    def found(out: str) -> Trained:
        return nas.train(make, data=Cut(), out=tmp_path / out, **options)

    whole = found("whole")
    Cut.left = 90
    with pytest.raises(KeyboardInterrupt):
        found("cut")
    assert (tmp_path / "cut" / "checkpoint.safetensors").exists()
    Cut.left = 10**9
    cut = found("cut")
    assert cut.curve == whole.curve
    one, other = (tmp_path / name / "trained.safetensors" for name in ("cut", "whole"))
    assert one.read_bytes() == other.read_bytes()


def test_a_training_that_is_over_is_read(tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = nas.train(make, data=points(), epochs=2, out=out)
    before = (out / "metrics.json").stat().st_mtime_ns
    again = nas.train(make, data=points(), epochs=2, out=out)
    assert (out / "metrics.json").stat().st_mtime_ns == before
    assert (again.curve, again.metrics) == (first.curve, first.metrics)
    inputs = torch.randn(5, 2, generator=generator("inputs"))
    assert torch.equal(again.model(inputs), first.model(inputs))
    with pytest.raises(UsageError, match="holds a training on other data"):
        nas.train(make, data=(points()[0] + 1, points()[1]), epochs=2, out=out)
    with pytest.raises(UsageError, match="other settings: epochs is 2 there and 3 here"):
        nas.train(make, data=points(), epochs=3, out=out)


def test_what_data_may_be() -> None:
    inputs, labels = points()
    pair = nas.train(make, data=(inputs, labels), epochs=1)
    batch = nas.train(make, data=Batch(inputs, labels), epochs=1)
    assert pair.curve == batch.curve
    one = TensorDataset(torch.from_numpy(inputs), torch.from_numpy(labels))
    assert nas.train(make, data=one, epochs=1).metrics["valid"]["examples"] == 8
    two = nas.train(make, data=(one, one), epochs=1)
    apart = nas.train(make, data=(inputs, labels), valid_data=(inputs, labels), epochs=1)
    assert two.metrics["valid"]["examples"] == 40 == apart.metrics["valid"]["examples"]
    for both in (
        ((inputs, labels), (inputs, labels)),
        (Batch(inputs, labels), Batch(inputs, labels)),
    ):
        assert nas.train(make, data=both, epochs=1).curve == apart.curve
    numbers = nas.train(nn.Linear(2, 1), data=(inputs, inputs[:, 0] / 3), epochs=1)
    assert numbers.accuracy is None


def test_classes_of_pairs_are_matched_by_name() -> None:
    """On the examples that were trained on accuracies are those of the training."""
    inputs, labels = points()
    names = np.array(["bee", "cat"])[labels]
    found = nas.train(
        lambda: nn.Linear(2, 2),
        data=((inputs, names), (inputs[labels == 1], names[labels == 1])),
        epochs=30,
        batch_size=8,
        lr=0.1,
    )
    assert found.accuracy is not None
    assert found.accuracy > 0.9
    with pytest.raises(UsageError, match="the class 'dog', and the data to train on has only bee"):
        nas.train(make, data=(inputs, names), valid_data=(inputs, np.array(["dog"] * 40)))


def test_a_module_is_copied() -> None:
    module = make()
    before = {name: each.clone() for name, each in module.state_dict().items()}
    found = nas.train(module, data=points(), epochs=1)
    for name, each in module.state_dict().items():
        assert torch.equal(each, before[name])
    assert not torch.equal(found.model.state_dict()["0.weight"], before["0.weight"])
    assert not found.model.training


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ((SPACE, CELL), {}, "training needs data="),
        ((SPACE, None, points()), {}, "NASBench201 needs arch="),
        ((make, CELL, points()), {}, "make has no arch="),
        ((SPACE, (9, 9), points()), {}, "not in the space"),
        ((SPACE, CELL, "nothing.npz"), {}, "data=nothing.npz names nothing"),
        ((SPACE, CELL, "python:a:b"), {}, "in Python give the data set itself"),
        ((SPACE, CELL, points()), {}, r"examples of shape \(2,\), and NASBench201 takes"),
        ((make, None, points()), {"epoch": 3}, "'epoch'; did you mean 'epochs'"),
        ((make, None, points()), {"epochs": 0}, "epochs=0 must be a whole number of at least 1"),
        ((make, None, points()), {"valid": 2}, "valid=2 must be a share"),
        ((make, None, points()), {"task": "x"}, "task='x' must be auto, classes, numbers"),
        ((make, None, points()), {"optimizer": "x"}, "optimizer=x must be sgd or adamw"),
        ((make, None, points()), {"lr": "x"}, "lr=x must be a number over 0"),
        ((make, None, points()), {"seed": 0.5}, "seed=0.5 must be a whole number"),
        ((make, None, points()), {"live": 1}, "live=1 must be True or False"),
        ((make, None, points()), {"labels": "y"}, "names in a file, and data= is none"),
        ((make, None, points()), {"valid_data": "x.csv"}, "must be a Batch or a pair"),
        ((make, None, "x.csv"), {"valid_data": points()}, "must be a file or a folder"),
        ((make, None, (points(), points())), {"valid_data": points()}, "leave valid_data out"),
        ((make, None, points(1)), {}, "data has 1 example, and a training needs 2"),
        ((make, None, 3), {}, "data=int must give one data set, or two"),
        ((make, None, [1, 2]), {}, "the inputs|loader|example"),
        (("nasbench", None, points()), {}, "there is no space 'nasbench'"),
        ((3, None, points()), {}, "3 must be a space, its name, or a module"),
    ],
)
def test_mistakes(given: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        nas.train(*given, **options)


def test_a_function_that_fails() -> None:
    def fails() -> nn.Module:
        raise KeyError("x")

    with pytest.raises(UsageError, match="the network cannot be made: KeyError: 'x'"):
        nas.train(fails, data=points())


@pytest.mark.parametrize("name", ["trained.safetensors", "curve.csv"])
def test_files_of_a_training_that_were_changed(tmp_path: Path, name: str) -> None:
    def again() -> Trained:
        return nas.train(make, data=points(), epochs=1, out=tmp_path / "run")

    again()
    path = tmp_path / "run" / name
    for change in (lambda: path.write_bytes(path.read_bytes()[7:]), path.unlink):
        change()
        with pytest.raises(UsageError, match=f"{name} is not what the training wrote"):
            again()


def test_a_training_that_diverges(tmp_path: Path) -> None:
    with pytest.raises(NothingFoundError, match=r"the training diverged: .*: give a smaller lr"):
        nas.train(make, data=points(), lr=1e30, epochs=3, batch_size=8, out=tmp_path / "run")
