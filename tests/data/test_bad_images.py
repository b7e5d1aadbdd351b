"""Every kind of bad file of images is refused in one sentence."""

from __future__ import annotations

import os
import pickle
import zlib
from io import BytesIO
from pathlib import Path
from random import Random
from struct import pack
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nas import Space, UsageError
from nas.data.images import read
from tests.support.image_files import (
    ROWS,
    load,
    pixels,
    python2,
    refused,
    save_npy,
    write,
)
from tests.support.small import small


@pytest.fixture
def space() -> Space:
    return small("nasbench201")


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
    "two channels": ("x.npy", npy(IMAGES[..., :2]), "uint8 4 x 8 x 8 x 2:"),
    "alpha": ("x.npy", npy(FLOATS.reshape(4, 4, 6, 8)), "float32 4 x 4 x 6 x 8:"),
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
    "labels that are nothing": ("x.npz", npz(images=IMAGES, labels=np.full(4, np.nan)), "nan"),
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
    "half a png": png(IMAGES[0])[:100],
    "half a jpeg": jpeg(pixels(1, 64, 64)[0])[:900],
    "no pixels": png(IMAGES[0])[:40],
    "wrong checksum": png(IMAGES[0]).replace(b"IDAT", b"IDAT\xff", 1),
    "no width": png(IMAGES[0]).replace(beginning(8, 8), beginning(0, 8)),
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
    """A file that is cut anywhere, or has any byte changed, raises at most a UsageError."""
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
            assert len(read(path, 1, (3, 8, 8)).inputs) == 1
        except UsageError as error:
            messages.append(str(error))
    assert len(messages) >= 20
    assert all(str(path) in message and "\n" not in message for message in messages)
