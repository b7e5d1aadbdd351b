"""Well-known nets for small images, written as users write modules: five styles of forward."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv(outputs, outputs, 3), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)  # type: ignore[no-any-return]


class ResNet18(nn.Module):
    """He et al. 2016; stem as for small images. In-place operations, torch.flatten."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU(inplace=True))
        widths = (64, 64, 128, 256, 512)
        self.layers = nn.Sequential(
            *(
                nn.Sequential(
                    BasicBlock(widths[i], widths[i + 1], 1 if i == 0 else 2),
                    BasicBlock(widths[i + 1], widths[i + 1], 1),
                )
                for i in range(4)
            )
        )
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.layers(self.stem(x)))
        return self.fc(torch.flatten(x, 1))  # type: ignore[no-any-return]


class SqueezeExcitation(nn.Module):
    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale = F.adaptive_avg_pool2d(x, 1)
        return x * F.hardsigmoid(self.fc2(F.relu(self.fc1(scale))))


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, ratio: int, squeeze: bool) -> None:
        super().__init__()
        hidden = inputs * ratio
        layers: list[nn.Module] = []
        if ratio != 1:
            layers += [conv(inputs, hidden, 1), nn.BatchNorm2d(hidden), nn.ReLU6(inplace=True)]
        layers += [
            conv(hidden, hidden, 3, stride, groups=hidden),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(inplace=True),
        ]
        if squeeze:
            layers.append(SqueezeExcitation(hidden, hidden // 4))
        self.conv = nn.Sequential(*layers, conv(hidden, outputs, 1), nn.BatchNorm2d(outputs))
        self.skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.skip else y


class MobileNetV2(nn.Module):
    """Sandler et al. 2018; the first strides are 1, as for small images. Mean over two dims."""

    BLOCKS = (
        (1, 16, 1, 1),
        (6, 24, 2, 1),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )

    def __init__(self, classes: int = 10, squeeze: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv(3, 32, 3), nn.BatchNorm2d(32), nn.ReLU6(inplace=True)]
        inputs = 32
        for ratio, outputs, repeats, stride in self.BLOCKS:
            for i in range(repeats):
                step = stride if i == 0 else 1
                layers.append(InvertedResidual(inputs, outputs, step, ratio, squeeze))
                inputs = outputs
        layers += [conv(320, 1280, 1), nn.BatchNorm2d(1280), nn.ReLU6(inplace=True)]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean([2, 3]))  # type: ignore[no-any-return]


class DenseLayer(nn.Module):
    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), conv(inputs, 4 * growth, 1)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), conv(4 * growth, growth, 3)

    def forward(self, features: list[Tensor]) -> Tensor:
        x = self.conv1(F.relu(self.norm1(torch.cat(features, 1))))
        return self.conv2(F.relu(self.norm2(x)))  # type: ignore[no-any-return]


