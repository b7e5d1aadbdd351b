"""Real images: every kind of file, and every kind of bad file."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from nas import SPACES, Space, UsageError
from nas.batch import Batch
from nas.data.images import STATISTICS
from nas.data.images import scaled as on_device
from tests.support.image_files import (
    ROWS,
    Pixels,
    load,
    pixels,
    planes,
    python2,
    refused,
    save_npy,
    scaled,
    today,
    write,
)
from tests.support.small import small

PUBLISHED = {
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "cifar100": ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
"""Mean and standard deviation on the scale 0..1, as others write them."""


@pytest.fixture
def space() -> Space:
    return small("nasbench201")


@pytest.fixture
def wide() -> Space:
    return SPACES.build("nasbench201", resolution=32)


def resized(images: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Every channel of every image resized by Pillow, which knows nothing of tensors."""
    flat = [
        np.asarray(Image.fromarray(c).resize((width, height), Image.Resampling.BILINEAR))
        for image in images
        for c in image
    ]
    return np.stack(flat).reshape(*images.shape[:2], height, width)


def same(batch: Batch, expected: NDArray[np.float32], atol: float = 1e-6) -> None:
    assert batch.inputs.dtype == torch.float32
    np.testing.assert_allclose(batch.inputs.numpy(), expected, rtol=1e-6, atol=atol)


def save_npz(path: Path, images: NDArray[Any]) -> Path:
    np.savez(path / "x.npz", images=images)
    return path / "x.npz"


def save_compressed(path: Path, images: NDArray[Any]) -> Path:
    np.savez_compressed(path / "x.npz", only=images)
    return path / "x.npz"


SAVES: list[Callable[[Path, NDArray[Any]], Path]] = [save_npy, save_npz, save_compressed]


@pytest.mark.parametrize("name", PUBLISHED)
def test_statistics_are_the_published_ones(name: str) -> None:
    assert np.array(STATISTICS[name]) / 255 == pytest.approx(np.array(PUBLISHED[name]), abs=2e-4)
    assert set(STATISTICS) == set(PUBLISHED)


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("order", ["C", "F"])
def test_bytes_are_scaled(
    space: Space, tmp_path: Path, save: Callable[[Path, Pixels], Path], order: Any
) -> None:
    images = pixels(6)
    path = save(tmp_path, np.asarray(images, order=order))
    same(load(space, path), scaled(images[:4]))
    for name in STATISTICS:
        same(load(space, path, 6, name), scaled(images, name))


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4"])
def test_floats_count_as_scaled_unless_statistics_are_named(
    space: Space, tmp_path: Path, save: Callable[[Path, NDArray[Any]], Path], dtype: str
) -> None:
    values = np.random.default_rng(0).normal(0, 2, (5, 3, 8, 8)).astype(dtype)
    same(load(space, save(tmp_path, values)), values[:4].astype(np.float32))
    images = pixels(5)
    unit = (images / 255).transpose(0, 3, 1, 2).astype(dtype)
    same(load(space, save(tmp_path, unit), 5, "imagenet"), scaled(images, "imagenet"), 0.01)


@pytest.mark.parametrize("low", [-1, 0])
def test_floats_beyond_one_are_no_pixels(space: Space, tmp_path: Path, low: float) -> None:
    values = np.linspace(low, 1 if low < 0 else 2, 4 * 192).reshape(4, 3, 8, 8)
    message = rf"statistics=unit needs float images from 0 to 1.*from {low} to {values.max():g}:"
    with pytest.raises(UsageError, match=message):
        load(space, save_npy(tmp_path, values), statistics="unit")


@pytest.mark.parametrize("dtype", ["uint8", "int64", ">i4", "uint16"])
def test_labels_come_with_their_images(space: Space, tmp_path: Path, dtype: str) -> None:
    labels = np.arange(6).astype(dtype)[::-1]
    np.savez(tmp_path / "x.npz", images=pixels(6), labels=labels)
    batch = load(space, tmp_path / "x.npz", 4)
    assert batch.labels is not None
    assert batch.labels.dtype == torch.int64
    assert batch.labels.tolist() == [5, 4, 3, 2]
    assert load(space, save_npy(tmp_path, pixels(6))).labels is None


@pytest.mark.parametrize("size", [(20, 20), (8, 13), (5, 6), (1, 1)])
def test_images_are_resized_to_the_space(
    space: Space, tmp_path: Path, size: tuple[int, int]
) -> None:
    images = pixels(4, *size)
    expected = resized(scaled(images), 8, 8)
    same(load(space, save_npy(tmp_path, images)), expected, 1e-4)


