"""Networks for tests: random ones of every operation, and chains."""

from __future__ import annotations

from random import Random

import torch

from nas.network import (
    Add,
    AvgPool,
    BatchNorm,
    Builder,
    Concat,
    Conv,
    Crop,
    GlobalAvgPool,
    Linear,
    MaxPool,
    Narrow,
    Network,
    Op,
    ReLU,
    Scale,
    Shape,
    Sigmoid,
    SiLU,
    Zero,
)


def random_network(rng: Random, layers: int = 14, gated: bool = False) -> Network:
    """A network for 3 x 9 x 9 inputs with grouped, dilated and strided convolutions.

    `gated`: also activations that are not powers of their input, and factors of channels.
    """
    net = Builder((3, 9, 9))
    shapes: list[Shape] = [(3, 9, 9)]

    def add(op: Op, *inputs: int) -> int:
        index = net.add(op, *inputs)
        shapes.append(op.shape(*(shapes[i] for i in inputs)))
        return index

    add(Conv(3, 6, 3, padding=1), 0)
    add(BatchNorm(6), 1)
    while len(shapes) < layers:
        late = range(len(shapes) // 2, len(shapes))
        source = rng.choice([i for i in late if len(shapes[i]) == 3])
        channels, size, _ = shapes[source]
        partners = [i for i, shape in enumerate(shapes) if shape[1:] == shapes[source][1:]]
        partner = rng.choice(partners)
        kinds = ["conv", "depthwise", "grouped", "pool", "add", "concat", "zero", "narrow", "crop"]
        kinds += ["silu", "squeeze", "foreign"] * gated
        kind = rng.choice(kinds)
        kernel = rng.choice([1, 3, 5]) if size > 4 else 1
        stride = rng.choice([1, 1, 1, 2]) if size > 4 else 1
        if kind == "conv":
            dilation = rng.choice([1, 2]) if kernel == 3 and size > 4 else 1
            conv = Conv(channels, 6, kernel, stride, kernel // 2 * dilation, dilation)
            add(BatchNorm(6), add(conv, add(ReLU(), source)))
        elif kind == "depthwise":
            conv = Conv(channels, channels, kernel, stride, kernel // 2, groups=channels)
            add(BatchNorm(channels), add(conv, source))
        elif kind == "grouped" and channels % 3 == 0:
            add(Conv(channels, 6, kernel, stride, kernel // 2, groups=3), source)
        elif kind == "pool" and size > 4:
            add(rng.choice([AvgPool, MaxPool])(3, stride, 1), source)
        elif kind == "add" and shapes[partner] == shapes[source]:
            add(Add(), source, partner)
        elif kind == "concat" and channels + shapes[partner][0] <= 30:
            add(Concat(), source, partner)
        elif kind == "narrow" and channels > 2:
            add(Narrow(rng.randrange(2, channels)), source)
        elif kind == "crop" and size > 4:
            add(Crop(), source)
        elif kind == "silu":
            add(SiLU(), source)
        elif kind in ("squeeze", "foreign"):  # the factors are the map's own, or another's
            other = source if kind == "squeeze" else rng.randrange(len(shapes))
            if len(shapes[other]) == 3:
                node = add(SiLU(), add(Linear(shapes[other][0], 2), add(GlobalAvgPool(), other)))
                factors = add(Linear(2, channels), node)
                if rng.randrange(2):
                    factors = add(Sigmoid(), factors)
                add(Scale(), source, factors)
        elif kind == "zero":
            zeros = add(Zero(channels, stride), partner)
            add(Add(), add(MaxPool(1, stride), source), zeros)
    channels = shapes[-1][0]
    add(
        Linear(channels, 2),
        add(GlobalAvgPool(), add(ReLU(), add(BatchNorm(channels), len(shapes) - 1))),
    )
    return net.build()


def images(seed: int, size: int = 6, resolution: int = 9) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (size, 3, resolution, resolution)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def chain(depth: int, norm: bool) -> Network:
    net = Builder((3, 9, 9))
    node, channels = net.input, 3
    for _ in range(depth):
        node = net.add(Conv(channels, 8, 3, padding=1), node)
        channels = 8
        if norm:
            node = net.add(BatchNorm(8), node)
        node = net.add(ReLU(), node)
    net.chain(node, GlobalAvgPool(), Linear(8, 1))
    return net.build()
