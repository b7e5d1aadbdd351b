"""A vision transformer; each layer has its own number of heads and its own hidden width."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class VisionTransformer(nn.Module):
    """Logits (batch, classes) of images (batch, channels, height, width), of shape `inputs`.

    `layers` has the number of heads and the hidden width of each layer. Every part begins with its
    norm (pre-norm). The classifier reads the output of the class token.
    """

    def __init__(
        self,
        width: int,
        layers: Sequence[tuple[int, int]],
        *,
        inputs: Sequence[int],
        patch: int,
        classes: int,
        head_width: int,
    ) -> None:
        super().__init__()
        channels, height, wide = inputs
        self.patches = nn.Conv2d(channels, width, patch, patch)
        self.token = nn.Parameter(torch.empty(1, 1, width))
        self.places = nn.Parameter(torch.empty(1, (height // patch) * (wide // patch) + 1, width))
        self.layers = nn.Sequential(
            *(
                nn.Sequential(
                    Residual(width, Attention(width, heads, head_width)),
                    Residual(width, _perceptron(width, hidden)),
                )
                for heads, hidden in layers
            )
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)
        for parameter in (self.token, self.places):
            nn.init.trunc_normal_(parameter, std=0.02)
        for part in self.modules():
            if isinstance(part, nn.Linear):
                nn.init.trunc_normal_(part.weight, std=0.02)
                nn.init.zeros_(part.bias)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(images.shape[0], -1, -1), patches], dim=1)
        tokens = self.layers(tokens + self.places)
        logits: Tensor = self.head(self.norm(tokens)[:, 0])
        return logits


class Residual(nn.Module):
    """x + part(norm(x))."""

    def __init__(self, width: int, part: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.part = part

    def forward(self, tokens: Tensor) -> Tensor:
        output: Tensor = tokens + self.part(self.norm(tokens))
        return output


class Attention(nn.Module):
    """Self-attention with heads of a fixed width, which does not depend on the tokens' width."""

    def __init__(self, width: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.shape = (3, heads, head_width)
        self.inputs = nn.Linear(width, 3 * heads * head_width)
        self.outputs = nn.Linear(heads * head_width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        size, count, _ = tokens.shape
        parts = self.inputs(tokens).view(size, count, *self.shape).permute(2, 0, 3, 1, 4)
        queries, keys, values = parts[0], parts[1], parts[2]
        products = queries @ keys.transpose(2, 3) / self.shape[2] ** 0.5
        mixed = products.softmax(dim=3) @ values
        output: Tensor = self.outputs(mixed.transpose(1, 2).flatten(2))
        return output


def _perceptron(width: int, hidden: int) -> nn.Module:
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
