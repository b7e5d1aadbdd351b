"""Activations, and dropout: they keep the shape and have no parameters."""

from __future__ import annotations

from dataclasses import dataclass

from nas.network.ops.op import Op


@dataclass(frozen=True, slots=True)
class ReLU(Op):
    """max(x, 0)."""


@dataclass(frozen=True, slots=True)
class ReLU6(Op):
    """min(max(x, 0), 6)."""


@dataclass(frozen=True, slots=True)
class LeakyReLU(Op):
    """x where it is positive, else slope x."""

    slope: float = 0.01


@dataclass(frozen=True, slots=True)
class ELU(Op):
    """x where it is positive, else exp(x) - 1."""


@dataclass(frozen=True, slots=True)
class GELU(Op):
    """x times the normal distribution function of x."""


@dataclass(frozen=True, slots=True)
class SiLU(Op):
    """x / (1 + exp(-x)), also called Swish."""


@dataclass(frozen=True, slots=True)
class Mish(Op):
    """x tanh(log(1 + exp(x)))."""


@dataclass(frozen=True, slots=True)
class Hardswish(Op):
    """x min(max(x + 3, 0), 6) / 6."""


@dataclass(frozen=True, slots=True)
class Sigmoid(Op):
    """1 / (1 + exp(-x))."""


@dataclass(frozen=True, slots=True)
class Hardsigmoid(Op):
    """min(max(x + 3, 0), 6) / 6."""


@dataclass(frozen=True, slots=True)
class Tanh(Op):
    """The hyperbolic tangent."""


@dataclass(frozen=True, slots=True)
class Softplus(Op):
    """log(1 + exp(x))."""


@dataclass(frozen=True, slots=True)
class Softmax(Op):
    """exp(x), divided by its sum along an axis of the example: 0 is the channels, -1 the last."""

    axis: int = -1


@dataclass(frozen=True, slots=True)
class Dropout(Op):
    """Sets numbers to zero with probability `p` while a network trains; scores are without it."""

    p: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise ValueError(f"Dropout was given p={self.p}: it must be from 0 to 1")
