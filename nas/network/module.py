"""The `nn.Module` of a network."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas.network import (
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv,
    Crop,
    GlobalAvgPool,
    Input,
    Linear,
    MaxPool,
    Narrow,
    Network,
    Op,
    ReLU,
    Scale,
    Sigmoid,
    SiLU,
    Zero,
)
from nas.network.names import names


class Sum(nn.Module):
    """Sum of its inputs."""

    def forward(self, *inputs: Tensor) -> Tensor:
        total = inputs[0]
        for other in inputs[1:]:
            total = total + other
        return total


class ChannelProduct(nn.Module):
    """Maps (batch, channels, height, width) times factors (batch, channels)."""

    def forward(self, maps: Tensor, factors: Tensor) -> Tensor:
        return maps * factors[:, :, None, None]


class Concatenation(nn.Module):
    """Its inputs, joined along the channels."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, dim=1)


class Zeros(nn.Module):
    """Zeros in the shape that the operation gives for the input."""

    def __init__(self, op: Zero) -> None:
        super().__init__()
        self.op = op

    def forward(self, values: Tensor) -> Tensor:
        if self.op == Zero():
            return torch.zeros_like(values)
        if self.op.size is not None:
            return values.new_zeros(values.shape[0], *self.op.size)
        stride = self.op.stride
        zeros = torch.zeros_like(values[:, :, ::stride, ::stride])
        if self.op.channels is not None:
            return zeros[:, :1].expand(-1, self.op.channels, -1, -1)
        return zeros


class SpatialMean(nn.Module):
    """Mean over height and width."""

    def forward(self, values: Tensor) -> Tensor:
        return values.mean(dim=(2, 3))


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


class WindowMean(nn.Module):
    """Mean over the part of each window that lies inside the image."""

    def __init__(self, op: AvgPool) -> None:
        super().__init__()
        self.op = op

    def forward(self, values: Tensor) -> Tensor:
        kernel, stride, padding = self.op.kernel, self.op.stride, self.op.padding
        if values.device.type != "cpu" or values.dtype != torch.float32:
            return F.avg_pool2d(values, kernel, stride, padding, count_include_pad=False)
        # The same bits, six times faster: PyTorch pools float32 on a CPU in a scalar loop.
        ones = values.new_ones(values.shape[1], 1, kernel, kernel)
        image = values.new_ones(1, 1, *values.shape[2:])
        sums = F.conv2d(values, ones, None, stride, padding, groups=len(ones))
        return sums / F.conv2d(image, ones[:1], None, stride, padding)


@singledispatch
def module(op: Op) -> nn.Module:
    """The module of one operation, with PyTorch's default initialisation."""
    raise TypeError(f"no module for {op}")


@module.register
def _(op: Conv) -> nn.Module:
    return nn.Conv2d(
        op.in_channels,
        op.out_channels,
        op.kernel,
        op.stride,
        op.padding,
        op.dilation,
        op.groups,
        op.bias,
    )


@module.register
def _(op: Linear) -> nn.Module:
    return nn.Linear(op.in_features, op.out_features, op.bias)


@module.register
def _(op: BatchNorm) -> nn.Module:
    return nn.BatchNorm2d(op.channels, op.eps)


@module.register
def _(op: AvgPool) -> nn.Module:
    return WindowMean(op)


@module.register
def _(op: MaxPool) -> nn.Module:
    return nn.MaxPool2d(op.kernel, op.stride, op.padding)


@module.register(Input)
def _(_: Op) -> nn.Module:
    return nn.Identity()


@module.register(ReLU)
def _(_: Op) -> nn.Module:
    return nn.ReLU()


@module.register(SiLU)
def _(_: Op) -> nn.Module:
    return nn.SiLU()


@module.register(Sigmoid)
def _(_: Op) -> nn.Module:
    return nn.Sigmoid()


@module.register(GlobalAvgPool)
def _(_: Op) -> nn.Module:
    return SpatialMean()


@module.register
def _(op: Zero) -> nn.Module:
    return Zeros(op)


@module.register(Add)
def _(_: Op) -> nn.Module:
    return Sum()


@module.register(Scale)
def _(_: Op) -> nn.Module:
    return ChannelProduct()


@module.register(Concat)
def _(_: Op) -> nn.Module:
    return Concatenation()


@module.register
def _(op: Narrow) -> nn.Module:
    return FirstChannels(op.channels)


@module.register(Crop)
def _(_: Op) -> nn.Module:
    return Cropped()


class Scope(nn.Module):
    """Holds the layers whose names begin alike; it is not run itself."""


class NetworkModule(nn.Module):
    """A network's layers as modules, run in order; a tensor is freed after its last use.

    The modules have the layers' names: `stages.0.conv` is `conv` in the module `stages.0`. A layer
    without a name is `layers.3`, with its index.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self._places: list[tuple[nn.Module, str]] = []
        for layer, path in zip(network.layers, names(network.layers), strict=True):
            parent, name = self._place(path)
            parent.add_module(name, module(layer.op))
            self._places.append((parent, name))
        self._last_use = {
            earlier: index
            for index, layer in enumerate(network.layers)
            for earlier in (*layer.inputs, index)
        }

    def _place(self, path: str) -> tuple[nn.Module, str]:
        """The module that gets the layer with this name, and the layer's name in it."""
        parent: nn.Module = self
        *scopes, name = path.split(".")
        for scope in scopes:
            if scope not in parent._modules:
                if hasattr(parent, scope):
                    raise ValueError(f"'{scope}' in the name {path} is a module's own attribute")
                parent.add_module(scope, Scope())
            parent = parent.get_submodule(scope)
        return parent, name

    @property
    def in_order(self) -> list[nn.Module]:
        """The modules in the order of the network's layers."""
        return [getattr(parent, name) for parent, name in self._places]

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (batch, classes) of inputs (batch, channels, height, width)."""
        values: dict[int, Tensor] = {}
        for index, (layer, run) in enumerate(zip(self.network.layers, self.in_order, strict=True)):
            arguments = [values[earlier] for earlier in layer.inputs] or [inputs]
            output: Tensor = run(*arguments)
            for earlier in set(layer.inputs):
                if self._last_use[earlier] == index:
                    del values[earlier]
            if self._last_use[index] > index:
                values[index] = output
        return output
