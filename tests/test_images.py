"""Real images: every kind of file, and every kind of bad file."""

from __future__ import annotations

import os
import pickle
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from random import Random
from struct import pack
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from nas import SPACES, Space, UsageError
from nas.batch import Batch
from nas.data.images import STATISTICS, read
from nas.data.sources import make_batch
from tests.conftest import small

Pixels = NDArray[np.uint8]
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


def pixels(count: int, *size: int, seed: int = 0) -> Pixels:
    """Random images, count x height x width x 3."""
    shape = (count, *(size or (8, 8)), 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def scaled(images: NDArray[Any], statistics: str = "cifar10") -> NDArray[np.float32]:
    """What the network is fed for uint8 images."""
    mean, std = np.array(STATISTICS[statistics])
    values: NDArray[np.float64] = (images.astype(np.float64) - mean) / std
    return values.transpose(0, 3, 1, 2).astype(np.float32)


def resized(images: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Every channel of every image resized by Pillow, which knows nothing of tensors."""
    flat = [
        np.asarray(Image.fromarray(c).resize((width, height), Image.Resampling.BILINEAR))
        for image in images
        for c in image
    ]
    return np.stack(flat).reshape(*images.shape[:2], height, width)


def load(space: Space, path: Path, size: int = 4, statistics: str = "auto") -> Batch:
    return make_batch(space, "images", path=str(path), size=size, statistics=statistics)


def refused(space: Space, path: Path, *words: str, size: int = 4) -> None:
    """Loading is a UsageError of one sentence that has every one of the words."""
    with pytest.raises(UsageError) as caught:
        load(space, path, size)
    message = str(caught.value)
    assert "\n" not in message
    assert not message.endswith(".")
    assert all(word in message for word in words), message


def same(batch: Batch, expected: NDArray[np.float32], atol: float = 1e-6) -> None:
    assert batch.inputs.dtype == torch.float32
    np.testing.assert_allclose(batch.inputs.numpy(), expected, rtol=1e-6, atol=atol)


# numpy files


def save_npy(path: Path, images: NDArray[Any]) -> Path:
    np.save(path / "x.npy", images)
    return path / "x.npy"


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


def write(path: Path, picture: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, quality=98)


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


# CIFAR-10's archive


def planes(images: Pixels) -> Pixels:
    """Images as the archive has them: rows of a red, a green and a blue plane."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)


def text(value: bytes) -> bytes:
    return b"T" + pack("<i", len(value)) + value


def python2(data: Pixels, labels: list[int]) -> bytes:
    """The archive's own pickle: Python 2, protocol 2, whose texts are bytes."""
    rows, columns = data.shape
    content = b"".join(
        [
            b"\x80\x02}(" + text(b"batch_label") + text(b"training batch 1 of 5"),
            text(b"labels") + b"](" + b"".join(b"K" + bytes([n]) for n in labels) + b"e",
            text(b"data") + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n",
            b"K\x00\x85" + text(b"b") + b"\x87R(K\x01",
            b"J" + pack("<i", rows) + b"J" + pack("<i", columns) + b"\x86",
            b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R",
            b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
            b"\x89" + text(data.tobytes()) + b"tbu.",
        ]
    )
    known = pickle.loads(content, encoding="bytes")
    assert known[b"labels"] == labels
    assert np.array_equal(known[b"data"], data)
    return content


def today(data: Pixels, labels: list[int], protocol: int | None = None) -> bytes:
    return pickle.dumps({b"labels": labels, b"data": data}, protocol)


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
    """What unpickles by running a command of the system."""

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


ROWS = planes(pixels(3, 32, 32))
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


# bad files


def npy(array: NDArray[Any]) -> bytes:
    stream = BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def zipped(**files: bytes) -> bytes:
    stream = BytesIO()
    with ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def npz(**arrays: NDArray[Any]) -> bytes:
    return zipped(**{f"{name}.npy": npy(array) for name, array in arrays.items()})


def header(shape: str) -> bytes:
    """The beginning of an .npy file whose shape is anything."""
    content = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + pack("<H", len(content)) + content


FLOATS = np.zeros((4, 3, 8, 8), np.float32)
OBJECTS = np.full((4, 8, 8, 3), None)
IMAGES = pixels(4)
BAD: dict[str, tuple[str, bytes, str]] = {
    "empty": ("x.npz", b"", ""),
    "empty array file": ("x.npy", b"", ""),
    "text": ("x.npy", b"four images", ""),
    "other suffix": ("x.txt", b"four images", "no .npz or .npy file"),
    "no suffix": ("x", npy(IMAGES), "no .npz or .npy file"),
    "half an archive": ("x.npz", npz(images=IMAGES)[:500], ""),
    "half an array": ("x.npy", npy(IMAGES)[:500], ""),
    "half an array in an archive": ("x.npz", zipped(**{"images.npy": npy(IMAGES)[:500]}), ""),
    "archive without arrays": ("x.npz", npz(), "no array 'images', but nothing"),
    "archive of others": ("x.npz", npz(a=IMAGES, b=IMAGES), "no array 'images', but a, b"),
    "archive of no array": ("x.npz", zipped(images=b"four images"), ""),
    "objects": ("x.npy", pickle.dumps(OBJECTS), ""),
    "objects in an archive": ("x.npz", npz(images=OBJECTS), ""),
    "one image": ("x.npy", npy(IMAGES[0]), "uint8 8 x 8 x 3:"),
    "no dimension": ("x.npy", npy(np.array(3.0)), "float64 without a dimension"),
    "grey": ("x.npy", npy(IMAGES[..., :1]), "uint8 4 x 8 x 8 x 1:"),
    "bytes channels first": ("x.npy", npy(IMAGES.reshape(4, 3, 8, 8)), "uint8 4 x 3 x 8 x 8:"),
    "floats channels last": ("x.npy", npy(FLOATS.reshape(4, 8, 8, 3)), "float32 4 x 8 x 8 x 3:"),
    "whole numbers": ("x.npy", npy(IMAGES.astype(np.int64)), "int64 4 x 8 x 8 x 3:"),
    "complex numbers": ("x.npy", npy(FLOATS.astype(np.complex64)), "complex64"),
    "texts": ("x.npy", npy(np.full((4, 8, 8, 3), "a")), "<U1"),
    "no pixels": ("x.npy", npy(IMAGES[:, :0]), "uint8 4 x 0 x 8 x 3"),
    "no float pixels": ("x.npy", npy(FLOATS[..., :0]), "float32 4 x 3 x 8 x 0"),
    "no images": ("x.npy", npy(IMAGES[:0]), "holds no images"),
    "too few": ("x.npy", npy(IMAGES[:3]), "holds 3 images: take batch.size=3 or fewer, not 4"),
    "not a number": ("x.npy", npy(np.where(FLOATS == 0, np.nan, 0)), "not finite"),
    "infinity": ("x.npy", npy(FLOATS + np.float32("inf")), "not finite"),
    "beyond floats": ("x.npy", npy(np.full((4, 3, 8, 8), -1e300)), "not finite"),
    "beyond memory": ("x.npy", header("(1000000000000000, 8, 8, 3)"), ""),
    "beyond numbers": ("x.npy", header(f"({10**30}, 8, 8, 3)"), ""),
    "less than nothing": ("x.npy", header("(-1, 8, 8, 3)"), ""),
    "no header": ("x.npy", header("(4, 8, 8,"), ""),
    "long header": ("x.npy", header(" " * 20000 + "(4, 8, 8, 3)") + IMAGES.tobytes(), ""),
    "too few labels": ("x.npz", npz(images=IMAGES, labels=np.arange(3)), "(3,)"),
    "labels of fractions": ("x.npz", npz(images=IMAGES, labels=np.zeros(4)), "float64"),
    "labels in columns": ("x.npz", npz(images=IMAGES, labels=np.eye(4, dtype=int)), "(4, 4)"),
    "labels of objects": ("x.npz", npz(images=IMAGES, labels=np.full(4, None)), ""),
    "labels too large": ("x.npz", npz(images=IMAGES, labels=np.full(4, 2**64 - 1)), ""),
    "picture": ("x.png", b"", "no .npz or .npy file"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused(space: Space, tmp_path: Path, kind: str) -> None:
    name, content, word = BAD[kind]
    (tmp_path / name).write_bytes(content)
    refused(space, tmp_path / name, str(tmp_path / name), word)


def picture(array: NDArray[Any], kind: str) -> bytes:
    stream = BytesIO()
    Image.fromarray(array).save(stream, kind)
    return stream.getvalue()


def png(array: NDArray[Any]) -> bytes:
    return picture(array, "png")


def jpeg(array: NDArray[Any]) -> bytes:
    return picture(array, "jpeg")


def chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))


def beginning(width: int, height: int) -> bytes:
    """The beginning of a PNG file, its size included."""
    size = pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size)


PICTURES = {
    "empty": b"",
    "text": b"a picture",
    "sixteen bits": png(np.full((8, 8), 1000, np.uint16)),
    "half a png": png(IMAGES[0])[:100],
    "half a jpeg": jpeg(pixels(1, 64, 64)[0])[:900],
    "no pixels": png(IMAGES[0])[:40],
    "wrong checksum": png(IMAGES[0]).replace(b"IDAT", b"IDAT\xff", 1),
    "no width": png(IMAGES[0]).replace(beginning(8, 8), beginning(0, 8)),
    "beyond memory": png(IMAGES[0]).replace(beginning(8, 8), beginning(10**6, 10**6)),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_a_bad_picture_is_refused(space: Space, tmp_path: Path, kind: str) -> None:
    write(tmp_path / "0.png", IMAGES[0])
    bad = tmp_path / "more" / "1.png"
    bad.parent.mkdir()
    bad.write_bytes(PICTURES[kind])
    refused(space, tmp_path, f"{bad} is no readable PNG or JPEG image", size=2)
    assert load(space, tmp_path, 1).inputs.shape == (1, 3, 8, 8)


@pytest.mark.parametrize("name", ["none.npz", "none", "x.npy/none.npy", "nul\0.npy"])
def test_a_missing_file_is_refused(space: Space, tmp_path: Path, name: str) -> None:
    save_npy(tmp_path, IMAGES)
    refused(space, tmp_path / name, f"there are no images at {tmp_path / name}")


def test_a_folder_without_pictures_is_refused(space: Space, tmp_path: Path) -> None:
    refused(space, tmp_path, f"{tmp_path} holds no images")
    save_npy(tmp_path, IMAGES)
    refused(space, tmp_path, f"{tmp_path} holds no images")


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "test_batch", "x.png"])
def test_a_file_that_may_not_be_read_is_refused(space: Space, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch(mode=0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    refused(space, path if path.suffix[:3] == ".np" else tmp_path, str(tmp_path), "denied")


@pytest.mark.parametrize("path", ["x" * 5000 + ".npy", "x" * 5000])
def test_a_path_that_cannot_be_looked_up_is_refused(space: Space, path: str) -> None:
    refused(space, Path(path), path)


def test_a_link_to_nowhere_is_refused(space: Space, tmp_path: Path) -> None:
    (tmp_path / "x.png").symlink_to(tmp_path / "nowhere")
    refused(space, tmp_path, str(tmp_path / "x.png"))


GOOD = {
    "x.npy": npy(IMAGES),
    "x.npz": npz(images=IMAGES, labels=np.arange(4)),
    "x.png": png(IMAGES[0]),
    "x.jpg": jpeg(pixels(1, 16, 16)[0]),
    "test_batch": python2(ROWS[:1], [3]),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, name: str) -> None:
    """Cut anywhere, or with any byte changed, it is no error but the user's."""
    content, rng = GOOD[name], Random(0)
    damaged = [content[: rng.randrange(len(content))] for _ in range(60)]
    if name != "test_batch":  # a changed byte may make a pickle ask for all the memory
        for place in [*range(0, 130), *rng.choices(range(len(content)), k=130)]:
            byte = bytes([rng.randrange(256)])
            damaged.append(content[:place] + byte + content[place + 1 :])
    file = tmp_path / name
    path = file if file.suffix[:3] == ".np" else tmp_path
    messages = []
    for part in damaged:
        file.write_bytes(part)
        try:
            images, _ = read(path, 1, (3, 8, 8))
            assert len(images) == 1
        except UsageError as error:
            messages.append(str(error))
    assert len(messages) >= 20
    assert all(str(path) in message and "\n" not in message for message in messages)
