"""DSS: diversity of attention and saliency of perceptrons in a vision transformer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from nas import PROXIES, Candidate, NotApplicableError, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._gradients import gradients, total
from proxies._synaptic_flow import absolute, flow

SOFTMAX = frozenset({F.softmax, torch.softmax, Tensor.softmax})
WHOLE = frozenset({F.scaled_dot_product_attention, F.multi_head_attention_forward})
"""Functions that compute attention as a whole."""

PROJECTIONS = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
"""Weights that `nn.MultiheadAttention` has without layers of their own."""


@PROXIES.register("dss")
class DSS(Proxy):
    """Diversity of attention plus saliency of perceptrons (TF-TAS, Zhou et al. 2022).

    All parameters are replaced by their absolute values, norms stay, and the input is one example
    of ones. R is the sum of the outputs, and ‖·‖ the nuclear norm (sum of singular values):

        dss = Σ_attention ‖∂R/∂W‖ ‖W‖ + Σ_others Σ |W ∂R/∂W|,   higher is better,

    where the first sum is over the weight matrices of attention (queries, keys and values
    together where they are one layer, and the projection of the output), and the second over all
    other linear layers, with the classifier. Convolutions such as the patch embedding, norms,
    tokens and positions do not count. Source: arXiv:2203.12217 with its reference code, and
    Auto-Prox (Wei et al. 2024, arXiv:2312.09059), whose code for plain transformers agrees. TF-TAS
    takes every square linear layer for attention's projection, and counts a classifier of 1,000
    classes twice; its released search gives queries, keys, values and classifier no gradient.

    Attention is the innermost module around a softmax of three dimensions or more, or around a
    call of PyTorch's attention; a model without attention is refused. All is computed in float64.
    The batch only gives the shape of an example. Option: `init`, how weights are drawn.
    """

    def __init__(self, init: Init = "default") -> None:
        self.init = init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum of both parts; a `NoScore` if it is not finite."""
        return total(terms(candidate.model(self.init), batch))


def terms(model: nn.Module, batch: Batch) -> list[Tensor]:
    """What each weight matrix adds, in the order of the model's modules."""
    absolute(model)
    watch = _Attention(model)
    with watch:
        value = flow(model, batch)
    attention = {id(weight) for part in watch.found for weight in matrices(part)}
    if not attention:
        raise NotApplicableError("dss looks at attention, and this model has none")
    counted = matrices(model)
    found = []
    for weight, slope in zip(counted, gradients(value, counted), strict=True):
        add = diversity if id(weight) in attention else saliency
        found.append(add(weight.detach(), slope))
    return found


def saliency(weight: Tensor, slope: Tensor) -> Tensor:
    """The sum of absolute products."""
    return (weight * slope).abs().sum()


def diversity(weight: Tensor, slope: Tensor) -> Tensor:
    """The product of two nuclear norms; NaN if they do not exist."""
    pair = torch.stack([weight, slope])
    if not pair.isfinite().all():
        return pair.new_tensor(float("nan"))
    values: Tensor = torch.linalg.svdvals(pair)
    return values.sum(1).prod()


def matrices(model: nn.Module) -> list[Tensor]:
    """The weights of linear layers, with the projections that PyTorch's attention keeps itself."""
    found: dict[int, Tensor] = {}
    for part in model.modules():
        own: list[Tensor | None] = []
        if isinstance(part, nn.Linear):
            own = [part.weight]
        elif isinstance(part, nn.MultiheadAttention):
            own = [getattr(part, name) for name in PROJECTIONS]
        found |= {id(weight): weight for weight in own if weight is not None}
    return list(found.values())


class _Attention(TorchFunctionMode):
    """Finds the innermost modules with weight matrices that compute attention."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.found: set[nn.Module] = set()
        self.running: list[nn.Module] = []
        for part in model.modules():
            part.register_forward_pre_hook(lambda part, _: self.running.append(part))
            part.register_forward_hook(lambda *_: self._ended())

    def _ended(self) -> None:
        self.running.pop()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if func in WHOLE or (func in SOFTMAX and output.ndim > 2):
            owners = (part for part in reversed(self.running) if matrices(part))
            self.found |= {part for part in [next(owners, None)] if part is not None}
        return output
