"""The shortest space: named decisions, the shape of one example, and a `build`.

`python examples/mlp.py` searches it. On the command line, a variable names the module:
`NAS_PLUGINS=mlp PYTHONPATH=examples nas search space=mlp`.
"""

from __future__ import annotations

from torch import nn

import nas
from nas import SPACES, Space

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}


@SPACES.register("mlp")
class MLP(Space):
    """Networks of one to three hidden layers on 16 numbers, with 10 outputs."""

    decisions = {"depth": (1, 2, 3), "width": (32, 64, 128), "activation": ("relu", "gelu")}
    inputs = (16,)  # shape of one example

    def build(self, depth: int, width: int, activation: str) -> nn.Module:
        """The network that these options name, with fresh weights."""
        layers: list[nn.Module] = [nn.Linear(16, width), ACTIVATIONS[activation]()]
        for _ in range(depth - 1):
            layers += [nn.Linear(width, width), ACTIVATIONS[activation]()]
        return nn.Sequential(*layers, nn.Linear(width, 10))


if __name__ == "__main__":
    found = nas.search("mlp", "synflow", budget=18)
    print(found.arch, found.best.score)
