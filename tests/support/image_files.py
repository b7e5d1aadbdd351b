"""Images as the files that people have."""

from __future__ import annotations

import pickle
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nas import Space, UsageError
from nas.batch import Batch
from nas.data.images import STATISTICS
from nas.data.sources import make_batch

Pixels = NDArray[np.uint8]


def pixels(count: int, *size: int, seed: int = 0) -> Pixels:
    """Random images, count x height x width x 3."""
    shape = (count, *(size or (8, 8)), 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def scaled(images: NDArray[Any], statistics: str = "cifar10") -> NDArray[np.float32]:
    """What the network is fed for uint8 images."""
    mean, std = np.array(STATISTICS[statistics])
    values: NDArray[np.float64] = (images.astype(np.float64) - mean) / std
    return values.transpose(0, 3, 1, 2).astype(np.float32)


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


# numpy files


def save_npy(path: Path, images: NDArray[Any]) -> Path:
    np.save(path / "x.npy", images)
    return path / "x.npy"


def write(path: Path, picture: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, quality=98)


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


ROWS = planes(pixels(3, 32, 32))
