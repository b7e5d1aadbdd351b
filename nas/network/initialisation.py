"""Ways to draw weights, where the literature varies them."""

from __future__ import annotations

from typing import Literal

from torch import nn

Init = Literal["default", "kaiming", "xavier", "normal"]
"""How weights are drawn."""


def initialise(model: nn.Module, init: Init) -> None:
    """Draw the weights of convolutions and linear layers anew, from torch's own generator.

    `default` leaves what the modules drew themselves; `kaiming` is N(0, 2 / fan-in) (He et al.
    2015), `xavier` N(0, 2 / (fan-in + fan-out)) (Glorot & Bengio 2010), `normal` N(0, 1); with
    these biases are 0.
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
