"""The flow of one example of ones through the absolute weights of a network."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from nas.batch import Batch
from proxies._gradients import gradients, replace_parts, weights

NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


def positive(model: nn.Module) -> None:
    """Replace every norm by the identity, and take absolute values of all parameters, in float64.

    Their sums span tens of orders of magnitude, so they are computed in float64.
    """
    identity = nn.Identity()
    replace_parts(model, NORMS, lambda _: identity)
    absolute(model)


def absolute(model: nn.Module) -> None:
    """Replace every parameter by its absolute value, in float64."""
    model.double()
    for parameter in model.parameters():
        parameter.detach().abs_()


def flow(model: nn.Module, batch: Batch) -> Tensor:
    """R, the sum of the outputs for one example of ones in the shape of the batch's."""
    ones = torch.ones_like(batch.inputs[:1])
    with torch.enable_grad():
        value: Tensor = model(ones.double() if ones.is_floating_point() else ones).sum()
    return value


def weights_and_slopes(model: nn.Module, batch: Batch) -> Iterator[tuple[Tensor, Tensor]]:
    """W and ∂R/∂W of every convolution and linear layer of a positive model, without a graph."""
    positive(model)
    parameters = weights(model)
    slopes = gradients(flow(model, batch), parameters)
    for weight, slope in zip(parameters, slopes, strict=True):
        yield weight.detach(), slope
