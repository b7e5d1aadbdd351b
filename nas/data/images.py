"""Real images from files: numpy arrays, folders of pictures, CIFAR-10's archive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.data import folders, pickles
from nas.data.checks import described_labels, labels_of
from nas.data.examples import Examples, check_count, one_class, remark, taken
from nas.data.folders import Shape, reason
from nas.data.numpy_files import opened_arrays
from nas.errors import UsageError
from nas.storage.reading import check_regular, limit, opened

STATISTICS = {
    "cifar10": ((125.3, 123.0, 113.9), (63.0, 62.1, 66.7)),
    "cifar100": ((129.3, 124.1, 112.4), (68.2, 65.4, 70.4)),
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "unit": ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
}
"""Mean and standard deviation of red, green and blue, for pixels 0..255; `unit` gives 0..1."""

LUMINANCE = (0.299, 0.587, 0.114)
"""What red, green and blue count for in a grey image (ITU-R BT.601, as in Pillow)."""
CIFAR_FILES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]


def read(
    path: Path,
    size: int | None,
    shape: Shape,
    shuffle: bool | None = None,
    seed: int = 0,
    known: Sequence[str] | None = None,
) -> Examples:
    """`size` images (None: all) as (size, channels, height, width), uint8 or float, with labels.

    `path` is an .npz or .npy file (uint8 or float, N x H x W x 3, N x 3 x H x W or grey; in an
    .npz the array `images`, and `labels` if present), a folder of PNG and JPEG files
    (`nas.data.folders`; resized to `shape`), or CIFAR-10's python archive folder. The first images
    are taken, or with `shuffle` any, drawn from the seed. They have the channels of `shape`, one
    or three; they become grey or keep one grey three times where they must. `known` are the
    classes that other data has (`nas.data.checks.numbered`). Raises UsageError for anything else.
    """
    try:
        _check(path)
        if path.is_dir():
            cifar = _cifar_files(path)
            if not cifar:
                return folders.read(path, size, shape, shuffle, seed, known)
            array, labels = _cifar(cifar, None if shuffle else size)
        elif path.suffix in (".npz", ".npy"):
            array, labels = _arrays(path)
        else:
            raise UsageError(f"{path} is no .npz or .npy file and no folder of images")
        return _taken(path, array, labels, size, shape[0], bool(shuffle), seed, known)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error


def shape_in(path: Path) -> Shape:
    """(channels, height, width) of the images at a path; of a folder of pictures, of the first."""
    _check(path)
    if path.is_dir():
        return (3, 32, 32) if _cifar_files(path) else folders.shape_in(path)
    array, _ = _arrays(path)
    last, sizes = _channels_last(path, array), array.shape[1:]
    if last is None:
        return (1, *sizes)
    return (sizes[2], *sizes[:2]) if last else sizes


def _check(path: Path) -> None:
    """UsageError if nothing is there, or what is no file or folder."""
    if not path.exists():
        raise UsageError(f"there are no images at {path}")
    check_regular(path)


def _cifar_files(folder: Path) -> list[Path]:
    return [folder / name for name in CIFAR_FILES if (folder / name).is_file()]


def _taken(
    path: Path,
    array: NDArray[Any],
    labels: Any,
    size: int | None,
    channels: int,
    shuffle: bool,
    seed: int,
    known: Sequence[str] | None,
) -> Examples:
    """The images that are wanted of all, with their labels."""
    last = _channels_last(path, array)
    check_count(path, len(array), size or 1, "images")
    chosen = taken(len(array), size or len(array), seed if shuffle else None)
    some = array[chosen] if shuffle else array[: len(chosen)]
    pixels = _pixels(path, some, last)
    found = pixels.shape[1]
    remarks: tuple[str, ...] = ()
    if found != channels:
        pixels = _grey(pixels) if channels == 1 else pixels.expand(-1, 3, -1, -1).contiguous()
        remarks = ("colours became grey" if channels == 1 else "grey was taken for three colours",)
    if labels is None:
        return Examples(pixels, None, "", remarks)
    every, names = labels_of(labels, len(array), f"the labels of {path}", known)
    own = every[torch.from_numpy(chosen)]
    origin = remark(described_labels(every, names, "of the data"))
    return Examples(pixels, own, origin, remarks + one_class(own, every), names)


def scaled(pixels: Tensor, statistics: str) -> Tensor:
    """Float images (pixel - mean) / std, with the mean and std that `statistics` names.

    `auto` means cifar10 for uint8 and leaves floats unchanged, as they count as scaled already.
    With any other name floats must be pixels from 0 to 1, or UsageError is raised. Of grey images
    mean and std are those of the three colours, weighted by `LUMINANCE`.
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
    figures = STATISTICS["cifar10" if statistics == "auto" else statistics]
    means, stds = torch.tensor(figures, dtype=torch.float64, device=pixels.device)
    if pixels.shape[1] == 1:
        weights = torch.tensor(LUMINANCE, dtype=torch.float64, device=pixels.device)
        means, stds = (weights @ means)[None], (weights @ stds)[None]
    shape = (1, pixels.shape[1], 1, 1)
    values: Tensor = (pixels.double() - means.view(shape)) / stds.view(shape)
    return values.float()


