"""The macro space of TransNAS-Bench-101: where networks widen and shrink, and their depth."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from nas import SPACES, Arch
from nas.network import Add, BatchNorm, Builder, Conv
from spaces._images import check_images
from spaces._nasbench201 import relu_conv_norm
from spaces._transnas import SMALLER, WIDER, WIDER_AND_SMALLER, TransNAS

ABSENT = 4
"""The option of a fifth or sixth module that is left out."""

NOTATION = re.compile("64-([1-4]{4,6})-basic")


@SPACES.register("transnas_macro")
@dataclass(frozen=True)
class TransNASMacro(TransNAS):
    """TransNAS-Bench-101's macro space: 3,256 networks (Duan et al. 2021, arXiv:2105.11871).

    Four to six modules of two residual blocks each. The i-th decision is the i-th module. Option
    0: it keeps channels and resolution; 1: its first block doubles the channels; 2: it halves the
    resolution; 3: both; 4, only of the last two decisions: there is no such module. (The published
    digits are 1 to 4, one for each module.) One to three modules double the channels, and one to
    four halve the resolution. Before the modules there is a stem of two 3x3 convolutions of stride
    2 with half of `channels` and `channels`; after them a spatial mean and a linear classifier. A
    block is two times ReLU, 3x3 convolution, norm; if it changes the shape, its shortcut is a 1x1
    convolution and a norm.

    The network is that of scene classification (47 classes); object classification has 75 outputs,
    room layout 9. The other tasks, such as the table's autoencoding, have the same blocks with
    other decoders. Source: the benchmark's own `MacroNet`. The 64 in the notation is the
    benchmark's number of channels; it does not depend on `channels`.

    Images of the benchmark's 256x256 pixels are cheap only for epsilon and counts. For proxies
    that run every channel, set `resolution=64` or a small batch.
    """

    part = "blocks"
    choices = (4, 4, 4, 4, 5, 5)
    # with 1e-7 epsilon has no score if two modules change the shape
    shared_weights = (1e-4, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_images(self, 4, "4: the stem halves it twice")

    def parse(self, text: str) -> Arch:
        match = NOTATION.fullmatch(text)
        kinds = [int(digit) - 1 for digit in match[1]] if match else []
        arch = (*kinds, *[ABSENT] * (len(self.choices) - len(kinds)))
        if not self.valid(arch):
            raise ValueError(
                f"'{text}' is no macro network of TransNAS-Bench-101: write 64-digits-basic with "
                "4 to 6 digits from 1 to 4; 2 and 4 double the channels, one to three times, "
                "3 and 4 halve the resolution, one to four times"
            )
        return arch

    def format(self, arch: Arch) -> str:
        return f"64-{''.join(str(kind + 1) for kind in self.modules(arch))}-basic"

    def valid(self, arch: Arch) -> bool:
        kinds = self.modules(arch)
        doubled = sum(kind in (WIDER, WIDER_AND_SMALLER) for kind in kinds)
        halved = sum(kind in (SMALLER, WIDER_AND_SMALLER) for kind in kinds)
        gap = arch[-2] == ABSENT != arch[-1]
        return not gap and 1 <= doubled <= 3 and 1 <= halved <= 4

    @property
    def size(self) -> int:
        return sum(map(self.valid, product(*map(range, self.choices))))

    def modules(self, arch: Arch) -> Sequence[int]:
        return tuple(kind for kind in arch if kind != ABSENT)

    def block(
        self, net: Builder, node: int, arch: Arch, inputs: int, outputs: int, stride: int
    ) -> int:
        convs = (*relu_conv_norm(inputs, outputs, 3, stride), *relu_conv_norm(outputs, outputs, 3))
        inner = net.chain(node, *convs)
        if stride > 1 or inputs != outputs:
            with net.scope("shortcut"):
                node = net.chain(node, Conv(inputs, outputs, 1, stride), BatchNorm(outputs))
        return net.add(Add(), node, inner)
