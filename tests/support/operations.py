"""Every operation of networks once, with inputs that it takes."""

from __future__ import annotations

from nas.network import (
    ELU,
    GELU,
    Add,
    Attention,
    AvgPool,
    BatchNorm,
    Builder,
    Concat,
    Conv,
    ConvTranspose,
    Crop,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    GroupNorm,
    Hardsigmoid,
    Hardswish,
    InstanceNorm,
    LayerNorm,
    LeakyReLU,
    Linear,
    MaxPool,
    Mish,
    Multiply,
    Narrow,
    Network,
    Op,
    Permute,
    Positions,
    ReLU,
    ReLU6,
    RMSNorm,
    Scale,
    SequenceMean,
    Shape,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    Upsample,
    Zero,
)

MAPS: dict[int, Shape] = {1: (4, 9), 2: (4, 9, 7), 3: (4, 5, 6, 7)}
VECTOR, SEQUENCE, TOKENS = (6,), (5, 8), (5,)
VOCABULARY = 11
ACTIVATIONS: tuple[Op, ...] = (
    *(ELU(), GELU(), Hardsigmoid(), Hardswish(), LeakyReLU(0.2), Mish(), ReLU(), ReLU6()),
    *(Sigmoid(), SiLU(), Softplus(), Tanh(), Dropout(0.3)),
)


def _cases() -> list[tuple[Shape, Op, int]]:
    """The shape of the inputs, the operation, and how many inputs it reads."""
    found: list[tuple[Shape, Op, int]] = []
    for dims, maps in MAPS.items():
        ops: list[Op] = [
            Conv(4, 6, 3, 2, 1, dims=dims),
            Conv(4, 6, 3, 1, 2, dilation=2, bias=True, dims=dims),
            Conv(4, 8, 3, padding=1, groups=2, dims=dims),
            Conv(4, 4, 3, padding=1, groups=4, dims=dims),
            ConvTranspose(4, 6, 3, 2, 1, 1, dims=dims),
            ConvTranspose(4, 6, 2, 2, bias=True, dims=dims),
            BatchNorm(4, dims=dims),
            InstanceNorm(4, dims=dims),
            GroupNorm(2, 4),
            AvgPool(3, 2, 1, dims=dims),
            MaxPool(3, 2, 1, dims=dims),
            Upsample(2),
            GlobalAvgPool(),
            Flatten(),
            Flatten(1),
            Zero(),
            Zero(3, 2),
            Zero(size=(3, 4)),
            Softmax(0),
            Permute(tuple(range(dims, -1, -1))),
            Narrow(3),
        ]
        found += [(maps, op, 1) for op in ops] + [(maps, op, 2) for op in (Concat(), Add())]
    found += [(MAPS[2], Upsample(3, "bilinear"), 1), (MAPS[2], Crop(), 1)]
    found += [(VECTOR, op, 1) for op in (Linear(6, 3), BatchNorm(6, dims=1), LayerNorm(6))]
    sequence = (
        *(Linear(8, 3), LayerNorm(8), RMSNorm(8), Positions(5, 8), SequenceMean(), Softmax()),
        *(Attention(8, 2), Attention(8, 4, bias=False, causal=True), Permute((1, 0))),
    )
    found += [(SEQUENCE, op, 1) for op in sequence]
    found += [(shape, op, 1) for shape in (VECTOR, MAPS[1], MAPS[2]) for op in ACTIVATIONS]
    found += [(shape, Multiply(), 2) for shape in (VECTOR, SEQUENCE, MAPS[3])]
    return [*found, (TOKENS, Embedding(VOCABULARY, 4), 1)]


CASES = _cases()


def one(shape: Shape, op: Op, inputs: int) -> Network:
    """A network of this operation alone, which may read its input several times."""
    net = Builder(shape)
    net.add(op, *[net.input] * inputs)
    return net.build()


def scaled(dims: int) -> Network:
    """Maps times factors of their own."""
    net = Builder(MAPS[dims])
    net.add(Scale(), net.input, net.add(GlobalAvgPool(), net.input))
    return net.build()
