"""A network as data: layers in topological order, each with its operation, inputs and sizes.

One description serves the module, the evaluation under shared weights, the counts and the
drawing. `ops` and `graph` need no torch; `module` makes the `nn.Module`.
"""

from nas.network.graph import Builder, Layer, Network
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
