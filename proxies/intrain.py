"""InTrain: how many directions features use, and how evenly gradients are spread."""

from __future__ import annotations

from math import log
from typing import Literal

import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._activations import watched
from proxies._features import gram
from proxies._gradients import cross_entropy, gradients, layers, total
from proxies._inputs import gaussian

Outputs = Literal["weighted", "relu"]


@PROXIES.register("intrain")
class InTrain(Proxy):
    """Dimensions of features times health of gradients (InTrain, Zhou et al. 2026).

    C is the covariance of a layer's output channels over batch and positions, plus 1e-10 times the
    identity, and g is the gradient of the mean cross entropy by one parameter tensor:

        intrain = γ (1 + o) / log(L + 1),   higher is better,
        γ = Σ_layers log((tr C)² / tr C²),   o = Σ_tensors min(1, std g / (max |g| + 1e-10)),

    where L is the number of layers and all parameter tensors count, also those of norms. Source:
    arXiv:2606.18676, by a description of its formula, for there is no reference code. It does not
    say which outputs are layers, nor which standard deviation. Here they are the outputs of
    convolutions and linear layers (`outputs=weighted`) or of ReLUs (`outputs=relu`), and the
    population's deviation (`unbiased=false`).

    Inputs are N(0, 1) in the batch's shape with random labels, both drawn from the candidate's
    seed, as published for 64 images of 64 pixels; `input=batch` takes the batch and its labels.
    Norms use the statistics of the inputs; `init` says how weights are drawn. The formula counts
    all channels of a constant output as directions, but gives a gradient of 0 no health.
    """

    def __init__(
        self,
        outputs: Outputs = "weighted",
        unbiased: bool = False,
        input: Literal["gaussian", "batch"] = "gaussian",
        init: Init = "default",
    ) -> None:
        self.outputs, self.unbiased = outputs, unbiased
        self.input, self.init = input, init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The product; a `NoScore` if it is not finite."""
        if self.input == "gaussian":
            batch = drawn(candidate, batch)
        model = candidate.model(self.init)
        ratios, loss = directions(model, batch, self.outputs)
        slopes = gradients(loss, list(model.parameters()))
        health = torch.stack([evenness(slope, self.unbiased) for slope in slopes]).double().sum()
        logarithms = torch.stack(ratios).log().sum()
        return total([logarithms * (1 + health) / log(len(ratios) + 1)])


def drawn(candidate: Candidate, like: Batch) -> Batch:
    """A batch of N(0, 1) inputs with random labels, in the shape of another."""
    inputs = gaussian(candidate.generator("inputs"), like.inputs, "intrain")
    seed = torch.randint(2**31, (), generator=candidate.generator("labels"))
    return Batch(inputs, seed=int(seed))


def directions(model: nn.Module, batch: Batch, outputs: Outputs) -> tuple[list[Tensor], Tensor]:
    """The participation ratio of every layer's output, and the loss.

    The ratio (tr C)² / tr C² is 1 if all variance is in one direction of the channels, and the
    number of channels if it is the same in all.
    """
    ratios: list[Tensor] = []

    def visit(output: Tensor, channel: int) -> None:
        ratios.append(ratio(output.detach(), channel))

    if outputs == "relu":
        with watched(len(batch.inputs), lambda each: visit(each, channels(each)), "intrain"):
            return ratios, cross_entropy(model, batch)
    for layer in layers(model):
        layer.register_forward_hook(
            lambda layer, _, output: visit(output, channels(output, layer))
        )
    return ratios, cross_entropy(model, batch)


def channels(output: Tensor, layer: nn.Module | None = None) -> int:
    """The dimension of the channels: 1 in feature maps and outputs of convolutions, else last."""
    maps = output.ndim > 3 if layer is None else not isinstance(layer, nn.Linear)
    return 1 if maps else output.ndim - 1


def ratio(output: Tensor, channel: int) -> Tensor:
    """The participation ratio of an output's channels, in float64."""
    maps = output if channel < output.ndim - 1 else output.flatten(0, channel - 1).T[None]
    centred = maps - maps.mean(dim=[dim for dim in range(maps.ndim) if dim != 1], keepdim=True)
    covariance = gram(centred, centred).double()
    covariance.diagonal().add_(1e-10)
    return covariance.trace().square() / covariance.square().sum()


def evenness(slope: Tensor, unbiased: bool) -> Tensor:
    """min(1, std g / (max |g| + 1e-10)); 0 for a single number."""
    if slope.numel() < 2:
        return slope.new_zeros(())
    spread = slope.std(correction=1 if unbiased else 0)
    return (spread / (slope.abs().max() + 1e-10)).clamp(max=1)
