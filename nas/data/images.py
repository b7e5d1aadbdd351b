"""Real images from files: numpy arrays, folders of pictures, CIFAR-10's archive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from nas.data import pickles
from nas.errors import UsageError
from nas.storage.reading import check_regular, check_size, limit, opened

STATISTICS = {
    "cifar10": ((125.3, 123.0, 113.9), (63.0, 62.1, 66.7)),
    "cifar100": ((129.3, 124.1, 112.4), (68.2, 65.4, 70.4)),
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "unit": ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
}
"""Mean and standard deviation of red, green and blue, for pixels 0..255; `unit` gives 0..1."""

SUFFIXES = {".png", ".jpg", ".jpeg"}
LONGEST = 200
"""Characters of another package's message that are quoted."""
CIFAR_FILES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]

Labels = Tensor | None


def read(path: Path, size: int, shape: tuple[int, int, int]) -> tuple[Tensor, Labels]:
    """The first `size` images as (size, 3, height, width), uint8 or float, and their labels.

    `path` is an .npz or .npy file (uint8 N x H x W x 3, or float N x 3 x H x W; in an .npz the
    array `images`, and `labels` if present), a folder of PNG and JPEG files (in order of names;
    resized to `shape`), or CIFAR-10's python archive folder. Raises UsageError for anything else.
    """
    try:
        if not path.exists():
            raise UsageError(f"there are no images at {path}")
        check_regular(path)
        if path.is_dir():
            cifar = [path / name for name in CIFAR_FILES if (path / name).is_file()]
            pixels, labels = _cifar(cifar, size) if cifar else _folder(path, size, shape)
        elif path.suffix in (".npz", ".npy"):
            pixels, labels = _arrays(path, size)
        else:
            raise UsageError(f"{path} is no .npz or .npy file and no folder of images")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    _check_count(path, len(pixels), size)
    return pixels[:size], None if labels is None else labels[:size]


def _check_count(path: Path, count: int, size: int) -> None:
    if count < size:
        raise UsageError(
            f"{path} holds {count} images: take batch.size={count} or fewer, not {size}"
            if count
            else f"{path} holds no images"
        )


def scaled(pixels: Tensor, statistics: str) -> Tensor:
    """Float images (pixel - mean) / std, with the mean and std that `statistics` names.

    `auto` means cifar10 for uint8 and leaves floats unchanged, as they count as scaled already.
    With any other name floats must be pixels from 0 to 1, or UsageError is raised.
    """
    if pixels.is_floating_point():
        if statistics == "auto":
            return pixels.float()
        if pixels.min() < 0 or pixels.max() > 1:
            raise UsageError(
                f"batch.statistics={statistics} needs float images from 0 to 1, these go from "
                f"{pixels.min():.4g} to {pixels.max():.4g}: leave batch.statistics=auto"
            )
        pixels = pixels * 255
    mean, std = STATISTICS["cifar10" if statistics == "auto" else statistics]
    shape = (1, 3, 1, 1)
    means = torch.tensor(mean, dtype=torch.float64).view(shape)
    stds = torch.tensor(std, dtype=torch.float64).view(shape)
    return ((pixels.double() - means) / stds).float()


def _arrays(path: Path, size: int) -> tuple[Tensor, Labels]:
    """The first `size` images, or all; a plain array is not read any further."""
    labels = None
    try:
        with path.open("rb") as stream:
            if stream.peek(2)[:2] == b"PK":
                array, labels = _archived(path, np.load(stream, allow_pickle=False))
            else:
                array = np.load(path, allow_pickle=False, mmap_mode="r")
    except (UsageError, OSError):
        raise
    except Exception as error:  # numpy, zipfile and zlib raise many classes for damaged files
        raise UsageError(f"{path} is no numpy file of numbers ({_reason(error)})") from error
    if not isinstance(array, np.ndarray) or not isinstance(labels, np.ndarray | None):
        raise UsageError(f"{path} holds a file that is no numpy array")
    pixels = _pixels(path, array, size)
    return pixels, None if labels is None else _labels(path, labels, len(array))


def _archived(path: Path, archive: NpzFile) -> tuple[Any, Any]:
    """The images of an .npz file, and its labels or None."""
    names = archive.files
    name = "images" if "images" in names else names[0] if len(names) == 1 else None
    if name is None:
        raise UsageError(f"{path} has no array 'images', but {', '.join(names) or 'nothing'}")
    wanted = [name, "labels"] if "labels" in names and name != "labels" else [name]
    assert archive.zip is not None
    members = [
        each for each in archive.zip.infolist() if each.filename.removesuffix(".npy") in wanted
    ]
    check_size(path, sum(each.file_size for each in members))
    found = [archive[each] for each in wanted]
    return found[0], found[1] if len(found) > 1 else None


def _reason(error: Exception) -> str:
    """The begin of the first line of an error's message, which may quote a part of the file."""
    line = str(error).partition("\n")[0] or type(error).__name__
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} ..."


