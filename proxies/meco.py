"""MeCo: how different a network's channels are from each other, on one random image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, NotApplicableError, Proxy, UsageError
from nas.batch import Batch
from nas.errors import TooFewValuesError
from nas.network.initialisation import Init
from proxies._channels import each_output
from proxies._inputs import gaussian
from proxies._models import lent

Draw = Callable[[int], Tensor]
"""Some of a number of channels, as whole numbers from 0."""


@PROXIES.register("meco")
class MeCo(Proxy):
    """Smallest eigenvalues of the channels' correlations, summed over modules (Jiang et al. 2023).

    One image from N(0, 1) goes through the network in training mode. P_m is the matrix of Pearson
    correlations between the output channels of module m (an undefined correlation counts as 0):

        meco = sum over modules of the smallest eigenvalue of P_m,   higher is better.

    Source: MeCo (NeurIPS 2023) and its reference code: every module in `named_modules` counts as
    often as it is called, also containers and the network itself. An output that is not a tensor
    does not count, and an output with one number a channel counts 0. So the score depends on how
    the network is divided into modules: spaces given as layers have one module a layer, but the
    reference's NAS-Bench-201 also has containers, which count their last module again.

    `resolution` is the image's side; null takes the batch's, as in the reference's table for
    NAS-Bench-201 (its other tables take 64). It uses no labels and no gradients.
    """

    def __init__(self, resolution: int | None = None, init: Init = "default") -> None:
        if resolution is not None and resolution < 1:
            raise ValueError(f"resolution={resolution} must be at least 1")
        self.resolution, self.init = resolution, init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum on one image that is drawn from the candidate's seed."""
        generator = candidate.generator("inputs")
        image = gaussian(generator, batch.inputs, "meco", size=1, resolution=self.resolution)
        with lent(candidate, self.init) as model:
            return on_one_image(model, image, "meco")


def on_one_image(model: nn.Module, image: Tensor, proxy: str, draw: Draw | None = None) -> float:
    """The sum over the modules; a UsageError, which names the proxy, if a norm gets one value."""
    try:
        return sum(smallest_eigenvalues(model, image, draw), 0.0)
    except TooFewValuesError as error:
        if image.ndim < 3:
            raise NotApplicableError(
                f"{proxy} runs one example, and this network has a norm on vectors, which needs "
                f"two or more"
            ) from error
        side = image.shape[-1]
        raise UsageError(
            f"{proxy}'s one image of {side} pixels a side leaves some norm a single one: "
            f"use proxy.resolution={2 * side} or more"
        ) from error


def smallest_eigenvalues(model: nn.Module, image: Tensor, draw: Draw | None = None) -> list[float]:
    """One eigenvalue for each module call, in any order; maps of one size are done together.

    With `draw` it is that of the channels that it draws, times how many there are for each.
    """
    maps: defaultdict[torch.Size, list[Tensor]] = defaultdict(list)
    factors: defaultdict[torch.Size, list[float]] = defaultdict(list)

    def visit(channels: Tensor) -> None:
        size = len(channels)
        kept = channels.clone() if draw is None else channels[draw(size).to(channels.device)]
        maps[kept.shape].append(kept)
        factors[kept.shape].append(size / len(kept))

    each_output(model, image, visit)
    if maps and all(shape[1] < 2 for shape in maps):
        raise NotApplicableError(
            "MeCo correlates channels over their places, and in this network every channel is "
            "one number"
        )
    return [
        factor * value
        for shape, group in maps.items()
        for factor, value in zip(
            factors[shape], smallest(torch.stack(group)).tolist(), strict=True
        )
    ]


def smallest(maps: Tensor) -> Tensor:
    """Smallest eigenvalue of each map's Pearson matrix; maps are (maps, channels, pixels).

    Undefined correlations count as 0.
    """
    if maps.shape[2] < 2:
        return maps.new_zeros(len(maps))
    centred = maps - maps.mean(dim=2, keepdim=True)
    covariances = centred @ centred.transpose(1, 2)
    spreads = covariances.diagonal(dim1=1, dim2=2).sqrt()
    correlations = covariances / spreads[:, :, None] / spreads[:, None, :]
    known = correlations.clamp(-1, 1).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    values: Tensor = torch.linalg.eigvalsh(known.double())
    return values[:, 0]
