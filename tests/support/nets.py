"""Small nets and inputs that the oracles' README gives as closed formulas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from nas import Space
from nas.batch import Batch


class OneModule(Space):
    """A space of one architecture, given as a module and not as layers."""

    choices: tuple[int, ...] = (1,)

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        self.make = make

    def build(self, arch: tuple[int, ...]) -> nn.Module:
        assert arch == (0,)
        return self.make()

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        return Batch(torch.randn(size, 3, 16, 16, generator=generator))

    def parse(self, text: str) -> tuple[int, ...]:
        raise ValueError(text)

    def format(self, arch: tuple[int, ...]) -> str:
        return str(arch)


class Tiny(nn.Module):
    """The oracles' net «tiny»: convolutions, norms and ReLUs in a chain, weights by a formula."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.conv1, self.bn1, self.relu1 = conv(3, 8), nn.BatchNorm2d(8), nn.ReLU()
        self.conv2, self.bn2, self.relu2 = conv(8, 8), nn.BatchNorm2d(8), nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.conv3, self.bn3, self.relu3 = conv(8, 16), nn.BatchNorm2d(16), nn.ReLU()
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 10)
        layers: list[nn.Conv2d | nn.Linear] = [self.conv1, self.conv2, self.conv3, self.fc]
        for number, layer in enumerate(layers, start=1):
            k = np.arange(layer.weight.numel())
            weights = torch.from_numpy(0.25 * np.sin(0.37 * (k * k) + 1.3 * number))
            layer.weight.data = weights.view(layer.weight.shape)
        self.fc.bias.data = torch.from_numpy(0.1 * np.sin(0.9 * np.arange(10) + 0.4))
        self.to(dtype)  # computed in float64, then rounded

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu1(self.bn1(self.conv1(x)))
        x = self.relu2(self.bn2(self.conv2(x)))
        x = self.relu3(self.bn3(self.conv3(self.pool(x))))
        logits: Tensor = self.fc(self.gap(x).flatten(1))
        return logits


class Residual(nn.Module):
    """The oracles' net «res»."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = conv(3, 8), conv(8, 8), conv(8, 8)
        norms = [nn.BatchNorm2d(8, track_running_stats=False) for _ in range(4)]
        self.bn1, self.bn2, self.bn3, self.bn4 = norms
        self.fc = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.bn1(self.conv1(x))
        h = h + self.bn2(self.conv2(torch.relu(h)))
        h = torch.nn.functional.avg_pool2d(h, 2)
        h = h + self.bn3(self.conv3(torch.relu(h)))
        logits: Tensor = self.fc(torch.relu(self.bn4(h)).mean(dim=(2, 3)))
        return logits


def conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


def formula_batch(first: int = 0, size: int = 16, resolution: int = 16) -> Batch:
    """The formula's images first … first + size - 1 in float64: batch A is 0 … 15, B 16 … 31.

    Labels are n mod 10.
    """
    n = np.arange(first, first + size)[:, None, None, None]
    c = np.arange(3)[None, :, None, None]
    i = np.arange(resolution)[None, None, :, None]
    j = np.arange(resolution)[None, None, None, :]
    waves = np.sin(0.2 * (n + 1) * (i + 1) + 0.35 * (c + 1) * (j + 1))
    pixels = waves + 0.5 * np.cos(0.11 * (i + 1) * (j + 1) + 0.7 * n * (c + 1))
    return Batch(torch.from_numpy(pixels), torch.arange(first, first + size) % 10)


class Tied(nn.Module):
    """An embedding whose table is the weight of the head, too."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(50, 8), nn.Linear(8, 50, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.embedding(x).mean(1))  # type: ignore[no-any-return]
