"""jacob_cov: how differently a network reacts to changes of different samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from nas import PROXIES, Candidate, NoScore, NotApplicableError
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._passes import Look, Looking, Needs, Pass, Run, seen

EPSILON = 1e-5


@PROXIES.register("jacob_cov")
class JacobCov(Looking):
    """Spectrum of the correlations between the samples' input gradients (Mellor et al. 2020).

    Row n of J is the gradient of the sum of all logits with respect to sample n; v are the
    eigenvalues of the rows' correlation matrix:

        jacob_cov = -sum [log(v + 1e-5) + 1 / (v + 1e-5)],   higher is better.

    Source: arXiv:2006.04647v1, as zero-cost-nas (arXiv:2101.08134) computes it: the logits of the
    whole batch are summed, and norms use the batch's statistics, so a row also contains the effect
    of its sample on the other samples. It needs one backward pass, to the inputs only, and no
    labels.

    There is no score if a sample's gradient is constant, because then no correlation is defined.
    """

    def __init__(self, init: Init = "default") -> None:
        self.init = init

    def looks(self, batch: Batch) -> Sequence[Look]:
        """The gradients of the inputs; whole numbers have none."""
        if not batch.inputs.is_floating_point():
            return []
        return [InputSlopes(Pass(self.init), "jacob_cov")]

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The score on the batch."""
        if not batch.inputs.is_floating_point():
            raise NotApplicableError(
                f"jacob_cov needs gradients of the inputs, and these are {batch.inputs.dtype}"
            )
        (look,) = self.looks(batch)
        jacobian = seen(candidate, batch, look).double()
        centred = jacobian - jacobian.mean(dim=1, keepdim=True)
        norms = centred.norm(dim=1, keepdim=True)
        rows = centred / norms
        if not rows.isfinite().all():
            return NoScore("a sample's input gradient is constant or not finite")
        values = torch.linalg.eigvalsh(rows @ rows.T) + EPSILON
        return -float((values.log() + 1 / values).sum())


@dataclass(frozen=True)
class InputSlopes(Look):
    """Gradient of the sum of all outputs, a row per sample."""

    backward: ClassVar[Literal["", "sum", "loss"]] = "sum"
    needs: ClassVar[frozenset[Needs]] = frozenset({"inputs"})

    def result(self, run: Run, found: None) -> Tensor:
        """The rows."""
        return run.slope("sum", run.inputs).flatten(1)
