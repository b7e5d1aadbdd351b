"""A search over real trainings: each candidate learns for 20 steps and is measured on the rest."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

import nas
from nas import SPACES, Batch, Space
from nas.data.sources import make_batch


@SPACES.register("small_cnn")
class SmallCNN(Space):
    """Convolutions for small images."""

    decisions = {"depth": (1, 2, 3), "width": (4, 8, 16), "kernel": (1, 3, 5), "norm": (0, 1)}
    inputs = (3, 16, 16)

    def build(self, depth: int, width: int, kernel: int, norm: int) -> nn.Module:
        layers: list[nn.Module] = []
        channels = self.inputs[0]
        for _ in range(depth):
            layers.append(nn.Conv2d(channels, width, kernel, padding="same"))
            layers += [nn.BatchNorm2d(width)] * norm + [nn.ReLU(), nn.MaxPool2d(2)]
            channels = width
        return nn.Sequential(
            *layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, 10)
        )


def images(space: Space) -> Batch:
    """Photographs of ten classes from the folder NAS_DATA, or else stripes of ten directions."""
    photographs = Path(os.environ.get("NAS_DATA", "")) / "cifar10_images.npz"
    if photographs.exists():
        return make_batch(space, "images", path=str(photographs), size=512)
    draws = torch.Generator().manual_seed(0)
    labels = torch.arange(512) % 10
    x, y = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    angles = (labels * torch.pi / 10).view(-1, 1, 1)
    waves = torch.sin(1.5 * (x * angles.cos() + y * angles.sin()))
    noise = torch.randn(512, 3, 16, 16, generator=draws)
    return Batch(waves[:, None] + 2 * noise, labels)


if __name__ == "__main__":
    space = SmallCNN()
    training = nas.PROXIES.build("training", steps=20, lr=0.01)
    with TemporaryDirectory() as folder:
        found = nas.search(
            space,
            training,
            "random",
            batch=images(space),
            budget=12,
            timeout="1m",
            out=Path(folder) / "run",
        )
    print(f"{len(found.trials)} trials of 20 steps each, the search ended {found.ended}")
    print(f"{found.arch} is right about {found.best.score:.0%} of the images kept apart")
