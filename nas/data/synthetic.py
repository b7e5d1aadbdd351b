"""Inputs made from a seed: images and tokens with the statistics that matter to proxies."""

from __future__ import annotations

import torch

from nas.batch import Batch


def natural_images(shape: tuple[int, int, int], size: int, generator: torch.Generator) -> Batch:
    """Images with the statistics of photographs that matter to proxies, made from a seed.

    Every channel is noise of unit variance whose amplitude falls as 1/frequency. Every image has
    its own random brightness (standard deviation 0.7): this lets epsilon distinguish cells
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
