"""Fisher: how much the removal of each channel would change the loss, to second order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from nas import PROXIES, Candidate
from nas.batch import Batch
from nas.network.initialisation import Init
from nas.network.module import NetworkModule
from proxies._gradients import Layer, layers, total
from proxies._passes import Look, Looking, Pass, Run, seen


@PROXIES.register("fisher")
class Fisher(Looking):
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

    def looks(self, batch: Batch) -> Sequence[Look]:
        """The information of every layer."""
        return [Information(Pass(self.init), "fisher")]

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the layers."""
        (look,) = self.looks(batch)
        return total(seen(candidate, batch, look))


@dataclass(frozen=True)
class Information(Look):
    """Every layer's part of the sum, from the last layer that ran to the first."""

    backward: ClassVar[Literal["", "sum", "loss"]] = "loss"

    @contextmanager
    def watch(self, run: Run) -> Iterator[dict[int, Tensor]]:
        """A hook sums each gradient at once, so that none is kept."""
        parts: dict[int, Tensor] = {}
        in_place = not isinstance(run.model, NetworkModule)
        count = 0

        def look(layer: nn.Module, _: object, output: Tensor) -> Tensor | None:
            nonlocal count
            assert isinstance(layer, Layer)
            number, count = count, count + 1
            if not output.requires_grad:
                run.leaves.append(output.requires_grad_())
            values = output.detach()

            def sum_up(slope: Tensor) -> None:
                if run.differentiated[-1] == self.backward:
                    parts[number] = information(layer, values, slope)

            output.register_hook(sum_up)  # type: ignore[no-untyped-call]
            return output.clone() if in_place else None  # the next layer may write into its input

        hooks = [layer.register_forward_hook(look) for layer in layers(run.model)]
        yield parts
        for hook in hooks:
            hook.remove()

    def result(self, run: Run, found: dict[int, Tensor]) -> list[Tensor]:
        """The parts of the layers that the loss depends on."""
        return [found[number] for number in sorted(found, reverse=True)]


def information(layer: Layer, output: Tensor, slope: Tensor) -> Tensor:
    """One layer's part of the sum."""
    channel = output.ndim - 1 if isinstance(layer, nn.Linear) else 1
    places = [dim for dim in range(1, output.ndim) if dim != channel]
    effects = output * slope
    if places:
        effects = effects.sum(places)
    return 0.5 * effects.square().mean(0).sum() * (layer.weight.numel() / output.shape[channel])
