"""What `data=` names, as examples."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from nas import UsageError
from nas.one_module import OneModule
from nas.training.examples import Data, InMemory, Part
from nas.training.reading import read_data
from tests.support.image_files import pixels, scaled
from tests.support.small import small

CELLS = small("nasbench201")


def all_of(part: Part) -> tuple[torch.Tensor, torch.Tensor | None]:
    return next(part.examples.batches([part.numbers], ()))


def check_parts(data: Data, examples: int, valid: int) -> None:
    both = torch.cat([data.train.numbers, data.valid.numbers])
    assert len(data.valid.numbers) == valid
    assert sorted(both.tolist()) == list(range(examples))


def test_images_of_a_file(tmp_path: Path) -> None:
    images = pixels(20)
    np.savez(tmp_path / "x.npz", images=images, labels=np.arange(20) % 4)
    data = read_data(CELLS, str(tmp_path / "x.npz"), 0.25)
    check_parts(data, 20, 5)
    inputs, labels = all_of(data.valid)
    assert labels is not None
    assert labels.tolist() == [number % 4 for number in data.valid.numbers.tolist()]
    np.testing.assert_allclose(inputs, scaled(images)[data.valid.numbers.numpy()], atol=1e-6)
    other = read_data(CELLS, str(tmp_path / "x.npz"), 0.25, seed=1)
    assert other.valid.numbers.tolist() != data.valid.numbers.tolist()
    assert read_data(CELLS, str(tmp_path / "x.npz"), 0.25).digest == data.digest != other.digest


def test_images_of_folders(tmp_path: Path) -> None:
    from PIL import Image

    for part, count in (("train", 6), ("val", 3)):
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            for number, image in enumerate(pixels(count, 10, 10)):
                Image.fromarray(image).save(tmp_path / part / name / f"{number}.png")
    data = read_data(CELLS, str(tmp_path / "train"), 0.2, str(tmp_path / "val"))
    assert (len(data.train.numbers), len(data.valid.numbers)) == (12, 6)
    inputs, labels = all_of(data.train)
    assert inputs.shape == (12, 3, 8, 8)
    assert labels is not None
    assert labels.sum() == 6


def test_rows_of_a_table(tmp_path: Path) -> None:
    rows = [f"{n},{n * n},{n / 2 + 0.25}" for n in range(12)]
    (tmp_path / "x.csv").write_text("\n".join(["a,b,target", *rows]) + "\n")
    space = OneModule(torch.nn.Linear(2, 1))
    data = read_data(space, str(tmp_path / "x.csv"), 0.25)
    check_parts(data, 12, 3)
    inputs, labels = all_of(data.train)
    assert labels is not None
    torch.testing.assert_close(labels, inputs[:, 0] / 2 + 0.25)


def test_windows_of_a_text(tmp_path: Path) -> None:
    """The part that is kept apart is the end of the text."""
    with gzip.open(tmp_path / "x.txt.gz", "wt") as file:
        file.write("\n".join(f"w{n % 9} and so on" for n in range(20)))
    data = read_data(small("nasbench_nlp"), str(tmp_path / "x.txt.gz"), 0.25)
    inputs, labels = all_of(data.train)
    assert inputs.shape[1] == 5
    assert labels is None
    assert data.valid.numbers.min() == data.train.numbers.max() + 1
    (tmp_path / "y.txt").write_text(" ".join(f"w{n}" for n in range(59)))
    with pytest.raises(UsageError, match=r"take space\.vocabulary=60"):
        read_data(small("nasbench_nlp"), str(tmp_path / "y.txt"), 0.25)


def test_data_sets_of_a_function() -> None:
    sets = [TensorDataset(torch.randn(n, 3, 10, 10), torch.arange(n) % 3) for n in (12, 5)]

    def named(text: str) -> Any:
        return {"mod:two": (*sets,), "mod:one": sets[0], "mod:none": 3}[text]

    two = read_data(CELLS, "python:mod:two", 0.25, named=named)
    assert (len(two.train.numbers), len(two.valid.numbers)) == (12, 5)
    inputs, labels = all_of(two.valid)
    assert inputs.shape == (5, 3, 8, 8)
    assert labels is not None
    assert labels.tolist() == [0, 1, 2, 0, 1]
    check_parts(read_data(CELLS, "python:mod:one", 0.25, named=named), 12, 3)
    with pytest.raises(UsageError, match="must give one data set, or two"):
        read_data(CELLS, "python:mod:none", 0.25, named=named)
    with pytest.raises(UsageError, match="names code, and only the command line may"):
        read_data(CELLS, "python:mod:one", 0.25)


def test_a_device_has_all_that_is_in_memory() -> None:
    examples = InMemory(torch.zeros(6, 3), torch.zeros(6))
    numbers = torch.arange(6)
    moved = Data(Part(examples, numbers[:4]), Part(examples, numbers[4:])).to("meta")
    assert moved.train.examples is moved.valid.examples
    inputs, labels = all_of(moved.valid)
    assert inputs.is_meta
    assert labels is not None
    assert labels.is_meta


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "a,b\n1,2\n", "no file or folder|examples of shape|must be|holds"),
        ("x.npz", "no archive", "is no numpy file"),
        ("x.parquet", "no table", "cannot be read"),
        ("x.mp3", "?", "must be a file that ends with one of"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=message):
        read_data(CELLS, str(tmp_path / name), 0.25)
    with pytest.raises(UsageError, match="names nothing"):
        read_data(CELLS, str(tmp_path / f"no_{name}"), 0.25)


def pictures(folder: Path, *classes: str) -> str:
    """A folder of pictures, three of each class."""
    from PIL import Image

    for name in classes:
        (folder / name).mkdir(parents=True)
        for number, image in enumerate(pixels(3, 8, 8)):
            Image.fromarray(image).save(folder / name / f"{number}.png")
    return str(folder)


def labels_of(part: Part) -> list[float]:
    labels = all_of(part)[1]
    assert labels is not None
    found: list[float] = labels.tolist()
    return found


@pytest.mark.parametrize("names", [("bee", "cat"), ("cat",)])
def test_folders_to_measure_on_have_the_classes_of_the_others(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    train = pictures(tmp_path / "train", "ant", "bee", "cat")
    data = read_data(CELLS, train, 0.2, pictures(tmp_path / "val", *names))
    assert sorted(labels_of(data.valid)) == sorted({"bee": 1, "cat": 2}[n] for n in names * 3)
    strange = pictures(tmp_path / "strange", "bee", "dog")
    with pytest.raises(UsageError, match="the class 'dog', and the data to train on has only ant"):
        read_data(CELLS, train, 0.2, strange)


def test_one_part_without_labels_is_named(tmp_path: Path) -> None:
    train = pictures(tmp_path / "train", "ant", "bee")
    one, flat = pictures(tmp_path / "one", "bee"), f"{train}/bee"
    with pytest.raises(UsageError, match=r"data=.*one has none: .* in two subfolders or more"):
        read_data(CELLS, one, 0.2, train)
    with pytest.raises(UsageError, match=r"train has labels, and valid_data=.*bee has none: "):
        read_data(CELLS, train, 0.2, flat)


def test_names_and_numbers_of_classes(tmp_path: Path) -> None:
    """A number stands for the class that is called so, not for its place."""
    names = [str(number) for number in range(12)]
    digits = pictures(tmp_path / "digits", *names)
    np.savez(tmp_path / "x.npz", images=pixels(12), labels=np.arange(12))
    numbers = str(tmp_path / "x.npz")
    assert labels_of(read_data(CELLS, numbers, 0.2, digits).valid)[:12] == [
        *map(int, sorted(names))
    ]
    assert labels_of(read_data(CELLS, digits, 0.2, numbers).valid) == [
        sorted(names).index(name) for name in names
    ]
    np.savez(tmp_path / "y.npz", images=pixels(12), labels=np.array(["9" * 20] * 12))
    with pytest.raises(UsageError, match="names of classes such as '9999"):
        read_data(CELLS, numbers, 0.2, str(tmp_path / "y.npz"))
    words = pictures(tmp_path / "words", "ant", "bee")
    with pytest.raises(UsageError, match="names of classes such as 'ant', and those of the data"):
        read_data(CELLS, numbers, 0.2, words)
    with pytest.raises(UsageError, match="the class '0', and the data to train on has only ant"):
        read_data(CELLS, words, 0.2, numbers)


def test_texts_of_arrays_are_matched_by_name(tmp_path: Path) -> None:
    for name, labels in (("train", ["ant", "bee", "cat"]), ("valid", ["cat", "bee", "bee"])):
        np.savez(tmp_path / f"{name}.npz", images=pixels(3), labels=np.array(labels))
        np.savez(tmp_path / f"{name}_x.npz", x=np.zeros((3, 2)), y=np.array(labels))
    train, valid = (str(tmp_path / f"{name}.npz") for name in ("train", "valid"))
    assert labels_of(read_data(CELLS, train, 0.2, valid).valid) == [2, 1, 1]
    with pytest.raises(UsageError, match="the class 'ant', and the data to train on has only bee"):
        read_data(CELLS, valid, 0.2, train)
    space = OneModule(torch.nn.Linear(2, 3))
    train, valid = (str(tmp_path / f"{name}_x.npz") for name in ("train", "valid"))
    assert labels_of(read_data(space, train, 0.2, valid).valid) == [2, 1, 1]


def test_columns_are_matched_by_name(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a,b,y\n1,2,ant\n3,4,bee\n5,6,cat\n")
    (tmp_path / "valid.csv").write_text("y,more,b,a\ncat,0,20,10\nbee,0,40,30\n")
    space = OneModule(torch.nn.Linear(2, 3))
    data = read_data(space, str(tmp_path / "train.csv"), 0.2, str(tmp_path / "valid.csv"))
    assert all_of(data.valid)[0].tolist() == [[10, 20], [30, 40]]
    assert labels_of(data.valid) == [2, 1]
    for head, missing in (("a,c,y", "b"), ("a,b,z", "y")):
        (tmp_path / "valid.csv").write_text(f"{head}\n1,2,3\n1,2,3\n")
        with pytest.raises(UsageError, match=rf"no column in .*valid\.csv '{missing}'"):
            read_data(space, str(tmp_path / "train.csv"), 0.2, str(tmp_path / "valid.csv"))
