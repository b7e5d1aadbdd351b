"""What layers give and are given, by hooks and by hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from tests.support.nets import Residual


def relu_outputs(model: nn.Module, inputs: Tensor) -> list[NDArray[np.float64]]:
    """What every ReLU returns, a row a sample; written out for the net of functions."""
    outputs: list[Tensor] = []
    if isinstance(model, Residual):
        h = model.bn1(model.conv1(inputs))
        outputs.append(h.clamp(min=0))
        h = h + model.bn2(model.conv2(outputs[0]))
        h = F.avg_pool2d(h, 2)
        outputs.append(h.clamp(min=0))
        h = h + model.bn3(model.conv3(outputs[1]))
        outputs.append(model.bn4(h).clamp(min=0))
    else:
        for part in model.modules():
            if isinstance(part, nn.ReLU):
                part.register_forward_hook(lambda _, __, output: outputs.append(output.clone()))
        model(inputs)
    return [output.flatten(1).detach().numpy() for output in outputs]


def pearson(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / scale) if scale else 0.0


def norm_inputs(model: nn.Module) -> list[Tensor]:
    kept: list[Tensor] = []
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.register_forward_pre_hook(lambda _, given: kept.append(given[0].detach()))
    return kept
