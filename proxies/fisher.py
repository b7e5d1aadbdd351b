"""Fisher: how much the removal of each channel would change the loss, to second order."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._gradients import Layer, cross_entropy, layers, total


@PROXIES.register("fisher")
class Fisher(Proxy):
    """Sum of the channels' Fisher information after one backward pass (Turner et al. 2020).

        fisher = Σ_layers (weights per channel) Σ_channels |½ mean_n (Σ_hw a · ∂L/∂a)²|,
        higher is better,

    where a are the outputs of convolutions and linear layers, including the bias, n the examples
    and L their mean cross entropy. Source: arXiv:1906.04113; zero-cost-nas (Abdelfattah et al.
    2021, arXiv:2101.08134) makes it a score of networks and gives every weight its channel's
    value. L is a mean, so the score falls with the size of the batch: compare networks on the same
    batch. Norms use the statistics of the batch. The classifier's output has a gradient in every
    network, so a cell without a path has a small score, not 0. Option: `init`, how weights are
    drawn.
    """

    def __init__(self, init: Init = "default") -> None:
        self.init = init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the layers."""
        model = candidate.model(self.init)
        model.requires_grad_(False)  # only gradients of outputs are needed
        parts: list[Tensor] = []

        def watch(layer: nn.Module, _: object, output: Tensor) -> Tensor:
            assert isinstance(layer, Layer)
            values = output.requires_grad_().detach()
            # a hook sums each gradient at once, so that none is kept
            output.register_hook(  # type: ignore[no-untyped-call]
                lambda slope: parts.append(information(layer, values, slope))
            )
            return output.clone()  # the next layer may write into its input

        for layer in layers(model):
            layer.register_forward_hook(watch)
        loss = cross_entropy(model, batch)
        if loss.requires_grad:
            torch.autograd.backward(loss)
        return total(parts)


def information(layer: Layer, output: Tensor, slope: Tensor) -> Tensor:
    """One layer's part of the sum."""
    channel = output.ndim - 1 if isinstance(layer, nn.Linear) else 1
    places = [dim for dim in range(1, output.ndim) if dim != channel]
    effects = output * slope
    if places:
        effects = effects.sum(places)
    return 0.5 * effects.square().mean(0).sum() * (layer.weight.numel() / output.shape[channel])
