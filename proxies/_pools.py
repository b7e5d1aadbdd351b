"""Means over windows whose gradient is cheap to differentiate a second time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from nas.network.parts import WindowMean
from proxies._gradients import replace_parts

backward = torch.ops.aten.convolution_backward


def smooth_pools(model: nn.Module) -> None:
    """Replace every mean over windows of maps in float32 by `Pooled`.

    It is a convolution with a group for each channel. PyTorch's second derivative of that has the
    gradient by its weights too, though nobody asks for it, with a convolution for each group.
    """
    replace_parts(model, WindowMean, lambda part: Pooled(part) if part.dims == 2 else part)


class Pooled(nn.Module):
    """Replaces a mean over windows; outputs and gradients are the same to the last bit."""

    def __init__(self, pool: WindowMean) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, values: Tensor) -> Tensor:
        if values.device.type != "cpu" or values.dtype != torch.float32:
            plain: Tensor = self.pool(values)
            return plain
        pool = self.pool
        image = values.new_ones([1, 1, *values.shape[2:]])
        ones = values.new_ones([values.shape[1], 1, pool.kernel, pool.kernel])
        sizes = F.conv2d(image, ones[:1], None, pool.stride, pool.padding)
        output: Tensor = _Mean.apply(  # type: ignore[no-untyped-call]  # PyTorch's
            values, ones, sizes, pool.stride, pool.padding
        )
        return output


class _Mean(torch.autograd.Function):
    """A x: the sum over each window, divided by how many places of it lie in the map."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, ones: Tensor, sizes: Tensor, stride: int, padding: int
    ) -> Tensor:
        ctx.save_for_backward(x, ones, sizes)
        ctx.steps = stride, padding
        return F.conv2d(x, ones, None, stride, padding, groups=len(ones)) / sizes

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        arguments = dy, *ctx.saved_tensors, *ctx.steps
        dx = _Spread.apply(*arguments)  # type: ignore[no-untyped-call]
        return dx, None, None, None, None


class _Spread(torch.autograd.Function):
    """Aᵀ dy; its gradient is A again."""

    @staticmethod
    def forward(
        ctx: Any, dy: Tensor, x: Tensor, ones: Tensor, sizes: Tensor, stride: int, padding: int
    ) -> Tensor:
        ctx.save_for_backward(ones, sizes)
        ctx.steps = stride, padding
        wanted, groups = [True, False, False], len(ones)
        steps = [stride] * 2, [padding] * 2, [1, 1]
        dx: Tensor = backward(dy / sizes, x, ones, None, *steps, False, [0, 0], groups, wanted)[0]
        return dx

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, u: Tensor) -> Any:
        ones, sizes = ctx.saved_tensors
        stride, padding = ctx.steps
        to_dy = F.conv2d(u, ones, None, stride, padding, groups=len(ones)) / sizes
        return to_dy, None, None, None, None, None
