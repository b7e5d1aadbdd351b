"""The MnasNet-like space of Accel-NASBench: seven blocks of mobile inverted bottlenecks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas import SPACES, Arch, Space
from nas.network import (
    Add,
    BatchNorm,
    Builder,
    Conv,
    GlobalAvgPool,
    Linear,
    Network,
    Scale,
    Sigmoid,
    SiLU,
)
from nas.storage.literals import literal
from spaces._images import Resolution, check_images, sides

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DECISIONS = ("e", "k", "l", "se")
"""The columns of every block: expansion, kernel, layers, squeeze-and-excitation."""
OPTIONS = {"e": (1, 4, 6), "k": (3, 5), "l": (1, 2, 3), "se": (0, 1)}
DEEP = (1, 2, 3, 4)
"""The layers that block 5 may have."""
COLUMNS = tuple(f"block{block}_{name}" for block in range(7) for name in DECISIONS)
VALUES = tuple(DEEP if name == "block5_l" else OPTIONS[name.split("_")[1]] for name in COLUMNS)
"""What the options of every decision mean."""

STEM = 32
WIDTHS = (16, 24, 40, 80, 112, 192, 320)
STRIDES = (1, 2, 2, 2, 1, 2, 1)
HEAD = 4
"""The head has this many times the channels of the last block."""


@SPACES.register("mnasnet")
@dataclass(frozen=True)
class MnasNet(Space):
    """Accel-NASBench's space: MnasNet-like networks (Ahmad et al. 2024, arXiv:2404.08005).

    Seven blocks of one to three layers (block 5: one to four). Each layer is a mobile inverted
    bottleneck: 1x1 convolution to `e` times the channels (none if e = 1), depthwise k x k, with
    `se` squeeze-and-excitation, 1x1 convolution to the block's channels. A norm follows each
    convolution, SiLU follows all but the last, and the layer's input is added if shapes allow. The
    decisions are `COLUMNS` in order; an option is its index in `VALUES`. Stem: 3x3 of stride 2;
    head: 1x1 to four times the channels, spatial mean, linear.

    Macro: `channels` of the stem, with all other channels in proportion (32: the benchmark's 16,
    24, 40, 80, 112, 192, 320), `classes` and `resolution`. Squeeze-and-excitation narrows to a
    quarter of the layer's input channels; its two convolutions have biases, SiLU follows the
    first and a sigmoid the second. This is the network that the benchmark trained on GPUs
    (repository `ANB-DatasetCollection`), without stochastic depth and dropout. Parameters equal
    the table's `params` on every row. The table's `macs` (counted by the package thop) are the
    FLOPs of `nas` (multiply-adds of convolutions and linear layers without biases), plus four for
    each input number of a norm, plus h w + 1 for each channel that is averaged over h x w. They
    are for `resolution=224`. The default is 64, because with 256 images of 224 pixels proxies of
    gradients need tens of gigabytes; epsilon ranks alike at both.

    No constants for epsilon are published. At 3e-3 and below the network is almost linear, so
    smaller constants give nearly the same scores, until the low pass underflows in float32: under
    1e-3 this happens for a fifth of the networks. At 2e-2 activations are nonlinear, and the
    outputs still vary. From 0.1 on, one image of the batch has a large output and all others have
    nearly the same one, so that float32 and float64 give different digits.
    """

    channels: int = STEM
    classes: int = 1000
    resolution: Resolution = 64
    input_channels: int = 3

    choices = tuple(len(values) for values in VALUES)
    shared_weights = (3e-3, 2e-2)
    columns = COLUMNS
    release = (
        "the official release is anb_dataset_jsons.tar.gz of "
        "https://github.com/afzalxo/Accel-NASBench, one JSON file an architecture."
    )

    def __post_init__(self) -> None:
        if self.channels < 4 or self.channels % 4:
            raise ValueError(f"channels={self.channels} must be a multiple of 4, such as {STEM}")
        if self.classes < 1:
            raise ValueError(f"classes={self.classes} must be at least 1")
        check_images(self, 32, "32: it is halved five times")

    def parse(self, text: str) -> Arch:
        """The network of its 28 numbers, or of a mapping with the names of the table's columns."""
        config = literal(text) if text.startswith("{") else None
        words = text.split()
        if isinstance(config, dict) and {*COLUMNS} <= {*config}:
            words = [str(config[name]) for name in COLUMNS]
        if len(words) != len(COLUMNS):
            raise ValueError(
                f"'{text}' is no architecture: write {len(COLUMNS)} numbers, expansion, kernel, "
                "layers and squeeze-and-excitation of each of the seven blocks, such as "
                f"'{self.format((0,) * len(COLUMNS))}'"
            )
        return tuple(map(_option, words, COLUMNS, VALUES))

    def format(self, arch: Arch) -> str:
        return " ".join(str(values[option]) for values, option in zip(VALUES, arch, strict=True))

    @property
    def inputs(self) -> tuple[int, ...]:
        return self.input_channels, *sides(self.resolution)

    def layer_features(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Four numbers of every block, their sums, and how many layers are of a kind.

        The numbers are the multiply-adds of 1x1 convolutions, those of depthwise convolutions,
        the numbers that convolutions write, and those that are squeezed. Kinds: any, expanded,
        5x5, squeezed.
        """
        import numpy as np

        options = [[values[o] for values, o in zip(VALUES, arch, strict=True)] for arch in archs]
        blocks = np.array(options, np.float64).reshape(len(archs), len(WIDTHS), len(DECISIONS))
        found, width = [], float(self.channels)
        area = float(np.prod(self.inputs[1:])) / 4  # the stem has stride 2
        for block, (base, stride) in enumerate(zip(WIDTHS, STRIDES, strict=True)):
            outputs = float(base * self.channels // STEM)
            e, k, layers, squeeze = blocks[:, block].T
            first = _counted((width, outputs), e, k, (area, area / stride**2))
            area /= stride**2
            rest = _counted((outputs, outputs), e, k, (area, area))
            each = [one + (layers - 1) * more for one, more in zip(first, rest, strict=True)]
            found.append(np.stack([*each[:3], squeeze * each[3]], axis=1))
            width = outputs
        every = np.stack(found, axis=1)
        layers = blocks[:, :, 2]
        kinds = (1.0, blocks[:, :, 0] > 1, blocks[:, :, 1] == 5, blocks[:, :, 3])
        counts = np.stack([(layers * kind).sum(axis=1) for kind in kinds], axis=1)
        own = every.reshape(len(archs), every.shape[1] * every.shape[2])
        return np.concatenate([own, every.sum(axis=1), counts], axis=1)

    def network(self, arch: Arch) -> Network:
        numbers = iter(values[option] for values, option in zip(VALUES, arch, strict=True))
        net = Builder(self.inputs)
        width = self.channels
        with net.scope("stem"):
            node = net.mark(net.chain(net.input, *_conv(self.input_channels, width, 3, 2), SiLU()))
        for block, (base, first) in enumerate(zip(WIDTHS, STRIDES, strict=True)):
            expansion, kernel, layers, squeeze = (next(numbers) for _ in DECISIONS)
            for layer, stride in enumerate((first, *[1] * (layers - 1))):
                outputs = base * self.channels // STEM
                sizes = (width, outputs, expansion, kernel, stride)
                with net.scope("stages", block, layer):
                    node = net.mark(_bottleneck(net, node, sizes, bool(squeeze)))
                width = outputs
        head = (*_conv(width, HEAD * width, 1), SiLU(), GlobalAvgPool())
        with net.scope("head"):
            net.chain(node, *head, Linear(HEAD * width, self.classes))
        return net.build()


def _option(word: str, column: str, values: tuple[int, ...]) -> int:
    for option, value in enumerate(values):
        if word == str(value):
            return option
    raise ValueError(f"{column}={word[:20]} must be one of {', '.join(map(str, values))}")


def _counted(
    widths: tuple[float, float],
    expansion: NDArray[np.float64],
    kernel: NDArray[np.float64],
    areas: tuple[float, float],
) -> list[NDArray[np.float64]]:
    """What `layer_features` says of layers with such inputs and outputs, expansions and kernels.

    The last of the numbers is the one of inputs of a squeeze.
    """
    (inputs, outputs), (before, after) = widths, areas
    middle, expanded = inputs * expansion, (expansion > 1) * before
    return [
        inputs * middle * expanded + middle * outputs * after,
        middle * kernel**2 * after,
        middle * (expanded + after) + outputs * after,
        middle * after,
    ]


def _conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> tuple[Conv, BatchNorm]:
    sizes = (inputs, outputs, kernel, stride, kernel // 2)
    return Conv(*sizes, groups=groups), BatchNorm(outputs)


def _bottleneck(
    net: Builder, start: int, sizes: tuple[int, int, int, int, int], squeeze: bool
) -> int:
    """Add a layer; `sizes` are (inputs, outputs, expansion, kernel, stride)."""
    inputs, outputs, expansion, kernel, stride = sizes
    width = inputs * expansion
    node = start
    if expansion > 1:
        with net.scope("expand"):
            node = net.chain(node, *_conv(inputs, width, 1), SiLU())
    with net.scope("depthwise"):
        node = net.chain(node, *_conv(width, width, kernel, stride, groups=width), SiLU())
    if squeeze:
        narrow = max(1, inputs // 4)
        linear = (Linear(width, narrow), SiLU(), Linear(narrow, width), Sigmoid())
        with net.scope("squeeze"):
            node = net.add(Scale(), node, net.chain(node, GlobalAvgPool(), *linear))
    with net.scope("project"):
        node = net.chain(node, *_conv(width, outputs, 1))
    return node if stride > 1 or inputs != outputs else net.add(Add(), node, start)
