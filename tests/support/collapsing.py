"""A module collapsed and run densely."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from nas import Candidate
from nas.collapse.modules import collapsed_module
from proxies.epsilon import dense
from tests.support.nets import OneModule


def images(size: int = 3, resolution: int = 32, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (size, 3, resolution, resolution)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def collapse(
    make: Callable[[], nn.Module], inputs: Tensor, *weights: float
) -> tuple[list[Tensor], set[str]]:
    """The outputs under each weight, and the notes."""
    candidate, notes = Candidate(OneModule(make), (0,)), set[str]()
    model = partial(candidate.model, as_built=True)
    outputs = collapsed_module(candidate.skeleton, model, inputs, weights, notes)
    return outputs, notes


def densely(make: Callable[[], nn.Module], inputs: Tensor, weight: float) -> Tensor:
    model = Candidate(OneModule(make), (0,)).model(as_built=True)
    return dense(model.to(inputs.dtype), inputs, weight)


def assert_equal(outputs: Tensor, expected: Tensor, tolerance: float = 1e-8) -> None:
    assert outputs.shape == expected.shape
    assert torch.allclose(outputs, expected, rtol=tolerance, atol=tolerance * most(expected))


def most(values: Tensor) -> float:
    return float(values.abs().max())


class Applied(nn.Module):
    """A function of 16 channels: 8 equal ones, the 3 of the image, 5 equal ones; size 6 x 6."""

    def __init__(self, function: Callable[..., Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.conv, self.other = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 5, 1)
        self.function, self.parts = function, nn.ModuleList(parts)
        self.gamma, self.scale = nn.Parameter(torch.ones(16)), nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.conv(x), x, -torch.tanh(self.other(x))], dim=1)
        return self.function(x, *self.parts)