def test_real_images(wide: Space, data: Path, cifar: Batch) -> None:
    path = data / "cifar10_images.npz"
    batch = load(wide, path, 256)
    assert torch.equal(batch.inputs, cifar.inputs)
    assert batch.labels is not None
    assert batch.labels.tolist() == np.load(path)["labels"][:256].tolist()
    refused(wide, path, "holds 1024 images", "batch.size=1024", "not 1025", size=1025)


# folders of pictures


def gradient(height: int, width: int, blue: int) -> Pixels:
    """A smooth picture, which JPEG hardly changes."""
    red, green = np.meshgrid(np.linspace(20, 200, width), np.linspace(40, 220, height))
    return np.stack([red, green, np.full_like(red, blue)], axis=2).astype(np.uint8)


def test_a_folder_of_pictures_by_name(wide: Space, tmp_path: Path) -> None:
    names = ["a/10.jpeg", "a/2.png", "b.JPG", "c/d/e.PNG", "f.png"]
    sizes = [(32, 32), (32, 32), (40, 64), (16, 48), (31, 33)]
    pictures = [gradient(*size, 50 * n) for n, size in enumerate(sizes)]
    for name, picture in list(zip(names, pictures, strict=True))[::-1]:
        write(tmp_path / name, picture)
    (tmp_path / "a" / "0.txt").write_text("no picture")
    batch = load(wide, tmp_path, 5)
    assert batch.labels is None
    for image, picture in zip(batch.inputs.numpy(), pictures, strict=True):
        values = scaled(picture[None])
        assert image == pytest.approx(resized(values, 32, 32)[0], abs=5 / 62)
    assert torch.equal(load(wide, tmp_path, 3).inputs, batch.inputs[:3])
    refused(wide, tmp_path, str(tmp_path), "holds 5 images", "batch.size=5", "not 6", size=6)


def test_pictures_are_read_without_loss(space: Space, tmp_path: Path) -> None:
    images = pixels(4)
    for n, image in enumerate(images):
        write(tmp_path / f"{n}.png", image)
    same(load(space, tmp_path, statistics="imagenet"), scaled(images, "imagenet"))


@pytest.mark.parametrize("size", [(20, 13), (5, 6)])
def test_pictures_are_resized_to_whole_levels(
    space: Space, tmp_path: Path, size: tuple[int, int]
) -> None:
    images = pixels(2, *size)
    for n, image in enumerate(images):
        write(tmp_path / f"{n}.png", image)
    levels = load(space, tmp_path, 2, "unit").inputs.double() * 255
    assert levels == pytest.approx(levels.round(), abs=1e-4)
    expected = resized(images.transpose(0, 3, 1, 2).astype(np.float32), 8, 8)
    assert levels.numpy() == pytest.approx(expected, abs=0.501)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_pictures_of_every_mode_have_three_channels(
    space: Space, tmp_path: Path, mode: str
) -> None:
    Image.new("RGB", (8, 8), "white").convert(mode).save(tmp_path / "white.png")
    same(load(space, tmp_path, 1, "unit"), np.ones((1, 3, 8, 8), np.float32))


def today2(data: Pixels, labels: list[int]) -> bytes:
    return today(data, labels, 2)


def by_columns(data: Pixels, labels: list[int]) -> bytes:
    return today(np.asfortranarray(data), labels)


@pytest.mark.parametrize("pickled", [python2, today2, today, by_columns])
def test_the_archive_of_cifar10(
    wide: Space, tmp_path: Path, pickled: Callable[[Pixels, list[int]], bytes]
) -> None:
    images = pixels(9, 32, 32)
    labels = [3, 1, 4, 1, 5, 9, 2, 6, 0]
    names = ["data_batch_1", "data_batch_3", "test_batch"]
    for n, name in enumerate(names):
        part = slice(3 * n, 3 * n + 3)
        (tmp_path / name).write_bytes(pickled(planes(images[part]), labels[part]))
    (tmp_path / "batches.meta").write_bytes(b"not read")
    for size in (2, 3, 7, 9):
        batch = load(wide, tmp_path, size)
        same(batch, scaled(images[:size]))
        assert batch.labels is not None
        assert batch.labels.tolist() == labels[:size]
    refused(wide, tmp_path, str(tmp_path), "holds 9 images", "not 10", size=10)


