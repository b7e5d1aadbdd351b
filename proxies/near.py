"""NEAR: the effective ranks of the outputs of a network's layers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from statistics import fmean

import torch
from torch import Tensor, nn
from torch.nn.modules import activation

from nas import PROXIES, Candidate, NoScore, NotApplicableError, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from nas.seeding import number
from proxies._models import lent

ACTIVATIONS = tuple(getattr(activation, name) for name in activation.__all__)
Draw = Callable[[int], int]
"""A whole number from 0 to below the given one, which is 1 or more."""


@PROXIES.register("near")
class NEAR(Proxy):
    """Effective ranks of the layers' outputs, summed (NEAR, Husistein et al. 2025).

        near = sum over layers of exp(-sum p log p),   p = s / sum s,   higher is better,

    where s are the singular values of a C x C matrix: C positions in a row of the layer's output,
    each with its C channels; the place of the window is drawn. Source: arXiv:2408.08776 and its
    reference code. As there, layers are all modules with a `weight` (convolutions, linear layers,
    norms) and the modules of `torch.nn`'s activations; norms use the batch's statistics; positions
    go over examples, columns and rows of the image, in this order; a window begins at a multiple
    of the image's height. A layer gathers the positions of one pass of `samples` examples after
    the other until it has C or more; a window that passes the end, and a layer that never gets C
    positions, have fewer rows. A matrix of zeros counts 0. Of an output (batch, …, channels) that
    is no map of channels, each position is a row. Functions like `F.relu` are no modules and do
    not count. It uses no labels and no gradients.

    Options: `repetitions`, over how many draws of weights and windows the score is the mean. The
    paper takes 32, and 1 is enough to rank: one draw's standard deviation is 3.6 % of the score of
    a NAS-Bench-201 cell, that of a mean of 4 is 1.8 %, of 32 .6 %; but the cells' scores vary by
    67 %, and over 40 of them ρ with CIFAR-10 is .831 with one draw and .833 with 32. `samples`,
    how many examples go through the network together; the reference's example takes 1, with which
    ρ over 100 cells is .845, with 16 it is .870 in less time. `init`, how weights are drawn.
    """

    def __init__(self, repetitions: int = 1, samples: int = 16, init: Init = "default") -> None:
        if repetitions < 1:
            raise ValueError(f"repetitions={repetitions} must be at least 1")
        if samples < 1:
            raise ValueError(f"samples={samples} must be at least 1")
        self.repetitions, self.samples, self.init = repetitions, samples, init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The mean over the repetitions; a `NoScore` if an output is not finite."""
        sums = []
        for repetition in range(self.repetitions):
            drawn = candidate
            if repetition:
                drawn = candidate.under(number("repetition", candidate.seed, repetition))
            generator = drawn.generator("windows")

            def draw(below: int, generator: torch.Generator = generator) -> int:
                return int(torch.randint(below, (), generator=generator))

            parts = torch.split(batch.inputs, self.samples)
            with lent(drawn, self.init) as model:
                ranks = effective_ranks(windows(model, parts, draw))
            if not ranks.isfinite().all():
                return NoScore("not finite")
            sums.append(float(ranks.sum()))
        return fmean(sums)


@torch.no_grad()
def windows(model: nn.Module, parts: Iterable[Tensor], draw: Draw) -> list[Tensor]:
    """One matrix (C or fewer rows, C channels) for each layer that runs, in the layers' order."""
    gathered: dict[nn.Module, Tensor] = {}
    finished: dict[nn.Module, Tensor] = {}

    def hook(layer: nn.Module, _: object, output: object) -> None:
        if isinstance(output, tuple):
            output = output[0]
        if layer in finished or not isinstance(output, Tensor) or output.ndim < 2:
            return
        rows = positions(output)
        if layer in gathered:
            rows = torch.cat((gathered.pop(layer), rows))
        if len(rows) < rows.shape[1]:
            gathered[layer] = rows.clone()  # the next layer may work in place
        else:
            finished[layer] = window(rows, output.shape[-1], draw).clone()

    layers = [part for part in model.modules() if is_layer(part)]
    hooks = [layer.register_forward_hook(hook) for layer in layers]
    for inputs in parts:
        model(inputs)
        if not gathered:
            break
    for each in hooks:
        each.remove()
    found = gathered | finished
    if not found:
        raise NotApplicableError(
            "near looks at modules with weights and at activations, and this model has none"
        )
    return [found[layer] for layer in layers if layer in found]


def is_layer(part: nn.Module) -> bool:
    """Whether the reference counts a module: it has a `weight`, or is an activation."""
    return hasattr(part, "weight") or isinstance(part, ACTIVATIONS)


def positions(output: Tensor) -> Tensor:
    """The output as (positions, channels); of maps a column of pixels comes after the other."""
    if output.ndim > 3:
        output = output.transpose(1, -1)
    return output.flatten(0, -2)


def window(rows: Tensor, step: int, draw: Draw) -> Tensor:
    """As many rows as there are columns, from a drawn multiple of `step`; fewer at the end."""
    places = len(rows) // step - 1
    start = draw(places) * step if places > 0 else 0
    return rows[start : start + rows.shape[1]]


def effective_ranks(matrices: Iterable[Tensor]) -> Tensor:
    """The effective rank of every matrix, in any order; matrices of one shape are done together.

    It is NaN if a matrix is not finite.
    """
    groups: defaultdict[torch.Size, list[Tensor]] = defaultdict(list)
    for matrix in matrices:
        groups[matrix.shape].append(matrix)
    return torch.cat([_effective_ranks(torch.stack(group).double()) for group in groups.values()])


def _effective_ranks(matrices: Tensor) -> Tensor:
    finite = matrices.isfinite().all(dim=2).all(dim=1)
    values: Tensor = torch.linalg.svdvals(matrices.nan_to_num(0.0, 0.0, 0.0))
    sums = values.sum(dim=1)
    shares = values / sums[:, None]
    ranks = torch.special.entr(shares).sum(dim=1).exp()
    return torch.where(finite, torch.where(sums > 0, ranks, 0.0), torch.nan)
