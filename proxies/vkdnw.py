"""VKDNW: a network's depth, and the entropy of its Fisher information."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from nas import PROXIES, Candidate, NoScore, NotApplicableError, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._first_weights import jacobian
from proxies._inputs import drawn_or_batch

TENSORS = 128
"""The first element of so many parameter tensors counts, of the first ones."""
SMOOTHING = torch.tensor(0.05, dtype=torch.float16)
"""What the reference smooths the softmax with: it computes its constants in half precision."""
DECILES = torch.arange(1, 10, dtype=torch.float64) / 10
TINY = 1e-10


@PROXIES.register("vkdnw")
class VKDNW(Proxy):
    """Depth, then the entropy of the Fisher information (VKDNW, Tybl & Neumann 2025).

        vkdnw = number of parameter tensors - sum p log p,   higher is better,

    where p are the nine deciles of the singular values of F, divided by their sum. F is the mean
    over examples of the Fisher information (J, the derivatives of the outputs; S, their softmax's
    covariance) of the first element of each of the first 128 parameter tensors: weights, biases
    and norms' parameters. Source: arXiv:2502.04975, where it is the score of one network
    (`VKDNW_single`), and its reference code. The entropy is at most log 9 = 2.2: networks that
    differ by three tensors or more, such as a layer and its norm, are ordered by depth, and the
    entropy decides between equal ones; the reference code orders by both numbers, one after the
    other. As there, weights are Kaiming's, inputs are N(0, 1) in the batch's shape (the batch with
    `input=batch`), and the network is in evaluation mode, so its new norms only divide by
    √(1 + 1e-5).

    The code's F is not the textbook's Jᵀ S J. It is (L J)ᵀ (L J) with the Cholesky factor L of S,
    where Jᵀ L Lᵀ J would be Jᵀ S J. Its softmax is smoothed to .9502 softmax + .04999 / outputs,
    with constants in half precision, so it sums to 1.0002; beyond 270 outputs the last one may get
    less than that excess, and then there is no score. With `fisher=textbook`, F is Jᵀ S J with the
    plain softmax. It uses no labels.

    Options: `samples`, how many examples are used at most (the time grows with them and with the
    number of outputs: a backward pass for each); `fisher`, `input`, `init`.
    """

    def __init__(
        self,
        samples: int = 64,
        fisher: Literal["code", "textbook"] = "code",
        input: Literal["gaussian", "batch"] = "gaussian",
        init: Init = "kaiming",
    ) -> None:
        if samples < 1:
            raise ValueError(f"samples={samples} must be at least 1")
        self.samples, self.fisher, self.input, self.init = samples, fisher, input, init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The number of tensors plus the entropy; a `NoScore` if F is not finite."""
        inputs = drawn_or_batch(self.input, candidate, batch, "vkdnw")[: self.samples]
        model = candidate.model(self.init).eval()
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        if not parameters:
            raise NotApplicableError("vkdnw needs trainable parameters, and the model has none")
        code = self.fisher == "code"
        outputs, slopes = jacobian(model, inputs, parameters[:TENSORS], left_out=int(code))
        information = fisher(cholesky(outputs) @ slopes if code else centred(outputs, slopes))
        if not information.isfinite().all():
            return NoScore("the Fisher information is not finite")
        return len(parameters) + entropy(information)


def cholesky(outputs: Tensor) -> Tensor:
    """The Cholesky factor of the covariance of the smoothed softmax, without its last column.

    Outputs are (examples, outputs); this is (examples, outputs, outputs - 1), and the last column
    is 0. With q_j = 1 - (s_1 + … + s_j), the diagonal is √(s_j q_j / q_(j-1)), and below it is
    -s_i / q_j times that of its column (Tanabe & Sagae 1992).
    """
    size = outputs.shape[1]
    kept, added = float(1 - SMOOTHING), float(SMOOTHING / size)
    shares = outputs.softmax(dim=1) * kept + added
    left = 1 - shares.cumsum(dim=1)[:, :-1]
    before = torch.cat((torch.ones_like(left[:, :1]), left[:, :-1]), dim=1)
    diagonal = (shares[:, :-1] * left / before).sqrt()
    below = torch.tril(-shares[:, :, None] / left[:, None, :], diagonal=-1)
    ones = torch.eye(size, size - 1, dtype=outputs.dtype, device=outputs.device)
    return (below + ones) * diagonal[:, None, :]


def centred(outputs: Tensor, slopes: Tensor) -> Tensor:
    """Rows R with Rᵀ R = Jᵀ S J for each example: √p (J - the mean of J's rows under p)."""
    shares = outputs.softmax(dim=1)[:, :, None]
    return shares.sqrt() * (slopes - (shares * slopes).sum(dim=1, keepdim=True))


def fisher(rows: Tensor) -> Tensor:
    """The mean over examples of Rᵀ R, for R of shape (examples, rows, parameters)."""
    flat = rows.flatten(0, 1)
    return flat.T @ flat / len(rows)


def entropy(information: Tensor) -> float:
    """The entropy of the deciles of the singular values, each divided by the deciles' sum."""
    values = torch.linalg.eigvalsh(information).abs()
    deciles = torch.quantile(values, DECILES.to(values.device))
    shares = deciles / (deciles.sum() + TINY)
    return -float((shares * (shares + TINY).log()).sum())