def _grey(pixels: Tensor) -> Tensor:
    """One channel of three."""
    weights = torch.tensor(LUMINANCE, dtype=torch.float64).view(1, 3, 1, 1)
    grey: Tensor = (pixels * weights).sum(1, keepdim=True)
    if pixels.is_floating_point():
        return grey.float()
    return grey.round().to(torch.uint8)


def _arrays(path: Path) -> tuple[NDArray[Any], Any]:
    """The images and the labels of a numpy file; a plain array is not read yet."""
    with opened_arrays(path) as arrays:
        names = [*arrays]
        name = "images" if "images" in names else names[0] if len(names) == 1 else None
        if name is None:
            raise UsageError(
                f"{path} has no array 'images', but {', '.join(names) or 'nothing'}: batch=arrays "
                "takes any"
            )
        array = arrays[name]
        return array, arrays["labels"] if "labels" in names and name != "labels" else None


def _channels_last(path: Path, array: NDArray[Any]) -> bool | None:
    """Whether channels are the last of four dimensions; None for grey images of three."""
    known = array.dtype == np.uint8 or array.dtype.kind == "f"
    if known and 0 not in array.shape[1:]:
        if array.ndim == 3 and array.shape[2] != 3:  # which would be one image in colour
            return None
        ends = [array.ndim == 4 and array.shape[place] in (1, 3) for place in (1, 3)]
        if any(ends):
            return ends[1] and (not ends[0] or array.dtype == np.uint8)
    shape = " x ".join(map(str, array.shape))
    raise UsageError(
        f"{path} holds {array.dtype} {shape or 'without a dimension'}: images are uint8 or float, "
        f"N x H x W x 3, N x 3 x H x W or grey, and batch=arrays takes others"
    )


def _pixels(path: Path, array: NDArray[Any], last: bool | None) -> Tensor:
    """Images with their channels in front."""
    if last is None:
        array = array[:, None]
    elif last:
        array = array.transpose(0, 3, 1, 2)
    if array.dtype == np.uint8:
        return torch.from_numpy(np.array(array, order="C"))
    with np.errstate(over="ignore"):
        values = torch.from_numpy(np.array(array, np.float32, order="C"))
    if not values.isfinite().all():
        raise UsageError(f"{path} holds numbers that are not finite")
    return values


def _cifar(files: list[Path], size: int | None) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images and labels of CIFAR-10's python archive; it reads as many files as `size` needs."""
    parts: list[tuple[NDArray[np.uint8], Tensor]] = []
    for file in files:
        if size is not None and sum(len(pixels) for pixels, _ in parts) >= size:
            break
        try:
            with opened(file) as stream:
                content = pickles.read(stream, limit(file), encoding="bytes")
            parts.append(_cifar_batch(file, content))
        except (UsageError, OSError):
            raise
        except Exception as error:  # a damaged pickle may raise any class
            why = reason(error)
            raise UsageError(f"{file} is no batch of CIFAR-10's archive ({why})") from error
    array = np.concatenate([pixels for pixels, _ in parts]).reshape(-1, 3, 32, 32)
    return array, torch.cat([labels for _, labels in parts]).numpy()


def _cifar_batch(file: Path, content: Any) -> tuple[NDArray[np.uint8], Tensor]:
    for key in (b"data", b"labels"):
        if key not in content:
            raise ValueError(f"it has no {key!r}")
    (_, shape, dtype, by_columns, raw) = content[b"data"].state
    if dtype.args[0] not in ("u1", b"u1") or len(shape) != 2 or shape[1] != 3072:
        raise ValueError(f"its data is {dtype.args[0]} of shape {shape}")
    pixels = np.frombuffer(raw, np.uint8).reshape(shape, order="F" if by_columns else "C")
    labels, names = labels_of(content[b"labels"], len(pixels), f"the labels of {file}")
    if names or labels.ndim > 1 or labels.is_floating_point() or bool((labels < 0).any()):
        raise ValueError("its labels are no numbers of classes")
    return pixels, labels
