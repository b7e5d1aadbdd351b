"""Dextr: how well-conditioned a network's features are, and how strongly its outputs curve."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from math import isfinite, log1p

import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, NoScore, NotApplicableError, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._batch_norm import Apart
from proxies._channels import each_output
from proxies._gradients import gradients, replace_parts
from proxies._inputs import gaussian
from proxies._pools import smooth_pools

OUTPUTS = 10
"""The number of outputs that are drawn, with repetition."""


@PROXIES.register("dextr")
class Dextr(Proxy):
    """Conditions of the features and curvature of the outputs (Dextr, Asthana et al. 2025).

        dextr = A B / (A + B),   A = log(1 + Σ s_min / s_max),   B = log(1 + κ),

    higher is better. The sum is over the outputs of all modules, each as a matrix (channels,
    pixels) of the first example with singular values s; a vector counts 1, zeros count 0. κ =
    √(|v|² |a|² - (v·a)²) / |v|³ is the curvature at t = 0 of 10 outputs, drawn with repetition, on
    the circle of inputs x(t) = u₀ cos t + u₁ sin t with orthonormal u₀ and u₁ of a random plane; v
    and a are the first and second derivative by t. If the outputs do not move, the score is A, as
    in the reference code. Source: arXiv:2508.12977 and that code: every module in `named_modules`
    counts as often as it is called, also containers and the network itself, and norms use the
    statistics of the batch, which is a single image on the circle. It uses no labels.

    Options: `samples`, how many examples of the batch go through the network together for A, of
    which the first counts (only norms see the others); `resolution`, the side of the images on the
    circle in pixels: null takes the batch's, the reference's script for NAS-Bench-201 takes 64;
    `init`, how weights are drawn.
    """

    def __init__(
        self, samples: int = 1, resolution: int | None = None, init: Init = "default"
    ) -> None:
        if samples < 1:
            raise ValueError(f"samples={samples} must be at least 1")
        if resolution is not None and resolution < 1:
            raise ValueError(f"resolution={resolution} must be at least 1")
        self.samples, self.resolution, self.init = samples, resolution, init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """A B / (A + B) with a plane and outputs that are drawn from the candidate's seed."""
        generator = candidate.generator("inputs")
        drawn = gaussian(generator, batch.inputs, "dextr", size=2, resolution=self.resolution)
        model = candidate.model(self.init)
        conditions = inverse_conditions(model, batch.inputs[: self.samples])

        def draw(outputs: int) -> Tensor:
            return torch.randint(outputs, (OUTPUTS,), generator=generator)

        bend = curvature(*derivatives(model, orthonormal(drawn), draw))
        return dextr(sum(conditions), bend)


def dextr(conditions: float, bend: float) -> float:
    """The score for the sum of the modules' inverse conditions and the curve's curvature."""
    if not isfinite(conditions):
        return NoScore("not finite")
    features, curve = log1p(conditions), log1p(bend)
    if not isfinite(curve):
        return features
    if features + curve == 0:
        return NoScore("all features are 0")
    return features * curve / (features + curve)


def inverse_conditions(model: nn.Module, inputs: Tensor) -> list[float]:
    """Smallest by largest singular value for each module call, in any order; NaN if not finite."""
    maps: defaultdict[torch.Size, list[Tensor]] = defaultdict(list)

    def visit(channels: Tensor) -> None:
        short = channels if channels.shape[0] <= channels.shape[1] else channels.T
        maps[short.shape].append(short.double())

    each_output(model, inputs, visit)
    return [
        value
        for group in maps.values()
        for value in _inverse_conditions(torch.stack(group)).tolist()
    ]


def _inverse_conditions(maps: Tensor) -> Tensor:
    """Of matrices (maps, rows, columns) in float64 with no more rows than columns."""
    squares = maps @ maps.transpose(1, 2)
    finite = squares.isfinite().all(dim=2).all(dim=1)
    values = torch.linalg.eigvalsh(squares.nan_to_num(0.0, 0.0, 0.0)).clamp(min=0)
    ratios = (values[:, 0] / values[:, -1]).sqrt().nan_to_num(nan=0.0)
    return torch.where(finite, ratios, torch.nan)


def orthonormal(drawn: Tensor) -> Tensor:
    """Two inputs of norm 1 that are orthogonal to each other, in the plane of two given ones."""
    first, second = drawn.double().flatten(1).unbind()
    first = first / first.norm()
    second = second - (first @ second) * first
    plane = torch.stack((first, second / second.norm()))
    return plane.to(drawn.dtype).reshape(drawn.shape)


def derivatives(
    model: nn.Module, plane: Tensor, draw: Callable[[int], Tensor]
) -> tuple[Tensor, Tensor]:
    """First and second derivative by t, at 0, of outputs of plane[0] cos t + plane[1] sin t.

    `draw` is given the number of outputs and returns which ones (10 whole numbers).
    Every output has its own copy of the image and its own t, and norms treat the copies apart. So
    one pass forward, one back and one back through the gradient are enough. Forward derivatives
    are no choice: of a batch norm, PyTorch 2.13 gives a second one that is wrong.
    """
    replace_parts(model, nn.modules.batchnorm._BatchNorm, Apart)
    smooth_pools(model)
    model.requires_grad_(False)
    t = torch.zeros(OUTPUTS, dtype=plane.dtype, device=plane.device, requires_grad=True)
    with torch.enable_grad():
        angles = t.view(-1, *[1] * (plane.ndim - 1))
        curve = model(plane[0] * angles.cos() + plane[1] * angles.sin()).flatten(1)
        if curve.shape[1] < 2:
            raise NotApplicableError(
                "dextr looks at a curve of outputs: it needs a network of two outputs or more"
            )
        places = draw(curve.shape[1]).to(curve.device)
        (velocity,) = gradients(curve.gather(1, places[:, None]).sum(), [t], graph=True)
        (acceleration,) = gradients(velocity.sum(), [t])
    return velocity.detach(), acceleration


def curvature(velocity: Tensor, acceleration: Tensor) -> float:
    """The curvature of a curve with these derivatives; NaN if it does not move."""
    v, a = velocity.double(), acceleration.double()
    area = ((v @ v) * (a @ a) - (v @ a) ** 2).clamp(min=0).sqrt()
    return float(area / (v @ v) ** 1.5)
