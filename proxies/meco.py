"""MeCo: how far a network's channels are from repeating each other, on one random image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, Proxy, UsageError
from nas.batch import Batch
from nas.initialisation import Init
from proxies._inputs import gaussian


@PROXIES.register("meco")
class MeCo(Proxy):
    """Smallest eigenvalues of the channels' correlations, summed over modules (Jiang et al. 2023).

    One image from N(0, 1) goes through the network in training mode; with P_m the matrix of
    Pearson correlations between the channels that module m makes of it (no number counts as 0),

        meco = sum over modules of the smallest eigenvalue of P_m,   higher is better.

    Source: MeCo (NeurIPS 2023) and its reference code: every module in `named_modules` counts as
    often as it is called, whatever it does, containers and the network itself too; what is no
    tensor does not count, and an output with one number a channel counts 0. So the score depends
    on how a network is cut into modules: spaces given as layers have one a layer, where the
    reference's NAS-Bench-201 has containers that count their last module again.

    `resolution` is the image's side; null is the batch's, as in the reference's table for
    NAS-Bench-201 (elsewhere it takes 64). No labels, no gradients.
    """

    def __init__(self, resolution: int | None = None, init: Init = "default") -> None:
        if resolution is not None and resolution < 1:
            raise ValueError(f"resolution={resolution} must be at least 1")
        self.resolution, self.init = resolution, init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum on an image of the candidate's own."""
        generator = candidate.generator("inputs")
        image = gaussian(generator, batch.inputs, "meco", size=1, resolution=self.resolution)
        try:
            return sum(smallest_eigenvalues(candidate.model(self.init), image), 0.0)
        except ValueError as error:
            if "more than 1" not in str(error):  # which is what norms say to a single pixel
                raise
            side = image.shape[-1]
            raise UsageError(
                f"meco's one image of {side} pixels a side leaves some norm a single one: "
                f"use proxy.resolution={2 * side} or more"
            ) from error


@torch.no_grad()
def smallest_eigenvalues(model: nn.Module, image: Tensor) -> list[float]:
    """One a module, in the order in which they are done."""
    values: list[float] = []

    def hook(_: nn.Module, __: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim > 1:
            values.append(smallest_eigenvalue(output[0].reshape(output.shape[1], -1)))

    for module in model.modules():
        module.register_forward_hook(hook)
    model(image)
    return values


def smallest_eigenvalue(channels: Tensor) -> float:
    """Of the Pearson matrix of the rows, with 0 for what is no number."""
    if channels.shape[1] < 2:
        return 0.0
    if len(channels) < 2:
        return 1.0 if channels.var() > 0 else 0.0
    correlations = torch.corrcoef(channels).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    return float(torch.linalg.eigvalsh(correlations.double())[0])