def test_a_file_that_is_not_needed_is_not_read(wide: Space, tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(today(ROWS, [1, 2, 3]))
    (tmp_path / "data_batch_2").write_bytes(b"")
    assert len(load(wide, tmp_path, 3).inputs) == 3
    refused(wide, tmp_path, str(tmp_path / "data_batch_2"), size=4)


class Command:
    """Runs a command of the system when pickle loads it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"echo > '{self.marker}'",)


def test_no_file_can_run_a_command(wide: Space, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    command = Command(marker)
    content = {b"labels": [0], b"data": ROWS[:1], b"x": command}
    pickle.loads(pickle.dumps(content))
    assert marker.exists()
    marker.unlink()
    hidden = np.array([command] * 4, dtype=object)
    archive = tmp_path / "data_batch_1"
    pickles = [pickle.dumps(command, protocol) for protocol in range(6)]
    for evil in [*pickles, pickle.dumps(content), pickle.dumps(hidden)]:
        archive.write_bytes(evil)
        refused(wide, tmp_path, str(archive), "names", "system", size=1)
    for save in SAVES:
        path = save(tmp_path, hidden)
        refused(wide, path, str(path))
    raw = tmp_path / "raw.npy"
    raw.write_bytes(pickle.dumps(command))
    refused(wide, raw, str(raw))
    assert not marker.exists()


BATCHES: dict[str, tuple[object, str]] = {
    "no dictionary": ([1, 2], ""),
    "no data": ({b"labels": [1, 2, 3]}, "b'data'"),
    "no labels": ({b"data": ROWS}, "b'labels'"),
    "data of bytes": ({b"data": b"x" * 3072, b"labels": [1]}, ""),
    "data of objects": ({b"data": np.array([[None]]), b"labels": [1]}, ""),
    "data of floats": ({b"data": ROWS.astype("f4"), b"labels": [1, 2, 3]}, "f4"),
    "rows too short": ({b"data": ROWS[:, :-1], b"labels": [1, 2, 3]}, "3071"),
    "rows in planes": ({b"data": ROWS.reshape(3, 3, 32, 32), b"labels": [1, 2, 3]}, "(3, 3, 32"),
    "rows too deep": ({b"data": ROWS[..., None], b"labels": [1, 2, 3]}, "(3, 3072, 1)"),
    "too few labels": ({b"data": ROWS, b"labels": [1, 2]}, "(2,)"),
    "too many labels": ({b"data": ROWS, b"labels": [1, 2, 3, 4]}, "(4,)"),
    "labels of text": ({b"data": ROWS, b"labels": ["cat", "dog", "cat"]}, ""),
    "labels of fractions": ({b"data": ROWS, b"labels": [0.5, 1.5, 2.5]}, ""),
    "labels too large": ({b"data": ROWS, b"labels": [1, 2, 1 << 80]}, ""),
    "one label": ({b"data": ROWS, b"labels": 1}, ""),
}


@pytest.mark.parametrize("name", BATCHES)
def test_a_bad_batch_of_the_archive_is_refused(wide: Space, tmp_path: Path, name: str) -> None:
    content, word = BATCHES[name]
    path = tmp_path / "data_batch_2"
    path.write_bytes(pickle.dumps(content))
    refused(wide, tmp_path, str(path), word, size=2)


def test_an_archive_without_images_is_refused(wide: Space, tmp_path: Path) -> None:
    (tmp_path / "test_batch").write_bytes(today(ROWS[:0], []))
    refused(wide, tmp_path, f"{tmp_path} holds no images")


def test_hidden_files_and_folders_do_not_count(space: Space, tmp_path: Path) -> None:
    """What systems and notebooks put beside pictures; the folder itself may be hidden."""
    folder = tmp_path / ".cache"
    write(folder / "a0.png", pixels(1)[0])
    for hidden in ("._a0.png", ".a1.png", ".ipynb_checkpoints/0.png", "__MACOSX/._a0.png"):
        (folder / hidden).parent.mkdir(exist_ok=True)
        (folder / hidden).write_bytes(b"\0\5\x16\7")
    write(folder / "__MACOSX" / "a2.png", pixels(1)[0])
    assert len(load(space, folder, 1).inputs) == 1
    refused(space, folder, "holds 1 images", size=2)


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_stay_on_their_device(channels: int) -> None:
    pixels = torch.zeros(2, channels, 4, 4, dtype=torch.uint8, device="meta")
    assert on_device(pixels, "cifar10").is_meta
