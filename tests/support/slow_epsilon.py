"""Epsilon of published cells, written out with PyTorch's functions, dense and in float64.

The cells are read from their published notation. Nothing here is of `nas`, `spaces` or `proxies`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import nan

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

WEIGHTS = {"nasbench201": (1e-7, 1.0), "nasbench101": (1e-4, 10.0)}
"""The two shared weights, as the paper has them."""
Figures = NDArray[np.float64]


def formula(low: Figures, high: Figures) -> float:
    """The definition, entry by entry."""
    if low.min() == low.max() or high.min() == high.max():
        return nan
    scaled = [[(x - min(o)) / (max(o) - min(o)) for x in o] for o in (low, high)]
    pairs = [abs(a - b) for a, b in zip(*scaled, strict=True) if a != 0 and b != 0]
    entries = [p for pass_ in scaled for p in pass_ if p != 0]
    return float(np.mean(pairs) / np.mean(entries))


def of_nasbench201(cell: str, images: Tensor) -> float:
    """Of `|nor_conv_3x3~0|+|none~0|…|`, with 4 channels and one cell a stage."""
    columns = [column.strip("|").split("|") for column in cell.split("+")]
    edges = [
        (name.split("~")[0], int(name.split("~")[1]), target)
        for target, column in enumerate(columns, start=1)
        for name in column
    ]

    def output(w: float) -> Tensor:
        x = norm(box(images.double(), 3, 4, w), w)
        for stage in range(3):
            if stage:
                inner = norm(box(x.relu(), 3, 2 * x.shape[1], w, 2), w)
                inner = norm(box(inner.relu(), 3, 0, w), w)
                x = inner + box(F.avg_pool2d(x, 2), 1, 2 * x.shape[1], w)
            nodes = [x, *(torch.zeros_like(x) for _ in range(3))]
            for name, source, target in edges:
                nodes[target] = nodes[target] + edge(name, nodes[source], w)
            x = nodes[3]
        return head(norm(x, w).relu(), w)

    return of(output, "nasbench201")


def of_nasbench101(cell: str, images: Tensor) -> float:
    """Of `0110;… input|conv3x3-bn-relu|…|output`, with 8 channels, two stacks of one cell each."""
    rows, names = cell.split(" ")
    matrix = [[bit == "1" for bit in row] for row in rows.split(";")]
    operations = names.split("|")

    def output(w: float) -> Tensor:
        x = layer(images.double(), 3, 8, w)
        x = module(x, matrix, operations, 8, w)
        x = module(F.max_pool2d(x, 2), matrix, operations, 16, w)
        return head(x, w)

    return of(output, "nasbench101")


def of(output: Callable[[float], Tensor], space: str) -> float:
    """Epsilon of a network that is given as a function of its one weight."""
    low, high = (output(weight).numpy() for weight in WEIGHTS[space])
    return formula(low, high)


def head(x: Tensor, w: float) -> Tensor:
    """The mean over places, and a linear layer with one class and without an offset."""
    return x.mean(dim=(2, 3)).sum(dim=1) * w


def box(x: Tensor, kernel: int, outputs: int, w: float, stride: int = 1) -> Tensor:
    """A convolution whose every entry is w."""
    weight = torch.full((outputs or x.shape[1], x.shape[1], kernel, kernel), w, dtype=x.dtype)
    return F.conv2d(x, weight, None, stride, kernel // 2)


def norm(x: Tensor, w: float) -> Tensor:
    """A batch norm whose every factor is w, and every offset 0."""
    mean, variance = x.mean(dim=(0, 2, 3), keepdim=True), x.var((0, 2, 3), False, keepdim=True)
    return w * (x - mean) / (variance + 1e-5).sqrt()


def edge(name: str, x: Tensor, w: float) -> Tensor:
    """An operation of NAS-Bench-201."""
    if name == "avg_pool_3x3":
        ones = torch.ones_like(x)
        sums = [F.avg_pool2d(v, 3, 1, 1) for v in (x, ones)]
        return sums[0] / sums[1]
    if name == "none":
        return x * 0
    if name == "skip_connect":
        return x
    return norm(box(x.relu(), {"nor_conv_1x1": 1, "nor_conv_3x3": 3}[name], 0, w), w)


def layer(x: Tensor, kernel: int, outputs: int, w: float) -> Tensor:
    """A convolution, a norm and a ReLU, as NAS-Bench-101 has them."""
    return norm(box(x, kernel, outputs, w), w).relu()


def widths(matrix: list[list[bool]], outputs: int) -> list[int]:
    """The channels of every vertex but the first: those before the output share its channels."""
    last = len(matrix) - 1
    found = [0] * last + [outputs]
    joined = [vertex for vertex in range(1, last) if matrix[vertex][last]]
    for place, vertex in enumerate(joined):
        found[vertex] = outputs // len(joined) + (place < outputs % len(joined))
    for vertex in range(last - 1, 0, -1):
        if not matrix[vertex][last]:
            found[vertex] = max(found[to] for to in range(vertex + 1, last) if matrix[vertex][to])
    return found


def module(
    x: Tensor, matrix: list[list[bool]], operations: list[str], outputs: int, w: float
) -> Tensor:
    """A cell of NAS-Bench-101: sums into vertices, a concatenation into the output."""
    last, channels = len(matrix) - 1, widths(matrix, outputs)
    values = [x]
    for vertex in range(1, last):
        terms = [
            values[source][:, : channels[vertex]]
            for source in range(1, vertex)
            if matrix[source][vertex]
        ]
        if matrix[0][vertex]:
            terms.append(layer(x, 1, channels[vertex], w))
        total = sum(terms[1:], start=terms[0])
        if operations[vertex] == "maxpool3x3":
            values.append(F.max_pool2d(total, 3, 1, 1))
        else:
            kernel = {"conv1x1-bn-relu": 1, "conv3x3-bn-relu": 3}[operations[vertex]]
            values.append(layer(total, kernel, channels[vertex], w))
    joined = [values[vertex] for vertex in range(1, last) if matrix[vertex][last]]
    projected = [layer(x, 1, outputs, w)] if matrix[0][last] else []
    whole = [torch.cat(joined, dim=1)] if joined else []
    return sum([*whole, *projected][1:], start=[*whole, *projected][0])