def _pixels(path: Path, array: NDArray[Any], size: int) -> Tensor:
    """The first `size` images; UsageError where there are fewer, or they are none."""
    several = array.ndim == 4 and 0 not in array.shape[1:]
    if several and array.dtype == np.uint8 and array.shape[3] == 3:
        _check_count(path, len(array), size)
        first = array[:size].transpose(0, 3, 1, 2)
        return torch.from_numpy(np.array(first, order="C"))
    if several and array.dtype.kind == "f" and array.shape[1] == 3:
        _check_count(path, len(array), size)
        with np.errstate(over="ignore"):
            values = torch.from_numpy(np.array(array[:size], np.float32))
        if not values.isfinite().all():
            raise UsageError(f"{path} holds numbers that are not finite")
        return values
    shape = " x ".join(map(str, array.shape))
    raise UsageError(
        f"{path} holds {array.dtype} {shape or 'without a dimension'}: images are uint8 "
        f"N x H x W x 3 or float N x 3 x H x W"
    )


def _labels(path: Path, labels: NDArray[Any], count: int) -> Tensor:
    whole = labels.dtype.kind in "iu" or not count
    if labels.shape != (count,) or not whole or (labels.astype(np.int64) < 0).any():
        raise UsageError(
            f"the labels of {path} are {labels.dtype} of shape {labels.shape}: "
            f"they must be {count} whole numbers from 0 on"
        )
    return torch.from_numpy(labels.astype(np.int64))


def _folder(path: Path, size: int, shape: tuple[int, int, int]) -> tuple[Tensor, Labels]:
    files = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in SUFFIXES
        and not _is_hidden(file.relative_to(path))
        and not file.is_dir()
    )
    pictures = []
    for file in files[:size]:
        try:
            check_regular(file)
            with _picture(file) as picture:
                if picture.mode.startswith("I"):  # Pillow would cut 16 bits off at 255
                    raise ValueError("it has more than 8 bits per pixel and channel")
                array = np.asarray(picture.convert("RGB"))
        except UsageError:
            raise
        except Exception as error:  # Pillow raises many classes for damaged files
            reason = _reason(error)
            raise UsageError(f"{file} is no readable PNG or JPEG image ({reason})") from error
        pixels = torch.from_numpy(array.copy()).permute(2, 0, 1)[None]
        if pixels.shape[2:] != shape[1:]:
            resized = F.interpolate(pixels.float(), shape[1:], mode="bilinear", antialias=True)
            pixels = resized.round().clamp(0, 255).to(torch.uint8)
        pictures.append(pixels)
    found = torch.cat(pictures) if pictures else torch.empty(0, *shape, dtype=torch.uint8)
    return found, None


@contextmanager
def _picture(file: Path) -> Iterator[Image.Image]:
    """An open picture of no more than the file's limit, at four bytes a pixel."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # the limit is ours
    try:
        picture = Image.open(file, formats=("PNG", "JPEG"))
    finally:
        Image.MAX_IMAGE_PIXELS = before
    with picture:
        check_size(file, 4 * picture.width * picture.height, "bytes, four a pixel")
        yield picture


def _is_hidden(path: Path) -> bool:
    """Whether it is put there by a system or a program beside what people see."""
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _cifar(files: list[Path], size: int) -> tuple[Tensor, Labels]:
    """Images and labels of CIFAR-10's python archive; it reads as many files as `size` needs."""
    parts: list[tuple[NDArray[np.uint8], Tensor]] = []
    for file in files:
        if sum(len(pixels) for pixels, _ in parts) >= size:
            break
        try:
            with opened(file) as stream:
                content = pickles.read(stream, limit(file), encoding="bytes")
            parts.append(_cifar_batch(file, content))
        except (UsageError, OSError):
            raise
        except Exception as error:  # a damaged pickle may raise any class
            reason = _reason(error)
            raise UsageError(f"{file} is no batch of CIFAR-10's archive ({reason})") from error
    array = np.concatenate([pixels for pixels, _ in parts]).reshape(-1, 3, 32, 32)
    return torch.from_numpy(array), torch.cat([labels for _, labels in parts])


def _cifar_batch(file: Path, content: Any) -> tuple[NDArray[np.uint8], Tensor]:
    for key in (b"data", b"labels"):
        if key not in content:
            raise ValueError(f"it has no {key!r}")
    (_, shape, dtype, by_columns, raw) = content[b"data"].state
    if dtype.args[0] not in ("u1", b"u1") or len(shape) != 2 or shape[1] != 3072:
        raise ValueError(f"its data is {dtype.args[0]} of shape {shape}")
    pixels = np.frombuffer(raw, np.uint8).reshape(shape, order="F" if by_columns else "C")
    return pixels, _labels(file, np.array(content[b"labels"]), len(pixels))
