"""Operations of modules collapsed: with a handler, and computed for all channels without one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.modules import ChannelsLastNorm, shuffled
from tests.test_collapse_modules import Applied, assert_equal, collapse, densely, images

KNOWN: dict[str, Callable[[Tensor], Tensor]] = {
    # entry by entry
    "relu": torch.relu,
    "method": lambda x: x.sigmoid() + x.tanh() - x.abs().sqrt().exp().log1p(),
    "activations": lambda x: F.gelu(x) + F.silu(x) * F.hardswish(x) - F.elu(x) / F.softplus(x),
    "more activations": lambda x: F.leaky_relu(x, 0.2) + F.hardsigmoid(x) * F.mish(x) + F.relu6(x),
    "in place": lambda x: F.relu(x.clone(), inplace=True).mul_(2).add_(x).clamp_(min=-1.0),
    "operators": lambda x: (2 * x + 1 - x / 3) ** 2 + 1 / (2 + x.abs()) - (-x) * (3 - x),
    "comparisons": lambda x: torch.where(x > 0.1, x, 2 * x) * (x < 1) + x.masked_fill(x > 0, 0.5),
    "maximum": lambda x: torch.maximum(x, -x) + torch.minimum(x, x * 2) + x.lerp(x * x, 0.3),
    "plain tensors": lambda x: x * torch.arange(16.0).view(-1, 1, 1) + torch.ones(6, 6).triu(),
    "zeros like": lambda x: torch.zeros_like(x) + torch.ones_like(x) * x,
    "double": lambda x: x.float().double() + x.to(torch.float64).detach().contiguous() + x.data,
    "dropout": lambda x: F.dropout(x, 0.5, training=False),
    "prelu": lambda x: F.prelu(x, torch.full((16,), 0.3, dtype=x.dtype)),
    # along dimensions
    "means": lambda x: x.mean((2, 3)) + x.mean(1).sum((1, 2))[:, None] + x.mean(),
    "sums": lambda x: x.sum((-1, -2), keepdim=True) * x.sum(1, keepdim=True) + x.sum(dim=0),
    "extremes": lambda x: (
        x.amax(1, keepdim=True) - x.amin((1, 2), keepdim=True) + x.amax(3).mean()
    ),
    "spread": lambda x: x / (x.std(dim=(2, 3), keepdim=True) + x.norm(dim=2, keepdim=True) + 1),
    "softmax": lambda x: (
        x.softmax(1) * F.softmax(x, dim=2) + torch.softmax(x.mean((2, 3)), -1)[..., None, None]
    ),
    # shapes
    "flatten": lambda x: F.linear(x.flatten(1), torch.ones(3, 576, dtype=x.dtype)),
    "flatten, entrywise": lambda x: (x.flatten(1) * 2).tanh() + x.view(x.size(0), -1),
    "reshape": lambda x: x.reshape(len(x), 16, 36).softmax(2).view_as(x) * x,
    "tokens": lambda x: x.flatten(2).transpose(1, 2).mean(1),
    "permute": lambda x: (x.permute(0, 2, 3, 1) * torch.arange(16.0)).permute(0, 3, 1, 2),
    "movedim": lambda x: x.movedim(1, -1).mT.swapaxes(-1, 2).mean((1, 2)).T + x.mean((2, 3)).t(),
    "squeeze": lambda x: (
        x.mean((2, 3), keepdim=True).squeeze() + x.mean((2, 3)).unsqueeze(2).squeeze(-1)
    ),
    "unflatten": lambda x: (
        torch.unflatten(x, 1, (2, 8)).sum((1, 2)) + x.view(3, 4, 4, 6, 6).mean((1, 2))
    ),
    "shuffle": lambda x: x.view(-1, 2, 8, 6, 6).transpose(1, 2).reshape(x.shape),
    "shuffle, twice": lambda x: shuffled(torch.tanh(shuffled(x, 4)), 2) + shuffled(x, 2),
    "chunk": lambda x: torch.cat(
        [a * b for a, b in [x.chunk(2, dim=1)]]
        + [x.chunk(3, 2)[1][:, :, :1].expand(-1, -1, 6, -1)],
        1,
    ),
    "split": lambda x: torch.stack([y.mean(1) for y in torch.split(x, [3, 9, 4], 1)]),
    "index": lambda x: x[:, 2:12] * x[:, 7][:, None] + x[:, -1:] + x[..., ::2, 1:][:, 9:11].sum(),
    "unbind": lambda x: torch.stack([row * k for k, row in enumerate(x.unbind(2))]),
    "select": lambda x: x.select(1, 9) + x.narrow(1, 7, 3).sum(1),
    "expand": lambda x: (
        x + x.mean(1, keepdim=True).expand(-1, 16, -1, -1) + x.mean(1)[:, None].expand_as(x)
    ),
    "cat": lambda x: (
        torch.cat([x, x * 2], 2).mean(2)
        + torch.cat([x, torch.ones(3, 4, 6, 6)], 1).sum((1, 2))[:, None]
    ),
    "stack": lambda x: (
        torch.stack([x, x.relu()], 1).sum(1) + torch.stack([x, x * x], dim=-1).mean(-1)
    ),
    # layers
    "pools": lambda x: (
        F.avg_pool2d(x, 2)
        + F.max_pool2d(x, 3, 2, 1)
        - F.adaptive_avg_pool2d(x, 3)
        + F.adaptive_max_pool2d(x, (3, 3))
    ),
    "pool of tokens": lambda x: F.max_pool1d(x.flatten(2), 4) + F.avg_pool1d(x.mean(2), 2).mean(),
    "pad": lambda x: (
        F.pad(x, (1, 2, 0, 1)).mean((2, 3)) + F.pad(x, (1, 1, 2, 2), mode="reflect").amax((2, 3))
    ),
    "pad channels": lambda x: F.pad(x[:, :, ::2], (0, 0, 0, 0, 2, 3), value=0.5),
    "interpolate": lambda x: (
        F.interpolate(x, scale_factor=2) + F.interpolate(x, size=12, mode="bilinear")
    ),
    "control flow": lambda x: x * 2 if x.mean() > 0 else x + x.max().item() - float(x.min()),
    "instance norm": lambda x: F.instance_norm(x),
    "layer norm": lambda x: (
        F.layer_norm(x.permute(0, 2, 3, 1), (16,))
        + F.layer_norm(x, (16, 6, 6)).mean()
        + F.layer_norm(x, (6,)).permute(0, 2, 3, 1)
    ),
    "rms norm": lambda x: (
        F.rms_norm(x.movedim(1, -1), (16,), eps=1e-3).movedim(-1, 1)
        + F.rms_norm(x, (6, 6), eps=1.0)
    ),
    "group norm": lambda x: F.group_norm(x, 1) + F.group_norm(x, 4) * F.group_norm(x, 16),
}


@pytest.mark.parametrize("name", KNOWN)
def test_operations(name: str) -> None:
    inputs = images(3, 6)
    make = partial(Applied, KNOWN[name])
    for weight in (0.3, 2.0):
        (output,), notes = collapse(make, inputs, weight)
        assert_equal(output, densely(make, inputs, weight), 1e-11)
        assert not notes


def conv(outputs: int, *args: Any, **options: Any) -> nn.Module:
    return nn.Conv2d(16, outputs, *args, **options)


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "grouped": lambda: conv(24, 3, groups=4, padding=1),
    "grouped, one segment each": lambda: conv(24, 3, groups=8),
    "depthwise": lambda: conv(16, 3, 2, groups=16),
    "depthwise, multiplied": lambda: conv(48, 3, groups=16),
    "dilated": lambda: conv(4, 3, dilation=2, padding=2),
    "dilated, strided": lambda: conv(4, (3, 2), stride=(2, 1), dilation=(1, 3), padding=(2, 1)),
    "large": lambda: conv(4, 5, stride=2, padding=2),
    "much padding": lambda: conv(4, 3, padding=3),
    "even, same": lambda: conv(4, 4, padding="same"),
    "valid": lambda: conv(4, 3, padding="valid"),
    "circular": lambda: conv(4, 3, padding=1, padding_mode="circular"),
    "strided, 1x1": lambda: conv(4, 1, 2),
    "transposed": lambda: nn.ConvTranspose2d(16, 8, 3, 2, 1, 1, groups=2),
    "transposed, dilated": lambda: nn.ConvTranspose2d(16, 4, 2, dilation=2),
    "in one dimension": lambda: nn.Sequential(nn.Flatten(2), nn.Conv1d(16, 4, 5, 2, 1), nn.ReLU()),
    "in three": lambda: nn.Sequential(
        nn.Unflatten(2, (2, 3)), nn.Conv3d(16, 4, 2, padding=1), nn.MaxPool3d(2)
    ),
    "linear, last": lambda: nn.Linear(6, 4),
    "flat": lambda: nn.Sequential(nn.Flatten(), nn.Linear(576, 7), nn.ReLU(), nn.Linear(7, 2)),
    "flat norm": lambda: nn.Sequential(nn.Flatten(), nn.BatchNorm1d(576), nn.ReLU()),
    "batch norm": lambda: nn.BatchNorm2d(16),
    "batch norm, bare": lambda: nn.BatchNorm2d(16, affine=False, track_running_stats=False),
    "instance norm": lambda: nn.InstanceNorm2d(16, affine=True),
    "group norm": lambda: nn.GroupNorm(4, 16),
    "layer norm": lambda: nn.LayerNorm([16, 6, 6]),
    "layer norm, channels": lambda: ChannelsLastNorm(16),
    "prelu": lambda: nn.Sequential(nn.PReLU(16), nn.PReLU()),
    "activations": lambda: nn.Sequential(nn.CELU(), nn.Softmax2d(), nn.Hardtanh(), nn.SELU(True)),
    "upsample": lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.LPPool2d(2, 2)),
}


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    inputs = images(3, 6)

    def make() -> nn.Module:
        return Applied(lambda x, layer: layer(x), LAYERS[name]())

    for weight in (0.3, 2.0):
        (output,), notes = collapse(make, inputs, weight)
        assert_equal(output, densely(make, inputs, weight), 1e-11)
        assert not notes


class Attention(nn.Module):
    """Tokens of a class token, positions and patches; attention written out."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.qkv = nn.Conv2d(16, 24, 2, 2), nn.Linear(24, 72)
        self.token = nn.Parameter(torch.zeros(1, 1, 24))
        self.positions = nn.Parameter(torch.zeros(1, 10, 24))
        self.project = nn.Linear(24, 24)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.positions
        q, k, v = self.qkv(x).reshape(len(x), 10, 3, 4, 6).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) / 6**0.5).softmax(-1)
        x = x + self.project((weights @ v).transpose(1, 2).reshape(len(x), 10, 24))
        return x[:, 0] * x.mean(1)


