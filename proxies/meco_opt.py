"""MeCo with a few random channels of each output."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._inputs import gaussian
from proxies._models import lent
from proxies.meco import on_one_image, smallest_eigenvalues


@PROXIES.register("meco_opt")
class MeCoOpt(Proxy):
    """MeCo on 8 random channels of each output, times C/8 (MeCo_opt, Jiang et al. 2023).

        meco_opt = sum over modules of C/8 · smallest eigenvalue of P_m,   higher is better,

    where C is the number of channels of module m's output, and P_m is the matrix of Pearson
    correlations between 8 of them, drawn anew for each output. All else is as in `meco`. Source:
    MeCo (NeurIPS 2023) and its reference code. That fails on fewer than 8 channels; here they are
    all taken, with factor 1. It uses no labels and no gradients.

    Options: `channels`, another number than 8; `input`, an image from N(0, 1) or the batch's first
    example, as in different scripts of the reference; `resolution`, the drawn image's side, null
    takes the batch's; `init`, how weights are drawn.
    """

    def __init__(
        self,
        channels: int = 8,
        input: Literal["gaussian", "batch"] = "gaussian",
        resolution: int | None = None,
        init: Init = "default",
    ) -> None:
        if channels < 1:
            raise ValueError(f"channels={channels} must be at least 1")
        if resolution is not None and resolution < 1:
            raise ValueError(f"resolution={resolution} must be at least 1")
        if resolution is not None and input == "batch":
            raise ValueError(f"resolution={resolution} is for input=gaussian")
        self.channels, self.input, self.resolution = channels, input, resolution
        self.init = init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum on one image, with channels that are drawn from the candidate's seed."""
        generator = candidate.generator("channels")

        def draw(channels: int) -> Tensor:
            return torch.randperm(channels, generator=generator)[: self.channels]

        image = batch.inputs[:1]
        with lent(candidate, self.init) as model:
            if self.input == "batch":
                return sum(smallest_eigenvalues(model, image, draw), 0.0)
            drawn = candidate.generator("inputs")
            image = gaussian(drawn, image, "meco_opt", resolution=self.resolution)
            return on_one_image(model, image, "meco_opt", draw)
