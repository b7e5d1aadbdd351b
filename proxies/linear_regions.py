"""Linear regions: into how many regions a network's ReLUs divide its inputs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._activations import each_relu, positive, units_of
from proxies._inputs import gaussian
from proxies._models import lent


@PROXIES.register("linear_regions")
class LinearRegions(Proxy):
    """Number of linear regions that samples fall into (TE-NAS, Chen et al. 2021).

        linear_regions = number of distinct patterns of all ReLUs among the samples,

    where a pattern is 1 where a ReLU's output is positive; higher is better. Source:
    arXiv:2102.11535 and its reference code, which sums 1 / (number of samples with the pattern);
    the result is the same. It uses no labels and no gradients.

    The count distinguishes networks only if some patterns are equal. To have equal patterns, the
    reference reduces network and input to one channel, and images to 3x3. Here the network stays
    and the inputs are simple: `samples` images of one grey each, drawn from N(0, 1), `resolution`
    pixels wide (doubled until the windows of the network's pools fit, at most to the batch's own
    size). Signals, volumes and vectors of one number each take the place of images. So it counts
    the regions along a line. With `grey=false` every number is drawn independently; then all 1,000
    patterns differ for every cell of NAS-Bench-201, even with 4 channels and one cell a stage.
    With `resolution=null` it uses the batch, and `samples` and `grey` have no effect.
    """

    def __init__(
        self,
        samples: int = 1000,
        resolution: int | None = 4,
        grey: bool = True,
        init: Init = "default",
    ) -> None:
        if samples < 1 or (resolution is not None and resolution < 1):
            raise ValueError(f"samples={samples} and resolution={resolution} must be at least 1")
        self.samples, self.resolution, self.grey, self.init = samples, resolution, grey, init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The number of regions that the samples are in."""
        if self.resolution is None:
            with lent(candidate, self.init) as model:
                return float(regions(model, batch.inputs))
        sizes = [self.resolution] * (batch.inputs.ndim - 2)  # vectors have no resolution
        return float(self._regions(candidate, batch.inputs, sizes))

    def _regions(self, candidate: Candidate, like: Tensor, sizes: list[int]) -> int:
        one = [1] * len(sizes) if self.grey else sizes
        inputs = gaussian(
            candidate.generator("inputs"),
            like[:, :1] if self.grey else like,
            "linear_regions",
            size=self.samples,
            places=one,
        )
        shape = (self.samples, like.shape[1], *sizes)
        try:
            with lent(candidate, self.init) as model:
                return regions(model, inputs.expand(shape).contiguous())
        except RuntimeError:  # a window does not fit
            whole = [*like.shape[2:]]
            if not sizes or sizes[0] >= max(whole):
                raise
            larger = [2 * size for size in sizes]
            return self._regions(candidate, like, larger if larger[0] < max(whole) else whole)


@torch.no_grad()
def regions(model: nn.Module, inputs: Tensor) -> int:
    """The number of distinct patterns; each is kept as bits."""
    parts: list[np.ndarray[tuple[int, int], np.dtype[np.uint8]]] = []

    def visit(output: Tensor) -> None:
        parts.append(np.packbits(positive(units_of(output)).cpu().numpy(), axis=1))

    each_relu(model, inputs, visit, "linear_regions")
    return len({row.tobytes() for row in np.concatenate(parts, axis=1)})
