"""A network of one's own, in plain torch, scored by twenty proxies that train nothing.

`python examples/my_resnet.py` prints the table. On the command line it is
`nas score file=examples/my_resnet.py:ResNet inputs=[3,32,32] proxy=all`.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

import nas

PROXIES = [
    *("depth", "dextr", "epsilon", "expressivity", "fisher", "grad_norm", "gradsign", "jacob_cov"),
    *("l2_norm", "l_swag", "meco_image", "naswot", "near", "snip", "swap", "synflow"),
    *("trainability", "vkdnw", "zen", "zico"),
]


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.path(x) + self.shortcut(x))


class ResNet(nn.Module):
    """A stem, three blocks and a classifier; it returns its features, too."""

    def __init__(self, width: int = 16, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        widths = [width, width, 2 * width, 4 * width]
        self.blocks = nn.Sequential(*(Block(i, o, 1 + (o > i)) for i, o in pairwise(widths)))
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.blocks(self.stem(x)).mean(dim=(2, 3))
        return features, self.head(features)


if __name__ == "__main__":
    print(nas.score(ResNet, (3, 32, 32), proxies=[*PROXIES, "params", "flops"]))
