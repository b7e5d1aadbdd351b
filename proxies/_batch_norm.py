"""Batch norm with batch statistics; its gradient is cheap to differentiate a second time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from proxies._gradients import replace_parts

norm_forward = torch.ops.aten.native_batch_norm
norm_backward = torch.ops.aten.native_batch_norm_backward


def freeze_batch_norms(model: nn.Module, once: bool = False) -> None:
    """Replace every batch norm of a model by `Frozen`, or by `Once`."""
    replace_parts(model, nn.modules.batchnorm._BatchNorm, Once if once else Frozen)


class Frozen(nn.Module):
    """Replaces a batch norm in training mode; its scale and shift are constants.

    It has no running statistics and no gradients of scale and shift. If the batch has one value
    per channel, it gives the shift instead of an error.
    """

    def __init__(self, norm: nn.modules.batchnorm._BatchNorm) -> None:
        super().__init__()
        self.scale = None if norm.weight is None else norm.weight.detach()
        self.shift = None if norm.bias is None else norm.bias.detach()
        self.eps = norm.eps

    def forward(self, values: Tensor) -> Tensor:
        output: Tensor = _Norm.apply(  # type: ignore[no-untyped-call]
            values, self.scale, self.shift, self.eps
        )
        return output


class Once(Frozen):
    """The same, by PyTorch's own function: its gradient is not differentiated again."""

    def forward(self, values: Tensor) -> Tensor:
        if values.numel() <= values.shape[1]:
            return super().forward(values)
        return F.batch_norm(values, None, None, self.scale, self.shift, True, 0.0, self.eps)


class Apart(Frozen):
    """The same, and every example has its own statistics, as if it were alone in the batch."""

    def forward(self, values: Tensor) -> Tensor:
        planes = values.reshape(1, -1, *values.shape[2:])
        scale, shift = (
            None if each is None else each.repeat(len(values)) for each in (self.scale, self.shift)
        )
        output: Tensor = _Norm.apply(  # type: ignore[no-untyped-call]
            planes, scale, shift, self.eps
        )
        return output.reshape(values.shape)


class _Norm(torch.autograd.Function):
    """y = scale x̂ + shift, with x̂ = (x - mean) r and r = 1 / √(variance + eps)."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, scale: Tensor | None, shift: Tensor | None, eps: float
    ) -> Any:
        y, mean, r = norm_forward(x, scale, shift, None, None, True, 0.0, eps)
        ctx.save_for_backward(x, scale, mean, r)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        arguments = dy, *ctx.saved_tensors, ctx.eps
        dx = _Gradient.apply(*arguments)  # type: ignore[no-untyped-call]
        return dx, None, None, None


class _Gradient(torch.autograd.Function):
    """dx = scale r P dy, with P v = v - mean v - x̂ mean(x̂ v) within every channel.

    P is symmetric, so the adjoint u of dx goes to dy as scale r P u =: U. By the product rule it
    goes to x as -r (b U + a dx) - r mean(u dx) x̂, with a = mean(x̂ u) and b = mean(x̂ dy).
    PyTorch's own formula for it makes some thirty tensors of x's size.
    """

    @staticmethod
    def forward(
        ctx: Any, dy: Tensor, x: Tensor, scale: Tensor | None, mean: Tensor, r: Tensor, eps: float
    ) -> Any:
        dx, b = _through(dy, x, scale, mean, r, eps)
        ctx.save_for_backward(x, scale, mean, r, dx, b)
        ctx.eps = eps
        return dx

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, u: Tensor) -> Any:
        x, scale, mean, r, dx, b = ctx.saved_tensors
        to_dy, a = _through(u, x, scale, mean, r, ctx.eps)
        each = [1, -1] + [1] * (x.ndim - 2)
        places = [0, *range(2, x.ndim)]
        share = -r * len(r) / x.numel()
        slope = share * r * (u * dx).sum(places)
        to_x = torch.addcmul((-mean * slope).view(each), x, slope.view(each))
        to_x.addcmul_(to_dy, (share * b).view(each)).addcmul_(dx, (share * a).view(each))
        return to_dy, to_x, None, None, None, None


def _through(
    v: Tensor, x: Tensor, scale: Tensor | None, mean: Tensor, r: Tensor, eps: float
) -> tuple[Tensor, Tensor]:
    """scale r P v, and Σ x̂ v."""
    wanted = [True, True, False]
    result, sums, _ = norm_backward(v, x, scale, None, None, mean, r, True, eps, wanted)
    return result, sums
