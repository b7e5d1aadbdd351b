"""NASWOT: how differently a network's ReLUs react to the samples of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from platform import machine

import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, NoScore
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._activations import Relus, each_relu, positive, units_of, watching
from proxies._passes import Look, Looking, Pass, Run, seen

EXACT = 2**24
"""Counts up to here are exact in float32."""

BYTES = machine() in ("x86_64", "AMD64") and hasattr(torch, "_int_mm")
"""Whether PyTorch multiplies bytes faster than float32 on this machine's CPU."""


@PROXIES.register("naswot")
class NASWOT(Looking):
    """Log-determinant of how many ReLUs two samples agree on (Mellor et al. 2021).

    c are the samples' 0/1 codes at a ReLU, 1 where its input is positive:

        naswot = log |det K|,   K = sum over ReLUs of c cᵀ + (1 - c)(1 - c)ᵀ,

    where K counts the units on which two samples agree; higher is better. Source: arXiv:2006.04647
    and its reference code. As there, weights have PyTorch's default initialisation, and norms use
    the batch's statistics. It uses no labels and no gradients.

    K is a count, so it is exact on every device. If it is singular (two samples have the same
    code, or there are more samples than dimensions of the codes), there is no score; the reference
    gets minus infinity or a rounding error.
    """

    def __init__(self, init: Init = "default") -> None:
        self.init = init

    def looks(self, batch: Batch) -> Sequence[Look]:
        """The agreement of the samples."""
        return [Agreement(Pass(self.init), "naswot")]

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The log-determinant on the batch."""
        (look,) = self.looks(batch)
        values = torch.linalg.eigvalsh(seen(candidate, batch, look))
        if values[0] <= len(values) * torch.finfo(values.dtype).eps * values[-1]:
            return NoScore("singular kernel: the samples' codes do not differ enough")
        return float(values.log().sum())


@dataclass(frozen=True)
class Agreement(Look):
    """K in float64: the number of ReLU units on which two samples agree."""

    @contextmanager
    def watch(self, run: Run) -> Iterator[tuple[Counts, Relus]]:
        """Counts at every ReLU."""
        counts = Counts(run.inputs)
        with watching(len(run.inputs), counts.add, self.proxy) as relus:
            yield counts, relus

    def result(self, run: Run, found: tuple[Counts, Relus]) -> Tensor:
        """The matrix of all counts; NotApplicableError if there was no ReLU."""
        counts, relus = found
        relus.check()
        return counts.agreeing()


@torch.no_grad()
def agreement(model: nn.Module, inputs: Tensor) -> Tensor:
    """K of a model; see `Agreement`."""
    counts = Counts(inputs)
    each_relu(model, inputs, counts.add, "naswot")
    return counts.agreeing()


class Counts:
    """Counts units on which samples agree.

    This needs one matrix product for each ReLU: c cᵀ counts where both are 1. The units where both
    are 0 are all units except those where at least one is 1.
    """

    def __init__(self, inputs: Tensor) -> None:
        size = len(inputs)
        self.units = 0
        self.both = torch.zeros(size, size, dtype=torch.float64, device=inputs.device)

    def add(self, output: Tensor) -> None:
        """Count the units of a ReLU."""
        codes = positive(units_of(output))
        for first in range(0, codes.shape[1], EXACT):
            part = codes[:, first : first + EXACT]
            if BYTES and part.device.type == "cpu":
                part = part.view(torch.int8)
                if part.shape[1] == 1:  # of one column the product is memory that nothing wrote
                    part = torch.cat([part, torch.zeros_like(part)], dim=1)
                self.both += torch._int_mm(part, part.T)  # the sums are whole numbers of 32 bits
            else:
                part = part.view(torch.uint8).float()
                self.both += part @ part.T
        self.units += codes.shape[1]

    def agreeing(self) -> Tensor:
        """K, of all that was counted."""
        ones = self.both.diagonal()
        return self.units - ones[:, None] - ones[None, :] + 2 * self.both
