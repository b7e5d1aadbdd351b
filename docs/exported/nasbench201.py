"""A network of the space nasbench201, exported by epsilon-nas.

Architecture:
|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|
Space: space=nasbench201 space.channels=16 space.cells=5 space.classes=10
space.resolution=32 space.input_channels=3
Inputs: (batch, 3, 32, 32)
Parameters: 1,288,506; multiply-adds: 184,730,240
Layers that cannot change the output: left out (live=true)

`create_model()` gives it with fresh weights. The file needs PyTorch alone. Weights
that `nas export format=weights` wrote fit it: load_state_dict(load_file(PATH)).
"""

from torch import Tensor, nn
from torch.nn import functional as F


class Stem(nn.Module):
    """`stem`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class ReLUConvBN(nn.Module):
    """`stages.*.cells.*.edges.*`, 75 times."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(F.relu(x)))


class Cell(nn.Module):
    """`stages.*.cells.*`, 15 times."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleDict(
            {
                "0": ReLUConvBN(channels),
                "1": ReLUConvBN(channels),
                "2": ReLUConvBN(channels),
                "4": ReLUConvBN(channels),
                "5": ReLUConvBN(channels),
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        edge0 = self.edges["0"](x)
        edge5 = self.edges["5"](self.edges["1"](x) + self.edges["2"](edge0))
        return x + self.edges["4"](edge0) + edge5


class Stage1(nn.Module):
    """`stages.0`."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.Sequential(*[Cell(16) for _ in range(5)])

    def forward(self, x: Tensor) -> Tensor:
        return self.cells(x)


class PoolConv(nn.Module):
    """`stages.*.reduction.shortcut`, 2 times."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.avg_pool2d(x, 2))


class Reduction(nn.Module):
    """`stages.*.reduction`, 2 times."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            in_channels, out_channels, 3, stride=2, padding=1, bias=False
        )
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut = PoolConv(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(F.relu(x))))
        return self.bn2(self.conv2(y)) + self.shortcut(x)


class Stage2(nn.Module):
    """`stages.*`, 2 times."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.reduction = Reduction(in_channels, 2 * in_channels)
        self.cells = nn.Sequential(*[Cell(2 * in_channels) for _ in range(5)])

    def forward(self, x: Tensor) -> Tensor:
        return self.cells(self.reduction(x))


class Head(nn.Module):
    """`head`."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(64)
        self.linear = nn.Linear(64, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(F.relu(self.bn(x)).mean(dim=(2, 3)))


class NASBench201(nn.Module):
    """The whole network; `num_classes` is the number of outputs."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.stem = Stem()
        self.stages = nn.Sequential(Stage1(), Stage2(16), Stage2(32))
        self.head = Head(num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stages(self.stem(x)))


def create_model(num_classes: int = 10) -> NASBench201:
    """The network with fresh weights."""
    return NASBench201(num_classes)
