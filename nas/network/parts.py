"""Modules of operations that torch has no module for.

They keep plain numbers, so that they can be scripted, and exported with a batch of any size.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Sum(nn.Module):
    """Sum of its inputs."""

    def forward(self, *inputs: Tensor) -> Tensor:
        total = inputs[0]
        for other in inputs[1:]:
            total = total + other
        return total


class Product(nn.Module):
    """Product of its inputs, number by number."""

    def forward(self, *inputs: Tensor) -> Tensor:
        total = inputs[0]
        for other in inputs[1:]:
            total = total * other
        return total


class ChannelProduct(nn.Module):
    """Maps (batch, channels, …) times factors (batch, channels)."""

    def forward(self, maps: Tensor, factors: Tensor) -> Tensor:
        for _ in range(maps.dim() - 2):
            factors = factors.unsqueeze(-1)
        return maps * factors


class Concatenation(nn.Module):
    """Its inputs, joined along the channels."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, dim=1)


class Zeros(nn.Module):
    """Zeros in the shape of the input, with other channels, with a stride, or in a given shape."""

    def __init__(self, channels: int | None, stride: int, size: tuple[int, ...] | None) -> None:
        super().__init__()
        self.channels, self.stride = channels, stride
        self.size = None if size is None else list(size)
        self.like: Tensor | None
        self.register_buffer("like", None if size is None else torch.zeros(()), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        if self.size is not None:
            like = self.like
            if like is None or values.is_floating_point():  # tokens are no numbers
                like = values
            return like.new_zeros([values.shape[0]] + self.size)  # noqa: RUF005  (scripted)
        if self.channels is None and self.stride == 1:
            return torch.zeros_like(values)
        sizes = list(values.shape)
        for axis in range(2, values.dim()):
            sizes[axis] = 1 + (sizes[axis] - 1) // self.stride
        if self.channels is not None:
            sizes[1] = self.channels
        return values.new_zeros(sizes)


class SpatialMean(nn.Module):
    """Mean over all places of maps."""

    def forward(self, values: Tensor) -> Tensor:
        return values.mean(dim=[axis for axis in range(2, values.dim())])  # noqa: C416  (scripted)


class SequenceMeans(nn.Module):
    """Mean over the places of a sequence."""

    def forward(self, values: Tensor) -> Tensor:
        return values.mean(dim=1)


class FirstChannels(nn.Module):
    """The first channels of its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, values: Tensor) -> Tensor:
        return values.narrow(1, 0, self.channels)


class Cropped(nn.Module):
    """Its input without the first row and column."""

    def forward(self, values: Tensor) -> Tensor:
        return values[..., 1:, 1:]


class Permuted(nn.Module):
    """Its input with the axes of an example in another order."""

    def __init__(self, order: tuple[int, ...]) -> None:
        super().__init__()
        self.order = [0, *(axis + 1 for axis in order)]

    def forward(self, values: Tensor) -> Tensor:
        return values.permute(self.order)


class WindowMean(nn.Module):
    """Mean over the part of each window that lies inside the map."""

    def __init__(self, kernel: int, stride: int, padding: int, dims: int) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding, self.dims = kernel, stride, padding, dims

    def forward(self, values: Tensor) -> Tensor:
        kernel, stride, padding = self.kernel, self.stride, self.padding
        if self.dims == 1:
            return F.avg_pool1d(values, kernel, stride, padding, count_include_pad=False)
        if self.dims == 3:
            return F.avg_pool3d(values, kernel, stride, padding, count_include_pad=False)
        if values.device.type != "cpu" or values.dtype != torch.float32:
            return F.avg_pool2d(values, kernel, stride, padding, count_include_pad=False)
        # The same bits, six times faster: PyTorch pools float32 on a CPU in a scalar loop.
        ones = values.new_ones([values.shape[1], 1, kernel, kernel])
        image = values.new_ones([1, 1, values.shape[2], values.shape[3]])
        sums = F.conv2d(values, ones, None, stride, padding, groups=ones.shape[0])
        return sums / F.conv2d(image, ones[:1], None, stride, padding)


class PlaceEmbedding(nn.Module):
    """A sequence plus a learned vector for each place."""

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.places = nn.Embedding(length, features)
        nn.init.normal_(self.places.weight, std=0.02)  # as small as in BERT and ViT

    def forward(self, values: Tensor) -> Tensor:
        return values + self.places.weight


class SelfAttention(nn.Module):
    """softmax(q kᵀ / √width) v in each head; q, k and v are one linear layer's outputs."""

    def __init__(self, features: int, heads: int, bias: bool, causal: bool) -> None:
        super().__init__()
        self.heads, self.width, self.causal = heads, features // heads, causal
        self.inputs = nn.Linear(features, 3 * features, bias)
        self.outputs = nn.Linear(features, features, bias)

    def forward(self, values: Tensor) -> Tensor:
        batch, length, _ = values.shape
        split = self.inputs(values).view(batch, length, 3, self.heads, self.width)
        parts = split.permute(2, 0, 3, 1, 4)
        queries, keys, read = parts[0], parts[1], parts[2]
        # written out, not scaled_dot_product_attention: proxies differentiate it twice
        weights = queries @ keys.transpose(2, 3) / sqrt(self.width)
        if self.causal:
            later = torch.ones([length, length], dtype=torch.bool, device=values.device).triu(1)
            weights = weights.masked_fill(later, float("-inf"))
        mixed = weights.softmax(dim=3) @ read
        output: Tensor = self.outputs(mixed.transpose(1, 2).flatten(2))
        return output
