"""L-SWAG: steady gradients times activation patterns, in an interval of depth."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, inf, isnan

import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, NoScore, UsageError
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._activations import each_relu
from proxies._gradients import layers, total
from proxies._models import lent
from proxies._passes import Looking, Slopes, seen, slopes_of_parts
from proxies.swap import Activations, distinct, positives, signs


@PROXIES.register("l_swag")
class LSWAG(Looking):
    """Steadiness of gradients times number of activation patterns (L-SWAG, Casarin et al. 2025).

    Over the convolutions and linear layers in the interval from `start` to `stop`:

        l_swag = (Σ_layers log Σ_w 1 / std |g_w|) · ψ,   higher is better,

    where g are the gradients of the mean cross entropy of each of `parts` equal parts of the
    batch, std is the population standard deviation over the parts, and ψ is the number of distinct
    patterns of the ReLU units of these layers, each pattern over the first `samples` samples (see
    `swap`). A ReLU is of the layer that ran last before it. Weights whose gradient does not vary
    are left out, and so are layers without other weights.

    Source: arXiv:2505.07300, by its text, for there is no reference code. The paper chooses an
    interval for each benchmark: percentiles of depth where the statistics of random networks are
    largest. `start` and `stop` are shares of the layers in the order of the model: of 20 layers,
    start=0.25 stop=0.5 takes the 6th to the 10th. The default is all layers. With
    `activations=universal` GELUs and SiLUs count, too, as in `swap`. Norms use the statistics of
    their part; `init` says how weights are drawn.
    """

    def __init__(
        self,
        start: float = 0.0,
        stop: float = 1.0,
        parts: int = 2,
        samples: int = 16,
        activations: Activations = "relu",
        init: Init = "default",
    ) -> None:
        if not 0 <= start < stop <= 1:
            raise ValueError(f"start={start} must be less than stop={stop}, and both from 0 to 1")
        if parts < 2:
            raise ValueError(f"parts={parts} must be at least 2")
        if samples < 1:
            raise ValueError(f"samples={samples} must be at least 1")
        self.start, self.stop, self.parts, self.samples = start, stop, parts, samples
        self.activations, self.init = activations, init

    def looks(self, batch: Batch) -> Sequence[Slopes]:
        """The gradients of the parts' losses."""
        return slopes_of_parts(batch, self.parts, self.init, "l_swag")

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The product on the batch."""
        size = len(batch.inputs)
        if size < 2 * self.parts:
            raise UsageError(
                f"l_swag with parts={self.parts} needs a batch of {2 * self.parts} or more, "
                f"this one has {size}"
            )
        with lent(candidate, self.init) as model:
            chosen = interval(len(layers(model)), self.start, self.stop)
            units = patterns(model, batch.inputs[: self.samples], chosen, self.activations)
        if not units:
            return NoScore("no activation in the interval of depth")
        parts = [seen(candidate, batch, look) for look in self.looks(batch)]
        slopes = [[slope for _, slope in part[chosen.start : chosen.stop]] for part in parts]
        terms = [term for term in steadiness(slopes) if term != -inf]
        if not terms:
            return NoScore("no gradient varies")
        sum_of_layers = total(terms)
        return sum_of_layers if isnan(sum_of_layers) else sum_of_layers * units


def interval(count: int, start: float, stop: float) -> range:
    """The layers that are at least in part between two shares of all layers."""
    return range(floor(round(start * count, 6)), ceil(round(stop * count, 6)))


def steadiness(slopes: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """log Σ_w 1 / std |g_w| of each layer; minus infinity where no gradient varies.

    The gradients are those of each part of the batch.

    In float64, because the square of a small gradient is 0 in float32, and the reciprocal of a
    small deviation infinite.
    """
    found = []
    for layer in zip(*slopes, strict=True):
        spread = torch.stack(layer).double().abs_().std(dim=0, correction=0)
        found.append(torch.where(spread != 0, 1 / spread, 0).sum().log())
    return found


@torch.no_grad()
def patterns(model: nn.Module, inputs: Tensor, chosen: range, activations: Activations) -> int:
    """The number of distinct patterns of the chosen layers' units; 0 if they have none."""
    parts: list[Tensor] = []
    smooth = activations == "universal"
    digits = signs if smooth else positives
    latest = 0
    hooks = []

    def visit(output: Tensor) -> None:
        if latest in chosen:
            parts.append(digits(output))

    def ran(number: int) -> None:
        nonlocal latest
        latest = number

    for number, layer in enumerate(layers(model)):
        hooks.append(layer.register_forward_hook(lambda *_, number=number: ran(number)))
    each_relu(model, inputs, visit, "l_swag", smooth=smooth)
    for hook in hooks:
        hook.remove()
    return distinct(parts) if parts else 0
