"""What networks are fed while they are scored: inputs, and labels where there are any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.collapse import Inputs
from nas.errors import UsageError, unknown
from nas.registry import construct
from nas.seeding import generator as seeded_generator
from nas.space import Space


@dataclass(frozen=True, eq=False)
class Batch:
    """Inputs (batch, …) and, where the source has them, labels (batch,)."""

    inputs: Tensor
    labels: Tensor | None = None
    seed: int = 0
    """Of the random labels, where a proxy asks for labels and there are none."""
    notes: set[str] = field(default_factory=set)
    """What a proxy was given in place of what it asked for, for the summary."""

    def labels_for(self, classes: int) -> Tensor:
        """Labels (batch,) from 0 to classes - 1: the batch's own, else random ones, noted.

        UsageError where the batch's own labels go further than the network's outputs.
        """
        if self.labels is None:
            self.notes.add("random labels, for the batch has none")
            size = (len(self.inputs),)
            drawn = torch.randint(classes, size, generator=seeded_generator("labels", self.seed))
            return drawn.to(self.inputs.device)
        if int(self.labels.max()) >= classes:
            most = int(self.labels.max())
            raise UsageError(
                f"the batch has the label {most}, the network {classes} outputs: it needs "
                f"{most + 1} or more"
            )
        return self.labels

    def prepared(self, dtype: torch.dtype) -> Inputs:
        """The inputs in a dtype, for `nas.collapse.outputs`; made once for all networks."""
        if dtype not in self._prepared:
            self._prepared[dtype] = Inputs(self.inputs.to(dtype))
        return self._prepared[dtype]

    @cached_property
    def _prepared(self) -> dict[torch.dtype, Inputs]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """Without what another process makes anew."""
        return {name: value for name, value in vars(self).items() if name != "_prepared"}

    def digest(self) -> str:
        """SHA-256 of inputs and labels: files of the same name may change."""
        content = sha256()
        for part in (self.inputs, self.labels):
            if part is not None:
                content.update(part.cpu().contiguous().numpy().tobytes())
        return content.hexdigest()

    def to(self, device: str) -> Batch:
        """The same batch on a device."""
        labels = None if self.labels is None else self.labels.to(device)
        return replace(self, inputs=self.inputs.to(device), labels=labels)


def natural_images(shape: tuple[int, int, int], size: int, generator: torch.Generator) -> Batch:
    """Images with the statistics of photographs that matter to proxies, made from a seed.

    Every channel is noise of unit variance whose amplitude falls as 1/frequency; every image has
    a brightness of its own (standard deviation 0.7), which is what lets epsilon tell cells apart
    (docs/epsilon.md has the correlations with this and other inputs).
    """
    channels, height, width = shape
    noise = torch.randn(size, channels, height, width, generator=generator, dtype=torch.float64)
    rows = torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
    columns = torch.fft.rfftfreq(width, dtype=torch.float64)[None, :]
    frequency = torch.sqrt(rows**2 + columns**2)
    frequency[0, 0] = torch.inf
    waves = torch.fft.irfft2(torch.fft.rfft2(noise) / frequency, s=(height, width))
    waves /= waves.square().mean(dim=(2, 3), keepdim=True).sqrt()
    brightness = torch.randn(size, 1, 1, 1, generator=generator, dtype=torch.float64)
    return Batch((waves + 0.7 * brightness).float())


def zipf_tokens(vocabulary: int, tokens: int, size: int, generator: torch.Generator) -> Batch:
    """Tokens (size, tokens) from 0 to vocabulary - 1, each drawn for itself by Zipf's law.

    Token k, being the (k + 1)-th most frequent, has a probability proportional to 1 / (k + 1).
    """
    shares = 1 / torch.arange(1, vocabulary + 1, dtype=torch.float64)
    bounds = (shares / shares.sum()).cumsum(0)
    draws = torch.rand(size, tokens, generator=generator, dtype=torch.float64)
    return Batch(torch.searchsorted(bounds, draws, right=True).clamp_(max=vocabulary - 1))


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
    """The first `size` images of a file or folder (`nas.images`), scaled and resized."""
    from nas.images import read, scaled

    _positive(size)
    shape = image_shape(space)
    pixels, labels = read(Path(path).expanduser(), size, shape)
    inputs = scaled(pixels, statistics)
    if inputs.shape[2:] != shape[1:]:
        inputs = F.interpolate(inputs, shape[1:], mode="bilinear", antialias=True)
    return Batch(inputs, labels)


def text(space: Space, *, path: str, size: int = 256) -> Batch:
    """The first tokens of a text file (`nas.text`) in `size` streams, one after the other.

    Token t of stream s is the file's token number (stream length) * s + t. UsageError where the
    space's vocabulary has fewer tokens than these.
    """
    from nas.text import read

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
