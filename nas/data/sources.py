"""Where a batch can come from: the sources of the config group `batch`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from torch.nn import functional as F

from nas.batch import Batch
from nas.errors import UsageError, unknown
from nas.registry.options import construct
from nas.seeding import generator as seeded_generator
from nas.space import Space


def natural(space: Space, *, size: int = 256, seed: int = 0) -> Batch:
    """The space's own default input."""
    _positive(size, seed)
    return space.batch(size, seeded_generator("batch", seed))


def noise(space: Space, *, size: int = 256, seed: int = 0) -> Batch:
    """Independent N(0, 1) pixels."""
    _positive(size, seed)
    shape = (size, *image_shape(space))
    return Batch(torch.randn(shape, generator=seeded_generator("batch", seed)))


def ramp(space: Space, *, size: int = 256) -> Batch:
    """The paper's grey ramp: image i is the constant i / size (Gracheva 2024)."""
    _positive(size)
    levels = torch.arange(size, dtype=torch.float32) / size
    return Batch(levels[:, None, None, None].expand(size, *image_shape(space)).contiguous())


def images(
    space: Space,
    *,
    path: str,
    size: int = 256,
    statistics: Literal["auto", "cifar10", "cifar100", "imagenet", "unit"] = "auto",
) -> Batch:
    """The first `size` images of a file or folder (`nas.data.images`), scaled and resized."""
    from nas.data.images import read, scaled

    _positive(size)
    shape = image_shape(space)
    pixels, labels = read(Path(path).expanduser(), size, shape)
    inputs = scaled(pixels, statistics)
    if inputs.shape[2:] != shape[1:]:
        inputs = F.interpolate(inputs, shape[1:], mode="bilinear", antialias=True)
    return Batch(inputs, labels)


def text(space: Space, *, path: str, size: int = 256) -> Batch:
    """The first tokens of a text file (`nas.data.text`) in `size` streams, one after the other.

    Token t of stream s is the file's token number (stream length) * s + t. UsageError where the
    space's vocabulary has fewer tokens than these.
    """
    from nas.data.text import read

    _positive(size)
    shape = tuple(space.batch(1, seeded_generator("shape")).inputs.shape[1:])
    if space.vocabulary is None or len(shape) != 1:
        raise UsageError(
            f"{type(space).__name__} takes inputs of shape {shape}, no text: use batch=natural"
        )
    tokens = read(Path(path).expanduser(), size * shape[0])
    if max(tokens) >= space.vocabulary:
        raise UsageError(
            f"the first {len(tokens):,} tokens of {path} are {max(tokens) + 1:,} different ones, "
            f"and the space's vocabulary has {space.vocabulary:,}: take a smaller batch.size or "
            f"space.vocabulary={max(tokens) + 1}"
        )
    return Batch(torch.tensor(tokens).view(size, *shape))


SOURCES: dict[str, Callable[..., Batch]] = {
    source.__name__: source for source in (natural, images, ramp, noise, text)
}
"""Where a batch can come from, by the names of the config group `batch`."""


def make_batch(space: Space, name: str = "natural", **options: object) -> Batch:
    """A batch for the space from a source by its name; wrong options raise a UsageError."""
    if name not in SOURCES:
        raise unknown("batch", name, SOURCES)
    return construct("batch", name, SOURCES[name], space, **options)


def image_shape(space: Space) -> tuple[int, int, int]:
    """(3, height, width) of the space's inputs; UsageError if they are no images."""
    shape = tuple(space.batch(1, seeded_generator("shape")).inputs.shape[1:])
    if len(shape) != 3 or shape[0] != 3:
        raise UsageError(
            f"{type(space).__name__} takes inputs of shape {shape}, no images: use batch=natural"
        )
    return shape


def _positive(size: int, seed: int = 0) -> None:
    if size < 1:
        raise ValueError(f"size={size} must be at least 1")
    if seed < 0:
        raise ValueError(f"seed={seed} must be at least 0")
