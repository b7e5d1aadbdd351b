"""A network as data: layers in topological order, each with its operation, inputs and sizes.

The module, the outputs under shared weights, the counts and the drawing all come from this one
description. `ops` has the operations, `graph` the network, `live` its live part; they need no
torch. `module` makes the `nn.Module`, and `initialisation` sets its weights.
"""

from nas.network.graph import Builder, Network
from nas.network.layers import Layer
from nas.network.ops import (
    FLOPS_RULE,
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    Crop,
    GlobalAvgPool,
    Input,
    Linear,
    MaxPool,
    Narrow,
    Op,
    ReLU,
    Scale,
    Shape,
    Sigmoid,
    SiLU,
    Zero,
)

__all__ = [
    "FLOPS_RULE",
    "Add",
    "AvgPool",
    "BatchNorm",
    "Builder",
    "Concat",
    "Conv",
    "Crop",
    "GlobalAvgPool",
    "Input",
    "Layer",
    "Linear",
    "MaxPool",
    "Narrow",
    "Network",
    "Op",
    "ReLU",
    "Scale",
    "Shape",
    "SiLU",
    "Sigmoid",
    "Zero",
]
