"""The oracles' net «vit», which their README gives as closed formulas."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

WIDTH, HEADS = 16, 2


class Transformer(nn.Module):
    """A vision transformer of two pre-norm blocks on images of 16x16 pixels."""

    def __init__(self, dtype: torch.dtype = torch.float32, classes: int = 10) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, WIDTH, 4, 4)
        self.token = nn.Parameter(_wave((1, 1, WIDTH), 0.05, 12))
        self.places = nn.Parameter(_wave((1, 17, WIDTH), 0.05, 11))
        self.blocks = nn.Sequential(Block(), Block())
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, classes)
        layers = [part for part in self.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
        for number, layer in enumerate(layers, start=1):
            assert layer.bias is not None
            layer.weight.data = _wave(tuple(layer.weight.shape), 0.25, number)
            layer.bias.data = 0.1 * torch.sin(0.9 * torch.arange(len(layer.bias)).double() + 0.4)
        self.to(dtype)  # computed in float64, then rounded

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patch(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(images), -1, -1), patches], dim=1)
        tokens = self.norm(self.blocks(tokens + self.places))
        logits: Tensor = self.head(tokens[:, 1:].mean(dim=1))
        return logits


class Block(nn.Module):
    """Attention and a perceptron, each after its norm."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(WIDTH), Attention()
        self.norm2, self.fc1, self.fc2 = nn.LayerNorm(WIDTH), nn.Linear(16, 32), nn.Linear(32, 16)
        self.gelu = nn.GELU()

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.norm1(tokens))
        output: Tensor = tokens + self.fc2(self.gelu(self.fc1(self.norm2(tokens))))
        return output


class Attention(nn.Module):
    """Two heads; queries, keys and values come from one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        size, count, _ = tokens.shape
        parts = self.qkv(tokens).view(size, count, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        weights = (parts[0] @ parts[1].transpose(2, 3) * (WIDTH // HEADS) ** -0.5).softmax(dim=3)
        output: Tensor = self.proj((weights @ parts[2]).transpose(1, 2).flatten(2))
        return output


def _wave(shape: tuple[int, ...], size: float, number: int) -> Tensor:
    k = np.arange(np.prod(shape))
    return torch.from_numpy(size * np.sin(0.37 * (k * k) + 1.3 * number)).view(shape)
