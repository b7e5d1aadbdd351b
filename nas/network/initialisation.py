"""The weights of a module: random ones, or one number in place of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

Init = Literal["default", "kaiming", "xavier", "normal"]
"""How weights are drawn."""


def initialise(model: nn.Module, init: Init) -> None:
    """Draw the weights of convolutions and linear layers again, from torch's global generator.

    `default` keeps the weights that the modules drew when they were built. The others set biases
    to 0 and draw from:

    - `kaiming`: N(0, 2 / fan-in) (He et al. 2015);
    - `xavier`: N(0, 2 / (fan-in + fan-out)) (Glorot & Bengio 2010);
    - `normal`: N(0, 1).
    """
    if init == "default":
        return
    for part in model.modules():
        if isinstance(part, nn.modules.conv._ConvNd | nn.Linear):
            if init == "kaiming":
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            elif init == "xavier":
                nn.init.xavier_normal_(part.weight)
            else:
                nn.init.normal_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def without_dropout(model: nn.Module) -> None:
    """Turn dropout off, also in training mode: a score must not depend on it."""
    for part in model.modules():
        if isinstance(part, _DropoutNd):
            part.p = 0.0


def constants(model: nn.Module, weight: float) -> Iterator[tuple[nn.Parameter, float]]:
    """Each parameter with its value under one shared weight: 0 if its name is `bias`.

    Embeddings are left out, and parameters that share an embedding's weights too. The model is
    changed: its norms use the statistics of the batch and keep their running statistics, and its
    dropout is off.

    >>> [value for _, value in constants(nn.Linear(2, 3), 0.5)]
    [0.5, 0.0]
    """
    model.eval()
    kept = set(map(id, embeddings(model).values()))
    for part in model.modules():
        if isinstance(part, _NormBase):
            part.train()
            part.momentum = 0.0
        for name, parameter in part.named_parameters(recurse=False):
            if id(parameter) not in kept:
                yield parameter, 0.0 if name == "bias" else weight


def embeddings(model: nn.Module) -> dict[str, Tensor]:
    """The weights of embeddings by name: a shared weight does not replace them.

    >>> list(embeddings(nn.Sequential(nn.Embedding(5, 2), nn.Linear(2, 3))))
    ['0.weight']
    """
    return {
        f"{path}.weight": part.weight
        for path, part in model.named_modules()
        if isinstance(part, nn.Embedding)
    }
