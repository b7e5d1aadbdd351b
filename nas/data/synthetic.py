"""Inputs made from a seed: images and tokens with the statistics that matter to proxies."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import torch

from nas.batch import Batch

BLOCK = 2**21
"""About how many numbers of images are made at a time."""


def natural_images(shape: tuple[int, int, int], size: int, generator: torch.Generator) -> Batch:
    """Images with the statistics of photographs that matter to proxies, made from a seed.

    Every channel is noise of unit variance whose amplitude falls as 1/frequency. Every image has
    its own random brightness (standard deviation 0.7): this lets epsilon distinguish cells
    (docs/epsilon.md has the correlations with this and other inputs).
    """
    _, height, width = shape
    images = torch.empty(size, *shape)
    rows = torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
    columns = torch.fft.rfftfreq(width, dtype=torch.float64)[None, :]
    frequency = torch.sqrt(rows**2 + columns**2)
    frequency[0, 0] = torch.inf
    state = generator.get_state()
    for block in _blocks(size, prod(shape)):  # the numbers are drawn twice, and never all held
        torch.randn(len(block), *shape, generator=generator, dtype=torch.float64)
    brightness = torch.randn(size, 1, 1, 1, generator=generator, dtype=torch.float64)
    after = generator.get_state()
    generator.set_state(state)
    for block in _blocks(size, prod(shape)):
        noise = torch.randn(len(block), *shape, generator=generator, dtype=torch.float64)
        waves = torch.fft.irfft2(torch.fft.rfft2(noise) / frequency, s=(height, width))
        waves /= waves.square().mean(dim=(2, 3), keepdim=True).sqrt()
        part = slice(block.start, block.stop)
        images[part] = waves + 0.7 * brightness[part]
    generator.set_state(after)
    return Batch(images)


def _blocks(size: int, numbers: int) -> Iterator[range]:
    """The images in blocks of 16 or more, so that a block takes tens of megabytes.

    torch draws normal numbers sixteen at a time: blocks of sixteen images get the same numbers as
    all images at once. What is left over is part of the last block.
    """
    step = max(16, BLOCK // numbers // 16 * 16)
    starts = range(0, max(size - step + 1, 1), step)
    for start in starts:
        yield range(start, size if start == starts[-1] else start + step)


def zipf_tokens(vocabulary: int, tokens: int, size: int, generator: torch.Generator) -> Batch:
    """Tokens (size, tokens) from 0 to vocabulary - 1, drawn independently by Zipf's law.

    Token k has a probability proportional to 1 / (k + 1).
    """
    shares = 1 / torch.arange(1, vocabulary + 1, dtype=torch.float64)
    bounds = (shares / shares.sum()).cumsum(0)
    draws = torch.rand(size, tokens, generator=generator, dtype=torch.float64)
    return Batch(torch.searchsorted(bounds, draws, right=True).clamp_(max=vocabulary - 1))


def suitable(
    shape: tuple[int, ...], vocabulary: int | None, size: int, generator: torch.Generator
) -> Batch:
    """Inputs (size, *shape): tokens if there is a vocabulary, images for three dimensions.

    For every other shape they are N(0, 1) numbers.
    """
    if vocabulary is not None:
        (tokens,) = shape
        return zipf_tokens(vocabulary, tokens, size, generator)
    if len(shape) == 3 and shape[1] * shape[2] > 1:
        channels, height, width = shape
        return natural_images((channels, height, width), size, generator)
    return Batch(torch.randn(size, *shape, generator=generator))