class DenseNet121(nn.Module):
    """Huang et al. 2017; stem as for small images. Lists of features, concatenated."""

    def __init__(self, growth: int = 32, classes: int = 10) -> None:
        super().__init__()
        width = 2 * growth
        self.stem = conv(3, width, 3)
        self.blocks, self.transitions = nn.ModuleList(), nn.ModuleList()
        for i, depth in enumerate((6, 12, 24, 16)):
            self.blocks.append(
                nn.ModuleList(DenseLayer(width + j * growth, growth) for j in range(depth))
            )
            width += depth * growth
            if i < 3:
                norm, reduce = nn.BatchNorm2d(width), conv(width, width // 2, 1)
                self.transitions.append(nn.Sequential(norm, nn.ReLU(), reduce, nn.AvgPool2d(2)))
                width //= 2
        self.norm, self.classifier = nn.BatchNorm2d(width), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for i, block in enumerate(self.blocks):
            features = [x]
            for layer in block:  # type: ignore[attr-defined]
                features.append(layer(features))
            x = torch.cat(features, 1)
            if i < 3:
                x = self.transitions[i](x)
        x = F.adaptive_avg_pool2d(F.relu(self.norm(x), inplace=True), (1, 1))
        return self.classifier(x.view(x.size(0), -1))  # type: ignore[no-any-return]


class ChannelsLastNorm(nn.Module):
    """LayerNorm of an image's channels, as ConvNeXt has it."""

    def __init__(self, width: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # type: ignore[no-any-return]


class ConvNeXtBlock(nn.Module):
    def __init__(self, width: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = norm(width)
        self.pwconv1, self.pwconv2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.act = nn.GELU()
        self.gamma = nn.Parameter(1e-6 * torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.dwconv(x)).permute(0, 2, 3, 1)
        y = self.pwconv2(self.act(self.pwconv1(y)))
        return x + (self.gamma * y).permute(0, 3, 1, 2)  # type: ignore[no-any-return]


class ConvNeXt(nn.Module):
    """Liu et al. 2022, tiny: linear layers with the channels last, layer scale; patches of 2.

    Of equal channels LayerNorm leaves nothing, and a linear layer after it sums to 0 in any case:
    BatchNorm in its place keeps the net alive.
    """

    def __init__(
        self, norm: Callable[[int], nn.Module] = nn.BatchNorm2d, classes: int = 10
    ) -> None:
        super().__init__()
        depths, widths = (3, 3, 9, 3), (96, 192, 384, 768)
        stages: list[nn.Module] = []
        for i, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            if i == 0:
                stages += [nn.Conv2d(3, width, 2, 2), norm(width)]
            else:
                stages += [norm(widths[i - 1]), nn.Conv2d(widths[i - 1], width, 2, 2)]
            stages += [ConvNeXtBlock(width, norm) for _ in range(depth)]
        self.stages, self.norm = nn.Sequential(*stages), norm(768)
        self.head = nn.Linear(768, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.stages(x)).mean([-2, -1]))  # type: ignore[no-any-return]


class ConvNorm(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int | tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding="same", bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class InceptionBlock(nn.Module):
    """Four branches; one of them has 1x7 and 7x1 convolutions."""

    def __init__(self, inputs: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        one, reduce3, three, reduce7, seven, pooled = sizes
        self.branch1 = ConvNorm(inputs, one, 1)
        self.branch3 = nn.Sequential(
            ConvNorm(inputs, reduce3, 1), ConvNorm(reduce3, three, 3), ConvNorm(three, three, 3)
        )
        self.branch7 = nn.Sequential(
            ConvNorm(inputs, reduce7, 1),
            ConvNorm(reduce7, reduce7, (1, 7)),
            ConvNorm(reduce7, seven, (7, 1)),
        )
        self.pool = ConvNorm(inputs, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.avg_pool2d(x, kernel_size=3, stride=1, padding=1)
        outputs = [self.branch1(x), self.branch3(x), self.branch7(x), self.pool(pooled)]
        return torch.cat(outputs, 1)


class Inception(nn.Module):
    """After Szegedy et al. 2015 and 2016, with GoogLeNet's widths; padding by name."""

    BLOCKS = (
        (64, 96, 128, 16, 32, 32),
        (128, 128, 192, 32, 96, 64),
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
        (256, 160, 320, 32, 128, 128),
        (384, 192, 384, 48, 128, 128),
    )

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 192, 3)
        layers: list[nn.Module] = []
        inputs = 192
        for i, sizes in enumerate(self.BLOCKS):
            layers.append(InceptionBlock(inputs, sizes))
            inputs = sizes[0] + sizes[2] + sizes[4] + sizes[5]
            if i in (1, 6):
                layers.append(nn.MaxPool2d(3, stride=2, padding=1))
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(inputs, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layers(self.stem(x)))  # type: ignore[no-any-return]


class Applied(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def shuffled(x: Tensor, groups: int) -> Tensor:
    """ShuffleNet's: channel i of every group, then channel i + 1."""
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).contiguous().view(n, c, h, w)


def halves(x: Tensor) -> Tensor:
    one, other = x[:, : x.size(1) // 2 * 2].chunk(2, dim=1)
    return torch.sigmoid(one) * other


FUNCTIONS: list[Callable[[Tensor], Tensor]] = [
    F.relu, F.gelu, torch.tanh, F.hardswish, F.softplus, torch.neg,
    lambda x: F.leaky_relu(x, 0.1, inplace=True),
    lambda x: x.softmax(1),
    lambda x: x * torch.sigmoid(x.mean((2, 3), keepdim=True)),
    lambda x: x - torch.sigmoid(x.mean(1, keepdim=True)),
    lambda x: x.flatten(2).mT.tanh().mT.view_as(x),
    lambda x: x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) / 2,
    lambda x: x.flatten(1).tanh().view(x.shape),
    lambda x: x + torch.arange(float(x.size(1)))[:, None, None],
    lambda x: shuffled(x, 2 if x.size(1) % 2 == 0 else 1),
    lambda x: shuffled(x, 3 if x.size(1) % 3 == 0 else 1),
    lambda x: x.flip(1),
    lambda x: x.cumsum(1) / x.size(1),
    lambda x: x[:, [*range(1, x.size(1)), 0]],
    lambda x: F.max_pool2d(x, 3, 1, 1), lambda x: F.avg_pool2d(x, 3, 1, 1),
    lambda x: F.interpolate(x[..., ::2, 1::2], scale_factor=2.0, mode="bilinear"),
]  # fmt: skip


class RandomNet(nn.Module):
    """Random operations on 3 x 8 x 8 images, many with several distinct channels."""

    EPS = 0.1  # norms with a smaller one make much of rounding

    def __init__(self, seed: int, depth: int = 8) -> None:
        super().__init__()
        rng = Random(seed)
        self.layers, self.plan = nn.ModuleList(), list[tuple[int, int, str]]()
        widths = [3]
        for _ in range(depth):
            source, partner = (rng.randrange(max(0, len(widths) - 3), len(widths)) for _ in "ab")
            layer, width = self.layer(rng, widths[source])
            join = rng.choice(["", "", "add", "mul", "cat"])
            if join == "cat":
                width += widths[partner]
            elif width != widths[partner]:
                join = ""
            self.layers.append(layer)
            self.plan.append((source, partner, join))
            widths.append(width)
        self.head = nn.Linear(sum(widths), 2)

    def layer(self, rng: Random, width: int) -> tuple[nn.Module, int]:
        """A layer for so many channels, and how many it gives."""
        kind = rng.choice(["conv", "conv", "norm", "function", "function", "halves"])
        if kind == "conv":
            groups = rng.choice([g for g in (1, 1, 2, 3, 4, width) if width % g == 0])
            outputs = groups * rng.choice([1, 2, 4]) if groups > 1 else rng.choice([4, 6, 12])
            kernel, dilation = rng.choice([1, 3, (1, 5), 7]), rng.choice([1, 1, 2])
            sizes = (width, outputs, kernel, 1, "same", dilation, groups)
            return nn.Conv2d(*sizes, bias=rng.random() < 0.5), outputs  # type: ignore[arg-type]
        if kind == "norm":
            groups = rng.choice([g for g in (1, 2, 3, width) if width % g == 0])
            norms = [
                nn.BatchNorm2d(width, self.EPS),
                nn.GroupNorm(groups, width, self.EPS),
                nn.InstanceNorm2d(width, self.EPS, affine=True),
                ChannelsLastNorm(width, self.EPS),
            ]
            return rng.choice(norms), width
        if kind == "halves" and width > 1:
            return Applied(halves), width // 2
        return Applied(rng.choice(FUNCTIONS)), width

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for layer, (source, partner, join) in zip(self.layers, self.plan, strict=True):
            y, other = layer(values[source].clone()), values[partner]
            if join == "cat":
                y = torch.cat([y, other], 1)
            elif join:
                y = y + other if join == "add" else y * torch.tanh(other)
            values.append(y)
        pooled = [F.adaptive_avg_pool2d(torch.tanh(y / 8) + y / 64, 1).flatten(1) for y in values]
        return self.head(torch.cat(pooled, 1))  # type: ignore[no-any-return]


NETS: dict[str, Callable[[], nn.Module]] = {
    "resnet18": ResNet18,
    "mobilenetv2": MobileNetV2,
    "densenet121": DenseNet121,
    "convnext": ConvNeXt,
    "inception": Inception,
}
