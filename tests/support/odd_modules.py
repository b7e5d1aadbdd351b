"""Modules as people write them that torch's meta device, one example or a repeat trips over."""

from __future__ import annotations

import random
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

Output = namedtuple("Output", ["logits", "aux_logits"])


class Net(nn.Module):
    """Two convolutions with norms, and two heads of which one is used."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()),
            *(nn.Conv2d(6, 8, 3, 2, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
        )
        self.head, self.aux = nn.Linear(8, 5), nn.Linear(8, 5)

    def features(self, x: Tensor) -> Tensor:
        return self.body(x).mean((2, 3))  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Any:
        return self.head(self.features(x))


class Numbers(Net):
    """Numbers from a tensor, and a parameter from an array, in `__init__`."""

    def __init__(self) -> None:
        super().__init__()
        self.rates = [rate.item() for rate in torch.linspace(0, 0.1, 3)]
        self.gain = nn.Parameter(torch.from_numpy(np.ones(8, np.float32)))
        self.mask = torch.from_numpy(np.linspace(0, 1, 8, dtype=np.float32))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x) * self.gain * self.mask + self.rates[1])  # type: ignore[no-any-return]


class NoDevice(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x) + torch.zeros(len(x), 8))  # type: ignore[no-any-return]


class Branch(Net):
    def forward(self, x: Tensor) -> Tensor:
        y = self.features(x)
        return self.head(2 * y if y.mean() > 0 else y)  # type: ignore[no-any-return]


class Reading(Net):
    """Reads how many numbers are not 0, and an array."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.features(x)
        some = len(y.nonzero()) + float(y.detach().numpy().max())
        return self.head(y) * (1 + some / 1e3)  # type: ignore[no-any-return]


class Lazy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.LazyConv2d(6, 3), nn.LazyBatchNorm2d(), nn.ReLU()),
            *(nn.LazyConv2d(8, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)  # type: ignore[no-any-return]


class Dropping(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.dropout(self.features(x), 0.5, training=True))  # type: ignore[no-any-return]


class Stochastic(Net):
    """Stochastic depth by each of the three global generators."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.features(x)
        scale = 1 + torch.rand(1) + random.random() + np.random.rand()
        return self.head(y * scale)  # type: ignore[no-any-return]


class Gumbel(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x) * F.gumbel_softmax(torch.zeros(8)))  # type: ignore[no-any-return]


class Pair(Net):
    """(features, logits) as in NAS-Bench-201's code."""

    def forward(self, x: Tensor) -> Any:
        y = self.features(x)
        return y, self.head(y)


class Listed(Pair):
    def forward(self, x: Tensor) -> Any:
        return [*super().forward(x)]


class Auxiliary(Net):
    """(logits, auxiliary logits) as in DARTS's code."""

    def forward(self, x: Tensor) -> Any:
        y = self.features(x)
        return self.head(y), self.aux(y)


class NoAuxiliary(Net):
    """(logits, None) as in DARTS's code after training."""

    def forward(self, x: Tensor) -> Any:
        return self.head(self.features(x)), None


class Named(Net):
    def forward(self, x: Tensor) -> Any:
        y = self.features(x)
        return Output(self.head(y), y)


class Dictionary(Net):
    def forward(self, x: Tensor) -> Any:
        y = self.features(x)
        return {"aux": self.aux(y), "out": self.head(y)}


class Nothing(Net):
    def forward(self, x: Tensor) -> Any:
        self.features(x)


def vector_norm(track_running_stats: bool = True) -> nn.Module:
    """A norm on vectors."""
    norm = nn.BatchNorm1d(16, track_running_stats=track_running_stats)
    return nn.Sequential(nn.Linear(20, 16), norm, nn.ReLU(), nn.Linear(16, 5))


def vector_norm_of_the_batch() -> nn.Module:
    """One that has the batch's statistics in evaluation mode, too."""
    return vector_norm(False)


READING: tuple[Callable[[], nn.Module], ...] = (Numbers, NoDevice, Branch, Reading, Lazy)
"""What needs numbers to be built or to run."""
DRAWING: tuple[Callable[[], nn.Module], ...] = (Dropping, Stochastic, Gumbel)
"""What draws while it runs."""
SEVERAL: tuple[Callable[[], nn.Module], ...] = (
    *(Pair, Listed, Auxiliary, NoAuxiliary, Named, Dictionary),
)
"""What returns its logits among other things."""
VECTORS: tuple[Callable[[], nn.Module], ...] = (vector_norm, vector_norm_of_the_batch)
"""What takes vectors of 20 numbers."""
EVERY = (Net, *READING, *DRAWING, *SEVERAL, Nothing, *VECTORS)


def inputs(make: Callable[[], nn.Module], size: int = 4) -> Tensor:
    """Inputs for a module."""
    shape = (20,) if make in VECTORS else (3, 8, 8)
    return torch.randn(size, *shape, generator=torch.Generator().manual_seed(0))
