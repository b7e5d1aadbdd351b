"""Activations of maps whose scale is apart, however small or large the scale is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import exp, inf

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.collapse.maps import Map
from nas.network import (
    ELU,
    GELU,
    Hardsigmoid,
    Hardswish,
    Mish,
    Op,
    ReLU6,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)

Function = Callable[[Tensor], Tensor]


def _true(part: Map) -> Tensor:
    """The map's channels, in float64 where float32 may not hold them.

    Numbers that float64 cannot hold are infinite.
    """
    values = part.values if abs(part.scale) < 30 else part.values.double()
    return values * exp(min(part.scale, 709.0))


def _gated(gate: Function) -> Callable[[Map], Map]:
    """x times a gate of x: this keeps the scale of x, however small it is."""

    def activation(part: Map) -> Map:
        return replace(part, values=part.values * gate(_true(part)).to(part.values.dtype))

    return activation


def _bounded(function: Function, gate: Function) -> Callable[[Map], Map]:
    """A function that is x times a gate where x is small, and has bounds where it is large."""
    small = _gated(gate)

    def activation(part: Map) -> Map:
        if part.scale <= 0:
            return small(part)
        return Map(function(_true(part)).to(part.values.dtype), 0.0, part.count)

    return activation


def _by_logarithm(logarithm: Function) -> Callable[[Map], Map]:
    """A positive function, with 1 as the largest value: else where x is negative it underflows."""

    def activation(part: Map) -> Map:
        logs = logarithm(_true(part))
        top = logs.max().item()
        if top == -inf:
            return Map(torch.zeros_like(part.values), -inf, part.count)
        return Map((logs - top).exp().to(part.values.dtype), top, part.count)

    return activation


def _share(function: Function, x: Tensor) -> Tensor:
    """f(x) / x, and 1 at 0, for functions with slope 1 there."""
    return torch.where(x == 0, 1.0, function(x) / x)


def _log_softplus(x: Tensor) -> Tensor:
    """log(log(1 + exp(x))), which is x where x is very negative."""
    return torch.where(x < -40, x, F.softplus(x.clamp(-40, 1e300)).log())


ACTIVATIONS: Mapping[type[Op], Callable[[Map], Map]] = {
    ELU: _gated(lambda x: torch.where(x < 0, _share(torch.expm1, x), 1.0)),
    GELU: _gated(lambda x: torch.special.ndtr(x)),
    Hardsigmoid: lambda part: Map(
        F.hardsigmoid(_true(part)).to(part.values.dtype), 0.0, part.count
    ),
    Hardswish: _gated(F.hardsigmoid),
    Mish: _gated(lambda x: F.softplus(x).tanh()),
    ReLU6: _bounded(F.relu6, lambda x: (6 / x.abs()).clamp(max=1) * (x > 0)),
    SiLU: _gated(torch.sigmoid),
    Sigmoid: _by_logarithm(F.logsigmoid),
    Softplus: _by_logarithm(_log_softplus),
    Tanh: _bounded(torch.tanh, lambda x: _share(torch.tanh, x)),
}
"""What each activation makes of a map."""
