"""Where a batch can come from: the sources of the config group `batch`.

A source is a function that takes the space, and its options as keyword arguments, and returns a
batch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch.nn import functional as F

from nas.batch import Batch
from nas.data.registry import SOURCES
from nas.errors import UsageError
from nas.one_module import OneModule
from nas.seeding import generator
from nas.space import Space


@SOURCES.register("natural")
def natural(space: Space, *, size: int = 256, seed: int = 0) -> Batch:
    """The space's own default input."""
    _positive(size, seed)
    return space.batch(size, generator("batch", seed))


@SOURCES.register("noise")
def noise(space: Space, *, size: int = 256, seed: int = 0) -> Batch:
    """Independent N(0, 1) numbers."""
    _positive(size, seed)
    shape = (size, *_numbers_shape(space))
    return Batch(torch.randn(shape, generator=generator("batch", seed)))


@SOURCES.register("ramp")
def ramp(space: Space, *, size: int = 256) -> Batch:
    """The paper's grey ramp: image i is the constant i / size (Gracheva 2024)."""
    _positive(size)
    shape = _numbers_shape(space)
    levels = torch.arange(size, dtype=torch.float32) / size
    return Batch(levels.view(size, *[1] * len(shape)).expand(size, *shape).contiguous())


@SOURCES.register("images")
def images(
    space: Space,
    *,
    path: str,
    size: int = 256,
    statistics: Literal["auto", "cifar10", "cifar100", "imagenet", "unit"] = "auto",
    shuffle: bool | None = None,
    seed: int = 0,
) -> Batch:
    """Images of a file or folder (`nas.data.images`), scaled and resized.

    Subfolders are classes: then as many images of each, drawn from the seed. Else the first ones,
    or with `shuffle` any. Spaces of one channel get grey images.
    """
    from nas.data.images import read, scaled, shape_in

    _positive(size, seed)
    place = Path(path).expanduser()
    unknown = isinstance(space, OneModule) and space.example is None
    shape = shape_in(place) if unknown else image_shape(space)
    found = read(place, size, shape, shuffle, seed)
    inputs = scaled(found.inputs, statistics)
    if inputs.shape[2:] != shape[1:]:
        inputs = F.interpolate(inputs, shape[1:], mode="bilinear", antialias=True)
    remarks = found.remarks
    if unknown and place.is_dir():
        remarks = (f"pictures have the shape of the first one, {shape}", *remarks)
    return Batch(inputs, found.labels, origin=found.origin, remarks=remarks)


@SOURCES.register("arrays")
def arrays(
    space: Space,
    *,
    path: str,
    size: int = 256,
    inputs: str | list[str] | None = None,
    labels: str | None = "auto",
    scaling: Literal["auto", "none", "unit", "standard"] = "auto",
    shuffle: bool = False,
    seed: int = 0,
) -> Batch:
    """Examples of any shape from .npz, .npy, .pt, CSV or Parquet (`nas.data.arrays`).

    They must have the shape of the space's inputs (`nas.data.fitting`), and are tokens if it has a
    vocabulary. The first ones are taken, or with `shuffle` any, drawn from the seed.
    """
    from nas.data.wanted import wanted

    _positive(size, seed)
    found = wanted(
        space,
        Path(path).expanduser(),
        size,
        names=(inputs, labels),
        scaling=scaling,
        draw=seed if shuffle else None,
    )
    return Batch(found.inputs, found.labels, origin=found.origin, remarks=found.remarks)


@SOURCES.register("text")
def text(space: Space, *, path: str, size: int = 256) -> Batch:
    """The first tokens of a text file (`nas.data.text`) in `size` streams, one after the other.

    Token t of stream s is the file's token number (stream length) * s + t. Raises UsageError if
    they contain more different tokens than the space's vocabulary.
    """
    from nas.data.text import read

    _positive(size)
    shape = _shape(space)
    if space.vocabulary is None or len(shape) != 1:
        raise UsageError(
            f"{space.title} takes inputs of shape {shape}, no text: use batch=natural"
        )
    tokens = read(Path(path).expanduser(), size * shape[0])
    if max(tokens) >= space.vocabulary:
        raise UsageError(
            f"the first {len(tokens):,} tokens of {path} are {max(tokens) + 1:,} different ones, "
            f"and the space's vocabulary has {space.vocabulary:,}: take a smaller batch.size or "
            f"space.vocabulary={max(tokens) + 1}"
        )
    return Batch(torch.tensor(tokens).view(size, *shape))


def make_batch(space: Space, name: str = "natural", **options: object) -> Batch:
    """A batch for the space from the named source; raises UsageError for wrong options."""
    return SOURCES.build(name, space, **options)


def image_shape(space: Space) -> tuple[int, int, int]:
    """(channels, height, width) of the space's inputs, with one channel or three.

    Raises UsageError if they are not such images.
    """
    shape = _shape(space)
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise _no_images(space, shape)
    return shape


def _numbers_shape(space: Space) -> tuple[int, ...]:
    """The shape of an example; raises UsageError if it consists of tokens."""
    example = space.batch(1, generator("shape")).inputs
    if not example.is_floating_point():
        raise _no_images(space, tuple(example.shape[1:]))
    return tuple(example.shape[1:])


def _shape(space: Space) -> tuple[int, ...]:
    return tuple(space.batch(1, generator("shape")).inputs.shape[1:])


def _no_images(space: Space, shape: tuple[int, ...]) -> UsageError:
    return UsageError(
        f"{space.title} takes inputs of shape {shape}, no images: use batch=natural, or "
        "batch=arrays for data of your own"
    )


def _positive(size: int, seed: int = 0) -> None:
    if size < 1:
        raise ValueError(f"size={size} must be at least 1")
    if seed < 0:
        raise ValueError(f"seed={seed} must be at least 0")
