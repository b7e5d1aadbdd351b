"""A network of the space darts, exported by epsilon-nas.

Architecture: Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1),
('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1),
('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5],
reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', 1),
('skip_connect', 2), ('max_pool_3x3', 0), ('skip_connect', 2), ('max_pool_3x3', 1),
('skip_connect', 2)], reduce_concat=[2, 3, 4, 5])
Space: space=darts space.channels=36 space.layers=20 space.classes=10
space.resolution=32 space.none=true space.repeats=false space.input_channels=3
Inputs: (batch, 3, 32, 32)
Parameters: 3,349,342; multiply-adds: 528,359,040
Layers that cannot change the output: left out (live=true)

`create_model()` gives it with fresh weights. The file needs PyTorch alone. Weights
that `nas export format=weights` wrote fit it: load_state_dict(load_file(PATH)).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Stem(nn.Module):
    """`stem`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 108, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(108)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class ReLUConvBN(nn.Module):
    """`cells.*.preprocess.*`, 38 times."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(F.relu(x)))


class Edge(nn.Module):
    """`cells.*.edges.*`, 90 times."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            channels, channels, 3, padding=1, groups=channels, bias=False
        )
        self.conv2 = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(
            channels, channels, 3, padding=1, groups=channels, bias=False
        )
        self.conv4 = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv2(self.conv1(F.relu(x))))
        return self.bn2(self.conv4(self.conv3(F.relu(x))))


class ReLUDepthwiseConvConvBN(nn.Module):
    """`cells.*.edges.*`, 18 times."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            channels, channels, 3, padding=2, dilation=2, groups=channels, bias=False
        )
        self.conv2 = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv2(self.conv1(F.relu(x))))


class Cell1(nn.Module):
    """`cells.*`, 16 times."""

    def __init__(self, in_channels1: int, out_channels: int, in_channels2: int) -> None:
        super().__init__()
        self.preprocess = nn.ModuleList(
            [
                ReLUConvBN(in_channels1, out_channels),
                ReLUConvBN(in_channels2, out_channels),
            ]
        )
        self.edges = nn.ModuleDict(
            {
                "0": Edge(out_channels),
                "1": Edge(out_channels),
                "2": Edge(out_channels),
                "3": Edge(out_channels),
                "5": Edge(out_channels),
                "7": ReLUDepthwiseConvConvBN(out_channels),
            }
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        preprocess0 = self.preprocess[0](x)
        preprocess1 = self.preprocess[1](y)
        node2 = self.edges["0"](preprocess0) + self.edges["1"](preprocess1)
        node3 = self.edges["2"](preprocess0) + self.edges["3"](preprocess1)
        node4 = preprocess0 + self.edges["5"](preprocess1)
        node5 = preprocess0 + self.edges["7"](node2)
        return torch.cat([node2, node3, node4, node5], dim=1)


class Cell2(nn.Module):
    """`cells.*`, 2 times."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.preprocess = nn.ModuleList(
            [
                ReLUConvBN(in_channels, in_channels // 2),
                ReLUConvBN(in_channels, in_channels // 2),
            ]
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        preprocess0 = self.preprocess[0](x)
        preprocess1 = self.preprocess[1](y)
        edge0 = F.max_pool2d(preprocess0, 3, stride=2, padding=1)
        node2 = edge0 + F.max_pool2d(preprocess1, 3, stride=2, padding=1)
        node3 = F.max_pool2d(preprocess1, 3, stride=2, padding=1) + node2
        node4 = F.max_pool2d(preprocess0, 3, stride=2, padding=1) + node2
        node5 = F.max_pool2d(preprocess1, 3, stride=2, padding=1) + node2
        return torch.cat([node2, node3, node4, node5], dim=1)


class Preprocess(nn.Module):
    """`cells.*.preprocess.*`, 2 times."""

    def __init__(
        self, in_channels: int, out_channels1: int, out_channels2: int
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels1, 1, stride=2, bias=False)
        self.conv2 = nn.Conv2d(in_channels, out_channels1, 1, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(out_channels2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x)
        x = torch.cat([self.conv1(x), self.conv2(x[..., 1:, 1:])], dim=1)
        return self.bn(x)


class Cell3(nn.Module):
    """`cells.*`, 2 times."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.preprocess = nn.ModuleList(
            [
                Preprocess(in_channels, in_channels // 4, in_channels // 2),
                ReLUConvBN(2 * in_channels, in_channels // 2),
            ]
        )
        self.edges = nn.ModuleDict(
            {
                "0": Edge(in_channels // 2),
                "1": Edge(in_channels // 2),
                "2": Edge(in_channels // 2),
                "3": Edge(in_channels // 2),
                "5": Edge(in_channels // 2),
                "7": ReLUDepthwiseConvConvBN(in_channels // 2),
            }
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        preprocess0 = self.preprocess[0](x)
        preprocess1 = self.preprocess[1](y)
        node2 = self.edges["0"](preprocess0) + self.edges["1"](preprocess1)
        node3 = self.edges["2"](preprocess0) + self.edges["3"](preprocess1)
        node4 = preprocess0 + self.edges["5"](preprocess1)
        node5 = preprocess0 + self.edges["7"](node2)
        return torch.cat([node2, node3, node4, node5], dim=1)


class Head(nn.Module):
    """`head`."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(576, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.mean(dim=(2, 3)))


class DARTS(nn.Module):
    """The whole network; `num_classes` is the number of outputs."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.stem = Stem()
        self.cells = nn.ModuleList(
            [
                Cell1(108, 36, 108),
                Cell1(108, 36, 144),
                *[Cell1(144, 36, 144) for _ in range(4)],
                Cell2(144),
                Cell3(144),
                *[Cell1(288, 72, 288) for _ in range(5)],
                Cell2(288),
                Cell3(288),
                *[Cell1(576, 144, 576) for _ in range(5)],
            ]
        )
        self.head = Head(num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        before = x
        for cell in self.cells:
            before, x = x, cell(before, x)
        return self.head(x)


def create_model(num_classes: int = 10) -> DARTS:
    """The network with fresh weights."""
    return DARTS(num_classes)
