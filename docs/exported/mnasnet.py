"""A network of the space mnasnet, exported by epsilon-nas.

Architecture: 1 3 1 0 6 3 2 0 6 5 3 1 6 3 3 0 6 3 2 1 6 5 4 1 6 3 1 1
Space: space=mnasnet space.channels=32 space.classes=1000 space.resolution=224
space.input_channels=3
Inputs: (batch, 3, 224, 224)
Parameters: 5,045,086; multiply-adds: 369,083,552
Layers that cannot change the output: left out (live=true)

`create_model()` gives it with fresh weights. The file needs PyTorch alone. Weights
that `nas export format=weights` wrote fit it: load_state_dict(load_file(PATH)).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvBNSiLU(nn.Module):
    """`stem` and `stages.*.*.expand`, 16 times."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.bn(self.conv(x)))


class DepthwiseConvBNSiLU(nn.Module):
    """`stages.*.*.depthwise`, 16 times."""

    def __init__(self, channels: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            channels,
            channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            groups=channels,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.bn(self.conv(x)))


class ConvBN(nn.Module):
    """`stages.*.*.project`, 16 times."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class Block1(nn.Module):
    """`stages.0.0`."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = DepthwiseConvBNSiLU(32, 3, 1)
        self.project = ConvBN(32, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.depthwise(x))


class Block2(nn.Module):
    """`stages.*.*`, 2 times."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.expand = ConvBNSiLU(in_channels, 6 * in_channels, 1, 1)
        self.depthwise = DepthwiseConvBNSiLU(6 * in_channels, 3, 2)
        self.project = ConvBN(6 * in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.depthwise(self.expand(x)))


class Block3(nn.Module):
    """`stages.*.*`, 3 times."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.expand = ConvBNSiLU(channels, 6 * channels, 1, 1)
        self.depthwise = DepthwiseConvBNSiLU(6 * channels, 3, 1)
        self.project = ConvBN(6 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.depthwise(self.expand(x))) + x


class Squeeze(nn.Module):
    """`stages.*.*.squeeze`, 10 times."""

    def __init__(self, channels: int, hidden_channels: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(channels, hidden_channels)
        self.linear2 = nn.Linear(hidden_channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.silu(self.linear1(x.mean(dim=(2, 3))))
        return x * torch.sigmoid(self.linear2(y))[:, :, None, None]


class Block4(nn.Module):
    """`stages.*.*`, 4 times."""

    def __init__(
        self, in_channels: int, kernel_size: int, stride: int, out_channels: int
    ) -> None:
        super().__init__()
        self.expand = ConvBNSiLU(in_channels, 6 * in_channels, 1, 1)
        self.depthwise = DepthwiseConvBNSiLU(6 * in_channels, kernel_size, stride)
        self.squeeze = Squeeze(6 * in_channels, in_channels // 4)
        self.project = ConvBN(6 * in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.squeeze(self.depthwise(self.expand(x))))


class Block5(nn.Module):
    """`stages.*.*`, 6 times."""

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.expand = ConvBNSiLU(channels, 6 * channels, 1, 1)
        self.depthwise = DepthwiseConvBNSiLU(6 * channels, kernel_size, 1)
        self.squeeze = Squeeze(6 * channels, channels // 4)
        self.project = ConvBN(6 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.squeeze(self.depthwise(self.expand(x)))) + x


class Head(nn.Module):
    """`head`."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(320, 1280, 1, bias=False)
        self.bn = nn.BatchNorm2d(1280)
        self.linear = nn.Linear(1280, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(F.silu(self.bn(self.conv(x))).mean(dim=(2, 3)))


class MnasNet(nn.Module):
    """The whole network; `num_classes` is the number of outputs."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = ConvBNSiLU(3, 32, 3, 2)
        self.stages = nn.Sequential(
            nn.Sequential(Block1()),
            nn.Sequential(Block2(16, 24), Block3(24)),
            nn.Sequential(Block4(24, 5, 2, 40), *[Block5(40, 5) for _ in range(2)]),
            nn.Sequential(Block2(40, 80), *[Block3(80) for _ in range(2)]),
            nn.Sequential(Block4(80, 3, 1, 112), Block5(112, 3)),
            nn.Sequential(Block4(112, 5, 2, 192), *[Block5(192, 5) for _ in range(3)]),
            nn.Sequential(Block4(192, 3, 1, 320)),
        )
        self.head = Head(num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stages(self.stem(x)))


def create_model(num_classes: int = 1000) -> MnasNet:
    """The network with fresh weights."""
    return MnasNet(num_classes)
