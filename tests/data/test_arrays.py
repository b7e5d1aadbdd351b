"""`batch=arrays`: every kind of file, every shape, every usual mistake."""

from __future__ import annotations

import gzip
import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
import torch
from numpy.typing import NDArray
from torch.utils.data import TensorDataset

from nas import SPACES, Space, UsageError
from nas.batch import Batch
from nas.data.images import LUMINANCE, STATISTICS
from nas.data.sources import make_batch
from tests.support.image_files import pixels, scaled
from tests.support.small import small


class Shaped(Space):
    """A space of any inputs."""

    choices = (2,)

    def __init__(self, *inputs: int, vocabulary: int | None = None) -> None:
        self.shape, self.vocabulary = inputs, vocabulary

    @property
    def inputs(self) -> tuple[int, ...]:
        return self.shape


def load(space: Space, path: Path, size: int = 4, **options: object) -> Batch:
    return make_batch(space, "arrays", path=str(path), size=size, **options)


def refused(space: Space, path: Path, *words: str, size: int = 4, **options: object) -> None:
    with pytest.raises(UsageError) as caught:
        load(space, path, size, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert "\x1b" not in message
    assert "pickle" not in message
    assert not message.endswith(".")
    assert all(word in message for word in words), message


def numbers(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 2, shape).astype(np.float32)


Save = Callable[[Path, NDArray[Any], NDArray[Any]], Path]


def npz(folder: Path, x: NDArray[Any], y: NDArray[Any]) -> Path:
    np.savez(folder / "a.npz", x=x, y=y)
    return folder / "a.npz"


def unnamed(folder: Path, x: NDArray[Any], y: NDArray[Any]) -> Path:
    np.savez_compressed(folder / "b.npz", x, y)
    return folder / "b.npz"


def keras(folder: Path, x: NDArray[Any], y: NDArray[Any]) -> Path:
    np.savez(folder / "c.npz", x_train=x, y_train=y, x_test=x[:1], y_test=y[:1])
    return folder / "c.npz"


def pair(folder: Path, x: NDArray[Any], y: NDArray[Any]) -> Path:
    torch.save((torch.from_numpy(x), torch.from_numpy(y)), folder / "d.pt")
    return folder / "d.pt"


def dictionary(folder: Path, x: NDArray[Any], y: NDArray[Any]) -> Path:
    content = {"images": torch.from_numpy(x), "labels": y.tolist(), "epoch": 3}
    torch.save(content, folder / "e.pth")
    return folder / "e.pth"


def old(folder: Path, x: NDArray[Any], y: NDArray[Any]) -> Path:
    """Of torch before 1.6, no zip archive."""
    content = [torch.from_numpy(x), torch.from_numpy(y)]
    torch.save(content, folder / "f.pt", _use_new_zipfile_serialization=False)
    return folder / "f.pt"


SAVES: list[Save] = [npz, unnamed, keras, pair, dictionary, old]


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("shape", [(7,), (3, 9), (2, 5, 6), (4, 3, 3, 2)])
def test_any_shape_with_labels(tmp_path: Path, save: Save, shape: tuple[int, ...]) -> None:
    x, y = numbers(6, *shape), np.array([2, 0, 1, 1, 0, 2])
    batch = load(Shaped(*shape), save(tmp_path, x, y), 5)
    assert batch.inputs.dtype == torch.float32
    assert torch.equal(batch.inputs, torch.from_numpy(x[:5]))
    assert batch.labels is not None
    assert batch.labels.tolist() == [2, 0, 1, 1, 0]
    assert batch.origin == "labels of the data: from 0 to 2"
    assert load(Shaped(*shape), save(tmp_path, x, y), 5, labels=None).labels is None


@pytest.mark.parametrize("dtype", ["<f2", ">f8", "int8", "uint16", "int64", "bool", "uint64"])
def test_any_type_of_numbers(tmp_path: Path, dtype: str) -> None:
    x = np.arange(24).reshape(4, 6).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    batch = load(Shaped(6), tmp_path / "x.npy")
    assert batch.inputs.dtype == torch.float32
    assert batch.inputs.numpy() == pytest.approx(x.astype(np.float32))
    assert batch.labels is None
    assert not batch.remarks


def test_bfloat16_and_gradients(tmp_path: Path) -> None:
    x = torch.arange(24.0).reshape(4, 6).bfloat16().requires_grad_()
    torch.save(x, tmp_path / "x.pt")
    assert load(Shaped(6), tmp_path / "x.pt").inputs.tolist() == x.tolist()


def test_a_draw_is_of_the_seed(tmp_path: Path) -> None:
    path = npz(tmp_path, np.arange(100.0)[:, None].repeat(2, 1), np.arange(100))
    one, again, other = (load(Shaped(2), path, 20, shuffle=True, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.inputs, again.inputs)
    assert not torch.equal(one.inputs, other.inputs)
    assert one.labels is not None
    assert one.inputs[:, 0].tolist() == one.labels.tolist()
    assert len({*one.labels.tolist()}) == 20
    every = load(Shaped(2), path, 100, shuffle=True)
    assert every.labels is not None
    assert sorted(every.labels.tolist()) == list(range(100))


def test_sorted_labels_are_remarked(tmp_path: Path) -> None:
    path = npz(tmp_path, numbers(60, 2), np.arange(60) // 20)
    assert load(Shaped(2), path, 20).remarks == (
        "all 20 examples have the label 0: batch.shuffle=true draws them",
    )
    assert not load(Shaped(2), path, 20, shuffle=True).remarks
    batch = load(Shaped(2), npz(tmp_path, numbers(60, 2), np.ones(60, int)), 20)
    assert batch.origin == "labels of the data: all 1"
    assert batch.remarks == ("all examples have the label 1, and the data have no other",)


# shapes


def test_channels_last_come_to_the_front(tmp_path: Path) -> None:
    x = numbers(4, 6, 5, 2)
    np.save(tmp_path / "x.npy", x)
    batch = load(Shaped(2, 6, 5), tmp_path / "x.npy")
    assert torch.equal(batch.inputs, torch.from_numpy(x).permute(0, 3, 1, 2))
    assert "channels were the last dimension" in batch.remarks[0]
    signals = x[:, :, 0]
    np.save(tmp_path / "s.npy", signals)
    found = load(Shaped(2, 6), tmp_path / "s.npy").inputs
    assert torch.equal(found, torch.from_numpy(signals).mT)


@pytest.mark.parametrize(
    ("found", "shape"),
    [((6, 5), (1, 6, 5)), ((9,), (1, 9)), ((30,), (1, 6, 5)), ((2, 6, 5), (60,)), ((1, 9), (9,))],
)
def test_one_channel_and_rows(
    tmp_path: Path, found: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    x = numbers(4, *found)
    np.save(tmp_path / "x.npy", x)
    batch = load(Shaped(*shape), tmp_path / "x.npy")
    assert torch.equal(batch.inputs, torch.from_numpy(x).reshape(4, *shape))


def test_what_does_not_fit_is_told_with_both_shapes(tmp_path: Path) -> None:
    cell = small("nasbench201")
    cases: list[tuple[Space, tuple[int, ...], list[str]]] = [
        (cell, (1, 12, 20), ["(1, 12, 20)", "(3, 8, 8)", "space.input_channels=1"]),
        (cell, (5, 12, 20), ["space.input_channels=5 space.resolution=[12,20]"]),
        (cell, (3, 16, 16), ["take space.resolution=16, or batch=images, which resizes them"]),
        (cell, (16, 16, 4), ["take space.input_channels=4 space.resolution=16"]),
        (cell, (28, 28), ["take space.input_channels=1 space.resolution=28"]),
        (cell, (192,), ["(192,)", "reshape them to (examples, 3, 8, 8)"]),
        (Shaped(5), (7,), ["(7,)", "leave out 2 of them", "inputs to (7,)"]),
        (Shaped(9), (7,), ["add 2 of them"]),
        (Shaped(2, 9), (3, 9), ["(3, 9)", "(2, 9)", "change the space's inputs"]),
    ]
    for space, found, words in cases:
        np.save(tmp_path / "x.npy", numbers(4, *found))
        refused(space, tmp_path / "x.npy", str(tmp_path / "x.npy"), *words)


def test_what_the_sentence_says_is_right(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", numbers(4, 5, 12, 20))
    space = SPACES.build("nasbench201", input_channels=5, resolution=[12, 20])
    assert load(space, tmp_path / "x.npy").inputs.shape == (4, 5, 12, 20)


# images of bytes


def test_bytes_of_images_are_scaled_as_images(tmp_path: Path) -> None:
    images = pixels(5)
    np.save(tmp_path / "x.npy", images)
    space = small("nasbench201")
    assert load(space, tmp_path / "x.npy").inputs.numpy() == pytest.approx(scaled(images[:4]))
    none = load(space, tmp_path / "x.npy", scaling="none").inputs
    assert none.numpy() == pytest.approx(images[:4].transpose(0, 3, 1, 2).astype(np.float32))
    unit = load(space, tmp_path / "x.npy", scaling="unit").inputs
    assert unit.numpy() == pytest.approx(none.numpy() / 255)


def test_grey_bytes_and_many_channels(tmp_path: Path) -> None:
    grey = pixels(5)[..., 0]
    np.save(tmp_path / "grey.npy", grey)
    mean, std = (np.array(figures) @ np.array(LUMINANCE) for figures in STATISTICS["cifar10"])
    found = load(Shaped(1, 8, 8), tmp_path / "grey.npy").inputs
    assert found.numpy() == pytest.approx((grey[:4, None] - mean) / std, rel=1e-5)
    five = np.repeat(grey[:, None], 5, axis=1)
    np.save(tmp_path / "five.npy", five)
    assert load(Shaped(5, 8, 8), tmp_path / "five.npy").inputs.numpy() == pytest.approx(
        five[:4] / 255
    )


def test_standard_scaling_is_by_column_and_by_channel(tmp_path: Path) -> None:
    x = numbers(50, 3, 7) * np.array([[[1], [100], [0]]]) + np.array([[[5], [-3], [2]]])
    np.save(tmp_path / "x.npy", x)
    found = load(Shaped(3, 7), tmp_path / "x.npy", 50, scaling="standard").inputs.double()
    assert found.mean((0, 2)).abs().max() < 1e-5
    assert found.std((0, 2), correction=0).tolist() == pytest.approx([1, 1, 0], abs=1e-5)
    np.save(tmp_path / "rows.npy", x[:, :, 0])
    rows = load(Shaped(3), tmp_path / "rows.npy", 50, scaling="standard").inputs
    assert rows.std(0, correction=0).tolist() == pytest.approx([1, 1, 0], abs=1e-5)


def test_unit_is_for_bytes(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", numbers(4, 3))
    refused(Shaped(3), tmp_path / "x.npy", "0 to 255", "float32", scaling="unit")


# tokens


def test_tokens(tmp_path: Path) -> None:
    tokens = np.arange(30, dtype=np.uint16).reshape(5, 6)
    np.save(tmp_path / "x.npy", tokens)
    space = Shaped(6, vocabulary=30)
    batch = load(space, tmp_path / "x.npy")
    assert batch.inputs.dtype == torch.int64
    assert batch.inputs.tolist() == tokens[:4].tolist()
    np.save(tmp_path / "f.npy", tokens.astype(np.float32))
    assert torch.equal(load(space, tmp_path / "f.npy").inputs, batch.inputs)
    np.save(tmp_path / "flat.npy", np.arange(27))
    assert torch.equal(load(space, tmp_path / "flat.npy").inputs, batch.inputs)
    less = Shaped(6, vocabulary=20)
    refused(less, tmp_path / "x.npy", "the token 23", "has 20", "space.vocabulary=24")
    np.save(tmp_path / "neg.npy", tokens.astype(np.int64) - 1)
    refused(space, tmp_path / "neg.npy", "the token -1", "from 0 on")
    np.save(tmp_path / "half.npy", tokens / 2)
    refused(space, tmp_path / "half.npy", "whole numbers, tokens")


def test_tokens_are_scored(tmp_path: Path) -> None:
    space = small("nasbench_nlp")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 50, (8, 5)))
    assert load(space, tmp_path / "x.npy", 8).inputs.shape == (8, 5)


# labels


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
@pytest.mark.parametrize("dtype", ["float64", "float16", "int8", "uint64", "bool"])
def test_labels_of_any_type(tmp_path: Path, shape: tuple[int, ...], dtype: str) -> None:
    labels = np.array([1, 0, 0, 1]).astype(dtype).reshape(shape)
    batch = load(Shaped(3), npz(tmp_path, numbers(4, 3), labels))
    assert batch.labels is not None
    assert batch.labels.dtype == torch.int64
    assert batch.labels.tolist() == [1, 0, 0, 1]


def test_labels_of_text_are_numbered_in_sorted_order(tmp_path: Path) -> None:
    names = np.array(["dog", "cat", "ship", "cat"])
    batch = load(Shaped(3), npz(tmp_path, numbers(4, 3), names))
    assert batch.labels is not None
    assert batch.labels.tolist() == [1, 0, 2, 0]
    assert batch.origin == "labels of the data: cat, dog, ship"


WRONG: dict[str, tuple[Any, str]] = {
    "too few": (np.arange(3), "must be 4, one for each example"),
    "too many": (np.arange(5), "(5,)"),
    "not a number": (np.array([np.nan, 1, 2, 3]), "the first is nan"),
    "infinite": (np.array([np.inf, 1, 2, 3]), "not finite"),
    "one of many": (np.eye(4), "labels.argmax(1)"),
    "one": (np.array(3), "()"),
    "complex": (np.ones(4, complex), "complex128"),
    "too large": (np.full(4, 2**64 - 1, np.uint64), "too large"),
    "dates": (np.full(4, "2020-01-01", "M8[D]"), "dates"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_labels_are_one_sentence(tmp_path: Path, kind: str) -> None:
    labels, word = WRONG[kind]
    refused(Shaped(3), npz(tmp_path, numbers(4, 3), labels), "the labels of", "a.npz", word)


@pytest.mark.parametrize("labels", [[0.5, 1, 2, 3], [1, -1, 1, -1], [-1.0, 1, 1, 1]])
def test_measurements_are_no_classes(tmp_path: Path, labels: list[float]) -> None:
    """A proxy that asks for classes says so; one that asks for measurements has them."""
    batch = load(Shaped(3), npz(tmp_path, numbers(4, 3), np.array(labels)))
    assert batch.labels is not None
    assert batch.labels.tolist() == labels
    with pytest.raises(UsageError, match=r"must be classes here.*one is (0\.5|-1)$"):
        batch.labels_for(10)


def test_a_class_for_every_place(tmp_path: Path) -> None:
    masks = np.random.default_rng(0).integers(0, 3, (4, 5, 6), dtype=np.uint8)
    batch = load(Shaped(1, 5, 6), npz(tmp_path, numbers(4, 5, 6), masks))
    assert batch.labels_for(3).tolist() == masks.tolist()


# wrong files


def raw(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def npy(array: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.save(folder / "x.npy", array)
        return folder / "x.npy"

    return write


def tensors(content: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        torch.save(content, folder / "x.pt")
        return folder / "x.pt"

    return write


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "x.npy", "there is no file"),
    "a folder": (lambda folder: folder, "batch=images takes one of pictures"),
    "empty npy": (raw("x.npy", b""), "no numpy file"),
    "empty npz": (raw("x.npz", b""), "no numpy file"),
    "empty pt": (raw("x.pt", b""), "cannot be read as tensors alone"),
    "empty csv": (raw("x.csv", b""), "cannot be read as a table"),
    "empty parquet": (raw("x.parquet", b""), "cannot be read as a table"),
    "pickle": (raw("x.npy", pickle.dumps([1, 2])), "no numpy file"),
    "text as pt": (raw("x.pt", b"four examples"), "cannot be read as tensors alone"),
    "another suffix": (raw("x.pkl", b""), "ends with one of .npz, .npy, .pt"),
    "objects": (npy(np.array([[1, "a", None]] * 4, dtype=object)), "no numpy file"),
    "texts": (npy(np.full((4, 3), "a")), "texts"),
    "complex": (npy(np.ones((4, 3), complex)), "complex128"),
    "no example": (npy(np.zeros((0, 3))), "holds no examples"),
    "too few": (npy(np.zeros((3, 3))), "holds 3 examples: take batch.size=3 or fewer, not 4"),
    "one number": (npy(np.zeros(())), "of shape ()"),
    "one example": (npy(np.zeros(3)), "their first dimension must be the example"),
    "not a number": (npy(np.full((4, 3), np.nan)), "not finite, 12 of them, the first is nan"),
    "infinity": (npy(np.full((4, 3), -np.inf)), "not finite"),
    "beyond floats": (npy(np.full((4, 3), 1e300)), "as float32"),
    "a number": (tensors(3), "holds a int"),
    "three tensors": (tensors([torch.zeros(4, 3)] * 3), "holds a list"),
    "weights": (tensors({"a.weight": torch.zeros(3), "b.bias": torch.zeros(3)}), "a.weight, b"),
    "no tensors": (tensors({"epoch": 3}), "holds no array"),
    "sparse": (tensors(torch.zeros(4, 3).to_sparse()), "sparse"),
    "no numbers": (tensors((torch.zeros(4, 3, device="meta"),)), "'inputs' on the device meta"),
    "nested": (tensors({"train": {"x": torch.zeros(4, 3)}}), "torch.save(content['train'], path)"),
    "uneven lists": (tensors({"x": [[1.0, 2.0], [3.0]]}), "the list 'x'"),
    "uneven tensors": (tensors(([torch.ones(3), torch.ones(2)],)), "the list 'inputs'"),
    "a data set": (tensors(TensorDataset(torch.ones(4, 3))), "holds a torch.utils.data.dataset.T"),
    "an array": (tensors(np.ones((4, 3))), "it holds an array of numpy"),
    "a module": (tensors(torch.nn.Linear(3, 3)), "tensors alone"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_one_sentence(tmp_path: Path, kind: str) -> None:
    write, word = BAD[kind]
    path = write(tmp_path)
    refused(Shaped(3), path, str(path), word)


def test_a_compiled_module_is_one_sentence_without_a_warning(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scripting is deprecated
        module = torch.jit.script(torch.nn.Linear(3, 3))
        torch.jit.save(module, tmp_path / "x.pt")
    refused(Shaped(3), tmp_path / "x.pt", "it is a TorchScript archive")
    assert not recwarn.list


@pytest.mark.parametrize("nested", [list, tuple])
def test_lists_in_a_file_of_torch(tmp_path: Path, nested: Callable[..., Any]) -> None:
    x = numbers(4, 3)
    labels = [0, 1, 1, 0]
    for content in (
        {"x": nested(x.tolist()), "y": nested(labels)},
        (nested(map(torch.from_numpy, x)), torch.tensor(labels)),
    ):
        torch.save(content, tmp_path / "x.pt")
        batch = load(Shaped(3), tmp_path / "x.pt")
        assert batch.inputs.numpy() == pytest.approx(x)
        assert batch.labels is not None
        assert batch.labels.tolist() == labels


def test_comments_before_a_table(tmp_path: Path) -> None:
    for comment in ("# made today\n", "# 1\n#\n# a;b;c;d\n"):
        batch = load(Shaped(2), csv(tmp_path, comment + NUMBERS))
        assert batch.inputs[0].tolist() == [1, 2.5]
        assert batch.labels is not None
    batch = load(Shaped(2), csv(tmp_path, f"# {NUMBERS}"))  # as numpy writes names
    assert batch.labels is not None


def test_names_that_are_not_clear(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x=numbers(4, 3), images=numbers(4, 3), y=np.arange(4), target=np.arange(4))
    refused(Shaped(3), path, "x, images", "batch.inputs=NAME")
    refused(Shaped(3), path, "y, target", "batch.labels=NAME", inputs="x")
    refused(Shaped(3), path, "no array in", "did you mean 'images'", inputs="image")
    refused(Shaped(3), path, "no array in", inputs="x", labels="z")
    refused(Shaped(3), path, "is the array of the inputs", inputs="x", labels="x")
    refused(Shaped(3), path, "one array", inputs=["x", "y"])
    batch = load(Shaped(3), path, inputs="images", labels="target")
    assert batch.labels is not None
    np.savez(path, a=numbers(4, 3), b=numbers(4, 3))
    refused(Shaped(3), path, "has the arrays a, b", "batch.inputs=NAME")


class Command:
    """Runs a command of the system when pickle loads it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"echo > '{self.marker}'",)


def test_no_file_can_run_a_command(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    command = Command(marker)
    for new in (True, False):
        torch.save({"x": command}, tmp_path / "x.pt", _use_new_zipfile_serialization=new)
        refused(Shaped(3), tmp_path / "x.pt", "tensors alone")
    for name in ("x.pt", "x.npy", "x.npz"):
        (tmp_path / name).write_bytes(pickle.dumps(command))
        refused(Shaped(3), tmp_path / name, name)
    np.savez(tmp_path / "o.npz", x=np.array([command] * 4, dtype=object))
    refused(Shaped(3), tmp_path / "o.npz", "o.npz")
    assert not marker.exists()


def test_what_unpacks_to_a_great_deal_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros((1000, 100)))
    torch.save(torch.zeros(1000, 100), tmp_path / "x.pt")
    monkeypatch.setenv("NAS_MAX_BYTES", "100000")
    for name in ("x.npz", "x.pt"):
        refused(Shaped(100), tmp_path / name, "holds more than 100,000 bytes", "NAS_MAX_BYTES")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt", ".csv", ".parquet"])
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, suffix: str) -> None:
    x, y = numbers(6, 3), np.arange(6)
    path = tmp_path / f"x{suffix}"
    frame = polars.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y})
    writers: dict[str, Callable[[], object]] = {
        ".npy": lambda: np.save(path, x),
        ".npz": lambda: np.savez(path, x=x, y=y),
        ".pt": lambda: torch.save((torch.from_numpy(x), torch.from_numpy(y)), path),
        ".csv": lambda: frame.write_csv(path),
        ".parquet": lambda: frame.write_parquet(path),
    }
    writers[suffix]()
    content, rng = path.read_bytes(), np.random.default_rng(0)
    messages = []
    for round_ in range(60):
        place = int(rng.integers(len(content)))
        byte = bytes([int(rng.integers(256))])
        path.write_bytes(content[:place] + (byte + content[place + 1 :] if round_ % 2 else b""))
        try:
            load(Shaped(3), path, 2)
        except UsageError as error:
            messages.append(str(error))
    assert len(messages) >= 10
    assert all("\n" not in message for message in messages)


# tables


IRIS = "length,width,species\n5.1,3.5,setosa\n7,3.2,versicolor\n6.3,3.3,virginica\n5,3.6,setosa\n"


def csv(folder: Path, content: str | bytes, name: str = "x.csv") -> Path:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / name


def test_a_csv_whose_labels_are_named(tmp_path: Path) -> None:
    path = csv(tmp_path, IRIS)
    batch = load(Shaped(2), path, labels="species")
    assert batch.inputs.tolist() == pytest.approx(
        np.array([[5.1, 3.5], [7, 3.2], [6.3, 3.3], [5, 3.6]], np.float32)
    )
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, 1, 2, 0]
    assert batch.origin == "labels of the data: setosa, versicolor, virginica"
    other = csv(tmp_path, IRIS.replace("species", "Class"), "other.csv")
    assert load(Shaped(2), other).labels is not None
    refused(Shaped(2), path, "column 'species'", "such as 'setosa'", "batch.inputs=[a,b]")
    one = load(Shaped(1), path, inputs="width", labels=None)
    assert one.inputs.tolist() == pytest.approx(np.array([[3.5], [3.2], [3.3], [3.6]], "f"))
    refused(Shaped(2), path, "no column in", "did you mean 'width'", inputs=["widht"])
    refused(Shaped(2), path, "different columns", inputs=["width", "width"])
    refused(Shaped(3), path, "columns length, width", "(2,)", "(3,)", labels="species")


NUMBERS = "a,b,y\n1,2.5,0\n3,4,1\n5,6,1\n7,8,0\n"
ENCODED = {
    "plain": NUMBERS.encode(),
    "mark": b"\xef\xbb\xbf" + NUMBERS.encode(),
    "utf-16": NUMBERS.encode("utf-16"),
    "windows": b"\xef\xbb\xbf" + NUMBERS.replace("\n", "\r\n").encode(),
    "no last line end": NUMBERS.strip().encode(),
    "tabs": NUMBERS.replace(",", "\t").encode(),
    "semicolons": NUMBERS.replace(",", ";").replace(".", ",").encode(),
    "quotes": NUMBERS.replace("a,b,y", '"a","b","y"').encode(),
    "gz": gzip.compress(NUMBERS.encode()),
    "empty lines": NUMBERS.replace("\n", "\n\n").encode(),
    "excel": b"sep=,\n" + NUMBERS.encode(),
    "whole floats": NUMBERS.replace(",1\n", ",1.0\n").encode(),
}


@pytest.mark.parametrize("kind", ENCODED)
def test_tables_as_people_write_them(tmp_path: Path, kind: str) -> None:
    batch = load(Shaped(2), csv(tmp_path, ENCODED[kind]))
    assert batch.inputs.tolist() == [[1, 2.5], [3, 4], [5, 6], [7, 8]]
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, 1, 1, 0]


def test_no_header(tmp_path: Path) -> None:
    path = csv(tmp_path, NUMBERS.partition("\n")[2])
    assert load(Shaped(3), path).inputs[0].tolist() == [1, 2.5, 0]
    batch = load(Shaped(2), path, labels="column_3")
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, 1, 1, 0]


def test_row_numbers_are_left_out(tmp_path: Path) -> None:
    rows = NUMBERS.splitlines()
    lines = [f",{rows[0]}", *(f"{n},{row}" for n, row in enumerate(rows[1:]))]
    batch = load(Shaped(2), csv(tmp_path, "\n".join(lines)))
    assert batch.inputs.shape == (4, 2)
    assert "numbers the rows" in batch.remarks[0]


TABLES: dict[str, tuple[bytes, str]] = {
    "latin-1": ("größe,y\n1,0\n".encode("latin-1"), "no text in UTF-8 or UTF-16"),
    "empty cell": (NUMBERS.replace("3,4", ",4").encode(), "'a'|1 empty cells|row 2"),
    "word": (NUMBERS.replace("3,4", "oops,4").encode(), "'oops' in row 2"),
    "no label": (NUMBERS.replace("4,1", "4,").encode(), "'y'|1 rows without a label"),
    "header only": (b"a,b,y\n", "holds no rows"),
    "labels only": (b"y\n1\n2\n3\n4\n", "no column but that of the labels, y"),
    "two labels": (NUMBERS.replace("b", "label").encode(), "label, y|batch.labels=NAME"),
    "too few": (NUMBERS.rpartition("7")[0].encode(), "holds 3 examples"),
    "infinite": (NUMBERS.replace("2.5", "inf").encode(), "not finite"),
    "zero byte": (b"a,y\n1\x00,0\n" * 4, "x.csv"),
    "ragged": (
        b"a,b,y\n1,2,0,9,9\n3,4,1\n5,6,1\n7,8,0\n",
        "has 5 cells in its line 2|and 3 in its first",
    ),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_wrong_table_is_one_sentence(tmp_path: Path, kind: str) -> None:
    content, words = TABLES[kind]
    refused(Shaped(2), csv(tmp_path, content), "x.csv", *words.split("|"))


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    frame = polars.DataFrame(
        {
            "a": [1, 2, 3, 4],
            "b": [True, False, True, True],
            "y": polars.Series(["u", "v", "u", "u"], dtype=polars.Categorical),
        }
    )
    frame.write_parquet(path)
    batch = load(Shaped(2), path)
    assert batch.inputs.tolist() == [[1, 1], [2, 0], [3, 1], [4, 1]]
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, 1, 0, 0]
    vectors = numbers(4, 5)
    polars.DataFrame({"v": vectors.tolist(), "y": [0, 1, 0, 1]}).write_parquet(path)
    assert torch.equal(load(Shaped(5), path).inputs, torch.from_numpy(vectors))
    polars.DataFrame({"v": [[1.0], [1.0, 2.0], [], [2.0]]}).write_parquet(path)
    refused(Shaped(5), path, "different lengths")


def test_flat_pixels_in_a_table_are_grey_images(tmp_path: Path) -> None:
    """As MNIST is sold in CSV."""
    grey = pixels(4)[..., 0]
    header = "label," + ",".join(f"pixel{n}" for n in range(64))
    rows = [f"{n}," + ",".join(map(str, image.ravel())) for n, image in enumerate(grey)]
    path = csv(tmp_path, "\n".join([header, *rows]))
    batch = load(Shaped(1, 8, 8), path, scaling="unit")
    assert batch.inputs.numpy() == pytest.approx(grey[:, None] / 255)
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, 1, 2, 3]
