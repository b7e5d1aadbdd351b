"""Writes images of stripes in noise, whose class is the direction: a task on which cells differ.

    python -m benchmarks.stripes stripes.npz [--count 1200] [--size 12] [--noise 80]

A quarter of the images has stripes of each of four directions; phase and noise are drawn from one
seed, so the file is the same everywhere. `docs/results/proxify.md` is measured on it.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

DIRECTIONS = 4


def stripes(count: int, size: int, noise: float) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (count, size, size, 3) and their classes; `noise` is a deviation, of 255."""
    draws = np.random.default_rng(0)
    labels = np.arange(count) % DIRECTIONS
    angles = (labels * np.pi / DIRECTIONS)[:, None, None]
    rows, columns = np.mgrid[:size, :size]
    along = rows * np.cos(angles) + columns * np.sin(angles)
    waves = np.sin(1.3 * along + draws.uniform(0, 2 * np.pi, count)[:, None, None])
    images = 128 + 50 * waves[..., None] + draws.normal(0, noise, (count, size, size, 3))
    return images.clip(0, 255).astype(np.uint8), labels


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--count", type=int, default=1200)
    parser.add_argument("--size", type=int, default=12)
    parser.add_argument("--noise", type=float, default=80)
    options = parser.parse_args()
    images, labels = stripes(options.count, options.size, options.noise)
    np.savez_compressed(options.path, images=images, labels=labels)


if __name__ == "__main__":
    main()
