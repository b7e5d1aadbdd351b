"""One-dimensional convolutions for signals of two channels, such as those of a machine.

`python examples/spaces/signals_cnn.py` searches them. The signals are made by a formula: class k
of 4 is a sine of 3 + 2k periods and one of twice as many, with random phases and sizes, plus
noise; in the second channel they are cosines.
"""

from __future__ import annotations

from math import pi

import torch

import nas
from nas import SPACES, Space
from nas.batch import Batch
from nas.network import Builder, Network, ops

LENGTH = 128


@SPACES.register("signals_cnn")
class SignalsCNN(Space):
    """Stages of residual blocks; each stage has half the length and its own kernel."""

    decisions = {"width": (8, 16), "depthwise": (False, True)}
    decisions |= {f"kernel{stage}": (3, 5, 9) for stage in (1, 2, 3)}
    decisions |= {f"depth{stage}": (1, 2) for stage in (1, 2, 3)}
    inputs = (2, LENGTH)

    def network(self, width: int, depthwise: bool, **options: int) -> Network:
        """A stem, three stages, a mean and a linear layer."""
        net, norm = Builder(self.inputs), ops.BatchNorm(width, dims=1)
        stem = (ops.Conv(2, width, 7, padding=3, dims=1), norm, ops.ReLU())
        node = net.mark(net.chain(net.input, *stem))
        groups = width if depthwise else 1
        for stage in (1, 2, 3):
            node, kernel = net.add(ops.MaxPool(2, 2, dims=1), node), options[f"kernel{stage}"]
            conv = ops.Conv(width, width, kernel, 1, kernel // 2, groups=groups, dims=1)
            for _ in range(options[f"depth{stage}"]):
                block = net.chain(node, conv, ops.Conv(width, width, 1, dims=1), norm, ops.ReLU())
                node = net.mark(net.add(ops.Add(), node, block))
        net.chain(node, ops.GlobalAvgPool(), ops.Linear(width, 4))
        return net.build()

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Signals of the formula with their classes, which are equally frequent."""
        labels = torch.arange(size) % 4
        phases, sizes = torch.rand(2, size, 2, 1, generator=generator)
        periods = (3 + 2 * labels)[:, None, None] * torch.tensor([[1.0], [2.0]])
        angles = 2 * pi * (periods * torch.arange(LENGTH) / LENGTH + phases)
        waves = (0.5 + sizes) * torch.stack([angles.sin(), angles.cos()])
        noise = torch.randn(size, 2, LENGTH, generator=generator)
        return Batch(waves.sum(dim=2).transpose(0, 1) + 0.3 * noise, labels)


if __name__ == "__main__":
    found = nas.search("signals_cnn", "zico", budget=20, finals=None)
    print(found.arch, found.best.score)
