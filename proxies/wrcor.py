"""WRCor: how little a network's pre-activations and gradients of the samples correlate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from math import log
from typing import Literal

import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, NoScore, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from nas.network.module import NetworkModule
from proxies._activations import watched
from proxies._gradients import cross_entropy, first

through_relu = torch.ops.aten.threshold_backward
"""The gradient at a ReLU's input, of that at its output, the output and 0."""

Variant = Literal["wrcor", "rcor", "acor", "gcor"]


@PROXIES.register("wrcor")
class WRCor(Proxy):
    """Log-determinant of the samples' correlations, summed over the ReLUs (Jing et al. 2025).

    A ReLU gives two matrices of absolute Pearson correlations between samples: R_a of its inputs,
    and R_g of the gradients of the mean cross entropy that pass it. Both are over all units.

        wrcor = log |det K|,   K = sum over ReLUs of 2^cell (R_a + R_g),   higher is better.

    Source: arXiv:2507.08841 and its reference code. The `variant` rcor has equal weights, acor has
    equal weights and only R_a, gcor has equal weights and only R_g. A matrix with an undefined
    correlation (a sample whose row is constant) is left out, as there.

    Cells are the main blocks of a network given as layers, counted from the one after the stem,
    which is the first block: on NAS-Bench-201 these are the published numbers, with the residual
    blocks, so the last ReLU has weight 2^17. For a model given as modules every ReLU is a cell. If
    several ReLUs read one tensor, each has the gradient that passes it alone. The reference's last
    ReLU on NAS-Bench-201 works in place, so its R_a there is of its output; here it is of its
    input. Norms use the batch's statistics; `init` says how weights are drawn.

    There is no score if K is singular, for example if two samples are equal.
    """

    def __init__(self, variant: Variant = "wrcor", init: Init = "default") -> None:
        self.variant, self.init = variant, init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The log-determinant on the batch."""
        batch = first(batch, len(batch.inputs))
        sums = correlations(candidate.model(self.init), batch, self.variant)
        if not sums:
            return NoScore("no correlations: at every ReLU some sample is constant")
        weighted = self.variant == "wrcor"
        top = max(sums) if weighted else 0
        scales = [2.0 ** (cell - top) if weighted else 1.0 for cell in sums]  # 2^cell can overflow
        kernel = sum(scale * part for scale, part in zip(scales, sums.values(), strict=True))
        values = torch.linalg.eigvalsh(kernel).abs()
        if values.min() <= len(values) * torch.finfo(values.dtype).eps * values.max():
            return NoScore("singular kernel: the samples do not differ enough")
        return float(values.log().sum()) + len(values) * top * log(2)


def correlations(model: nn.Module, batch: Batch, variant: Variant) -> dict[int, Tensor]:
    """The sum of each cell's matrices in float64, by the number of the cell.

    Constants reach the loss through biases alone, so these keep their gradients; the weights need
    none.
    """
    sums: dict[int, Tensor] = {}
    cell = cell_of_next_relu(model)
    number = 0

    def add(values: Tensor, number: int) -> None:
        matrix = correlation(values.flatten(1)).abs_()
        if not matrix.isnan().any():
            sums[number] = sums[number] + matrix if number in sums else matrix

    def given(values: Tensor) -> None:
        nonlocal number
        number = cell()
        if variant != "gcor":
            add(values.detach(), number)

    def visit(output: Tensor) -> None:
        if variant == "acor" or not output.requires_grad:
            return
        values, at = output.detach(), number
        output.register_hook(  # type: ignore[no-untyped-call]
            lambda slope: add(through_relu(slope, values, 0), at)
        )

    for parameter in model.parameters():
        parameter.requires_grad_(parameter.ndim < 2)
    inputs = batch.inputs.detach().clone()
    if inputs.is_floating_point():
        inputs.requires_grad_()
    with watched(len(inputs), visit, "wrcor", given=given):
        loss = cross_entropy(model, replace(batch, inputs=inputs))
    if variant != "acor" and loss.requires_grad:
        torch.autograd.backward(loss)
    return sums


def correlation(rows: Tensor) -> Tensor:
    """Pearson's correlations of rows, in float64; NaN for a constant row.

    Rows are centred as they are, because it is the longest part; an error of the mean matters
    only to second order.
    """
    centred = (rows - rows.mean(1, keepdim=True)).double()
    products = centred @ centred.T
    scale = products.diagonal().rsqrt()
    return products.mul_(scale).mul_(scale[:, None]).clamp_(-1, 1)


def cell_of_next_relu(model: nn.Module) -> Callable[[], int]:
    """A function that gives a running model's number of the cell; call it once for each ReLU.

    The number is -1 in the first main block, the stem, and one more after each block. Without
    main blocks it is the number of the ReLU, from 0.
    """
    if not isinstance(model, NetworkModule) or not model.network.blocks:
        relus = count()
        return lambda: next(relus)
    ended = -1

    def end(times: int, *_: object) -> None:
        nonlocal ended
        ended += times

    for index, times in Counter(model.network.blocks).items():
        model.in_order[index].register_forward_hook(partial(end, times))
    return lambda: ended
