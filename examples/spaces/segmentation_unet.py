"""U-Nets that say of every pixel whether it is on a disc.

`python examples/spaces/segmentation_unet.py` searches them. The images are drawn: one bright disc
of random size and place on noise. The labels have a class for every pixel.
"""

from __future__ import annotations

import torch

import nas
from nas import SPACES, Space
from nas.batch import Batch
from nas.network import Builder, Network, ops

SIDE = 16


@SPACES.register("segmentation_unet")
class SegmentationUNet(Space):
    """An encoder and a decoder of the same depth, with skips between maps of the same size."""

    decisions = {"depth": (1, 2, 3), "width": (4, 8), "kernel": (3, 5)}
    decisions |= {"up": ("nearest", "transposed"), "skip": ("concat", "add")}
    inputs = (1, SIDE, SIDE)

    def network(self, depth: int, width: int, kernel: int, up: str, skip: str) -> Network:
        """Two logits for every pixel: (2, SIDE, SIDE)."""
        net = Builder(self.inputs)

        def block(node: int, inside: int) -> int:
            conv = ops.Conv(inside, width, kernel, padding=kernel // 2)
            return net.mark(net.chain(node, conv, ops.BatchNorm(width), ops.ReLU()))

        levels = [block(net.input, 1)]
        for _ in range(depth):
            levels.append(block(net.add(ops.MaxPool(2, 2), levels[-1]), width))
        node = levels.pop()
        larger = {"nearest": ops.Upsample(2), "transposed": ops.ConvTranspose(width, width, 2, 2)}
        for level in reversed(levels):
            join, inside = (ops.Concat(), 2 * width) if skip == "concat" else (ops.Add(), width)
            node = block(net.add(join, level, net.add(larger[up], node)), inside)
        net.add(ops.Conv(width, 2, 1, bias=True), node)
        return net.build()

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Discs on noise, and the class of every pixel."""
        centres = SIDE * (0.2 + 0.6 * torch.rand(2, size, 1, 1, generator=generator))
        radii = SIDE * (0.1 + 0.2 * torch.rand(size, 1, 1, generator=generator))
        pixels = torch.arange(SIDE)
        rows, columns = pixels[:, None] - centres[0], pixels - centres[1]
        discs = rows**2 + columns**2 <= radii**2
        noise = torch.randn(size, 1, SIDE, SIDE, generator=generator)
        return Batch(0.7 * noise + 2 * discs[:, None], discs.long())


if __name__ == "__main__":
    found = nas.search("segmentation_unet", "zico", budget=10, finals=None)
    print(found.arch, found.best.score)