def by_numpy(x: Tensor) -> Tensor:
    return torch.from_numpy(x.numpy() * 2) + x


def through_memory(x: Tensor) -> Tensor:
    memory = torch.zeros(len(x), 20, 6, 6, dtype=x.dtype)
    memory[:, :16] = x
    memory[:, 16:] += x[:, :4]
    return F.relu(memory)


UNKNOWN: dict[str, tuple[Callable[..., Tensor], list[Callable[[], nn.Module]]]] = {
    "pixel_shuffle": (lambda x: F.pixel_shuffle(x, 2), []),
    "einsum": (lambda x: torch.einsum("nchw,ndhw->ncd", x, x.relu()), []),
    "cumsum": (lambda x: x.cumsum(1), []),
    "scaled_dot_product_attention": (
        lambda x: F.scaled_dot_product_attention(*[x.flatten(2).transpose(1, 2)] * 3),
        [],
    ),
    "multi_head_attention_forward": (
        lambda x, layer: layer(*[x.flatten(2).mT] * 3)[0],
        [lambda: nn.MultiheadAttention(16, 4, batch_first=True)],
    ),
    "matmul": (lambda x, layer: layer(x), [Attention]),
    "lstm": (lambda x, layer: layer(x.flatten(2).mT)[0], [lambda: nn.LSTM(16, 5)]),
    "bilinear": (lambda x, layer: layer(x, x), [lambda: nn.Bilinear(6, 6, 3)]),
    "topk": (lambda x: torch.topk(x, 3, dim=2).values + x.sort(2)[0][:, :, :3], []),
    "index_select": (lambda x: x.index_select(1, torch.tensor([15, 0, 9, 9])) * 2, []),
    "getitem": (lambda x: x[:, [3, 3, 12]] + x[:, 7:10:2].mean(), []),
    "setitem": (lambda x: through_memory(x), []),
    "unfold": (lambda x: x.unfold(2, 3, 1).mean(-1) + F.unfold(x, 3).mean(), []),
    "numpy": (by_numpy, []),
    "local_response_norm": (lambda x, layer: layer(x), [lambda: nn.LocalResponseNorm(3)]),
    "glu": (lambda x: F.glu(x, 1), []),
    "avg_pool2d": (lambda x: F.avg_pool2d(x[1], 2), []),
    "log_softmax": (lambda x: F.log_softmax(x, 1), []),
    "flip": (lambda x: x.flip(1).sub_(x), []),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_operation_alone_is_computed_for_all_channels(name: str) -> None:
    """With a note that names it, and convolutions after it collapsed as ever."""
    inputs = images(3, 6)
    function, layers = UNKNOWN[name]

    def make() -> nn.Module:
        return Applied(function, *(layer() for layer in layers))

    for weight in (0.3, 2.0):
        (output,), notes = collapse(make, inputs, weight)
        assert_equal(output, densely(make, inputs, weight), 1e-10)
        assert any(note.startswith(f"{name} is computed") for note in notes), notes


def test_a_window_larger_than_the_image_is_refused_as_by_pytorch() -> None:
    for resolution in (4, 6):
        with pytest.raises(RuntimeError, match="Kernel size can't be greater than"):
            collapse(lambda: nn.Conv2d(3, 2, 3, dilation=3), images(resolution=resolution), 0.5)
    (exact,), _ = collapse(lambda: nn.Conv2d(3, 2, 3, dilation=3), images(resolution=7), 0.5)
    expected = densely(lambda: nn.Conv2d(3, 2, 3, dilation=3), images(resolution=7), 0.5)
    assert_equal(exact, expected)
