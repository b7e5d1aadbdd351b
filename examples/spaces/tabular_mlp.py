"""Networks for a table: ten columns, three classes.

`python examples/spaces/tabular_mlp.py` searches them. The rows are made by a formula (Friedman
1991, "Multivariate adaptive regression splines"): the columns x1 … x10 are from U(0, 1), and
y = 10 sin(π x1 x2) + 20 (x3 - 1/2)² + 10 x4 + 5 x5 + N(0, 1). The classes are y under 12, to 16.5
and over it: a third of the rows each.
"""

from __future__ import annotations

from math import pi

import torch

import nas
from nas import SPACES, Space
from nas.batch import Batch
from nas.network import Builder, Network, ops

ACTIVATIONS = {"relu": ops.ReLU(), "gelu": ops.GELU()}


@SPACES.register("tabular_mlp")
class TabularMLP(Space):
    """One to four hidden layers of one width, with norms and skips."""

    decisions = {"depth": (1, 2, 3, 4), "width": (16, 32, 64), "activation": ("relu", "gelu")}
    decisions |= {"norm": ("none", "batch", "layer"), "skips": (False, True)}
    inputs = (10,)

    def network(self, depth: int, width: int, activation: str, norm: str, skips: bool) -> Network:
        """Linear layers, each with its norm and activation."""
        after: list[ops.Op] = [ACTIVATIONS[activation]]
        if norm != "none":
            layers = norm == "layer"
            after.insert(0, ops.LayerNorm(width) if layers else ops.BatchNorm(width, dims=1))
        net = Builder(self.inputs)
        node = net.mark(net.chain(net.input, ops.Linear(10, width), *after))
        for _ in range(depth - 1):
            layer = net.chain(node, ops.Linear(width, width), *after)
            node = net.mark(net.add(ops.Add(), node, layer) if skips else layer)
        net.chain(node, ops.Dropout(0.1), ops.Linear(width, 3))
        return net.build()

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Rows of the formula, standardised, with their classes."""
        x = torch.rand(size, 10, generator=generator)
        noise = torch.randn(size, generator=generator)
        y = 10 * torch.sin(pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + noise
        y += 10 * x[:, 3] + 5 * x[:, 4]
        return Batch((x - 0.5) * 12**0.5, (y > 12).long() + (y > 16.5).long())


if __name__ == "__main__":
    found = nas.search("tabular_mlp", "zico", budget=30, finals=None)
    print(found.arch, found.best.score)
