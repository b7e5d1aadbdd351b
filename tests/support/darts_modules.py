"""DARTS networks built a second time, as modules in modules, from a genotype's text."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable

import torch
from torch import Tensor, nn

Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")


class Lambda(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def conv_norm(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]


class Shrink(nn.Module):
    """Pixels (0, 0) and (1, 1) of every 2 x 2 block, each with a 1x1 convolution of its own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(inputs, outputs // 2, 1, bias=False)
        self.odd = nn.Conv2d(inputs, outputs // 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = x.clamp(min=0)
        parts = self.even(x[..., ::2, ::2]), self.odd(x[..., 1::2, 1::2])
        output: Tensor = self.norm(torch.cat(parts, 1))
        return output


def operation(name: str, c: int, stride: int) -> nn.Module:
    if name == "none":
        return Lambda(lambda x: 0 * x[..., ::stride, ::stride])
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else Shrink(c, c)
    if name == "max_pool_3x3":
        return nn.MaxPool2d(3, stride, 1)
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride, 1, count_include_pad=False)
    size = int(name[-1])
    if name.startswith("dil"):
        depthwise = nn.Conv2d(c, c, size, stride, size - 1, 2, c, bias=False)
        return nn.Sequential(nn.ReLU(), depthwise, *conv_norm(c, c))
    steps: list[nn.Module] = []
    for step in (stride, 1):
        depthwise = nn.Conv2d(c, c, size, step, size // 2, groups=c, bias=False)
        steps += [nn.ReLU(), depthwise, *conv_norm(c, c)]
    return nn.Sequential(*steps)


class Unit(nn.Module):
    def __init__(self, two: tuple[int, int], c: int, edges: list[tuple[str, int]], sizes: str):
        super().__init__()
        old, new = two
        first = Shrink(old, c) if sizes[0] == "2" else nn.Sequential(nn.ReLU(), *conv_norm(old, c))
        self.inputs = nn.ModuleList([first, nn.Sequential(nn.ReLU(), *conv_norm(new, c))])
        strides = [2 if sizes[1] == "2" and source < 2 else 1 for _, source in edges]
        self.edges = nn.ModuleList(
            operation(name, c, stride) for (name, _), stride in zip(edges, strides, strict=True)
        )
        self.sources = [source for _, source in edges]

    def forward(self, old: Tensor, new: Tensor) -> Tensor:
        states = [module(x) for module, x in zip(self.inputs, (old, new), strict=True)]
        while len(states) < 6:
            at = 2 * (len(states) - 2)
            one, two = (self.edges[e](states[self.sources[e]]) for e in (at, at + 1))
            states.append(one + two)
        return torch.cat(states[2:], 1)


class Reference(nn.Module):
    def __init__(self, genotype: Genotype, c: int, layers: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 3 * c, 3, padding=1, bias=False), nn.BatchNorm2d(3 * c)
        )
        widths = [3 * c, 3 * c]
        units = []
        halved = "1"
        for layer in range(layers):
            halving = "2" if layer in (layers // 3, 2 * layers // 3) else "1"
            c *= int(halving)
            edges = genotype.reduce if halving == "2" else genotype.normal
            units.append(Unit((widths[-2], widths[-1]), c, edges, halved + halving))
            widths.append(4 * c)
            halved = halving
        self.units = nn.ModuleList(units)
        self.head = nn.Linear(4 * c, 10)

    def forward(self, x: Tensor) -> Tensor:
        states = [self.stem(x)] * 2
        for unit in self.units:
            states.append(unit(states[-2], states[-1]))
        output: Tensor = self.head(states[-1].mean((2, 3)))
        return output
