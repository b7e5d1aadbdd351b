"""Modules collapsed, against their dense float64 evaluation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from nas import Candidate, NotApplicableError
from nas.batch import Batch
from nas.collapse.modules import collapsed_module
from proxies.epsilon import Epsilon, dense, epsilon
from tests.support.collapsing import Applied, assert_equal, collapse, densely, images, most
from tests.support.modules import (
    NETS,
    ChannelsLastNorm,
    ConvNeXt,
    MobileNetV2,
    RandomNet,
    shuffled,
)
from tests.support.nets import OneModule

PAIRS = [(1e-3, 1.0), (1e-1, 10.0), (1e-7, 1e-2)]


@pytest.mark.long
@pytest.mark.parametrize("weights", PAIRS)
@pytest.mark.parametrize("net", [*NETS, "squeeze"])
def test_well_known_nets(net: str, weights: tuple[float, float]) -> None:
    """Outputs and scores to 1e-8, every operation collapsed."""
    make = partial(MobileNetV2, squeeze=True) if net == "squeeze" else NETS[net]
    inputs = images()
    outputs, notes = collapse(make, inputs, *weights)
    expected = [densely(make, inputs, weight) for weight in weights]
    for ours, theirs in zip(outputs, expected, strict=True):
        assert_equal(ours, theirs)
    score, correct = (epsilon((low, 0.0), (high, 0.0)) for low, high in (outputs, expected))
    assert score == pytest.approx(correct, rel=1e-8, abs=1e-12)
    assert not notes


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), weight=st.sampled_from([0.01, 0.3, 1.0, 2.0]))
def test_random_nets(seed: int, weight: float) -> None:
    """To 1e-8, or to what a change of the input in its 13th digit does."""
    inputs, make = images(3, 8, seed), partial(RandomNet, seed)
    (_, output), _ = collapse(make, inputs, 1.5, weight)
    expected = densely(make, inputs, weight)
    other = densely(make, inputs * (1 + 1e-13), weight)
    assert most(output - expected) <= 1e-8 * most(expected) + most(other - expected)


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
    "grouped, one run each": lambda: conv(24, 3, groups=8),
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


class Tokens(nn.Module):
    """An embedding, a buffer, a bias of another name, weights shared and weights computed."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.register_buffer("waves", torch.linspace(0, 3, 12).sin().view(2, 6))
        self.b = nn.Parameter(torch.zeros(6))
        self.first = nn.utils.parametrizations.weight_norm(nn.Linear(6, 6))
        self.second = nn.Linear(6, 6)
        self.second.weight = self.first.parametrizations.weight.original1

    def forward(self, x: Tensor) -> Tensor:
        ids = (x.flatten(1)[:, :2].abs() * 3).long() % 11
        y = self.embedding(ids) + self.waves
        y = torch.tanh(self.first(y) + self.b) + self.b.view(1, 1, -1)
        z: Tensor = self.second(y) * F.normalize(self.second.weight, dim=0)[0]
        return z


def test_embeddings_buffers_and_other_parameters() -> None:
    inputs = images(5, 6)
    outputs, _ = collapse(Tokens, inputs, 0.3, 2.0)
    for output, weight in zip(outputs, (0.3, 2.0), strict=True):
        assert_equal(output, densely(Tokens, inputs, weight), 1e-11)
    assert most(outputs[0] - outputs[0].mean()) > 0


class Tied(nn.Module):
    """Rows of an embedding, some rows scaled in place, and a layer that shares its weights."""

    def __init__(self, norm: float | None = None) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 6, padding_idx=2, max_norm=norm)
        self.hidden, self.decoder = nn.Linear(6, 6), nn.Linear(6, 9)
        self.decoder.weight = self.embedding.weight

    def forward(self, ids: Tensor) -> Tensor:
        y: Tensor = self.decoder(torch.tanh(self.hidden(self.embedding(ids))))
        return y


@pytest.mark.parametrize("norm", [None, 1.5])
@pytest.mark.parametrize("ids", [[[1, 2, 3], [4, 4, 8]], [[3, 3, 1], [5, 5, 0]], [[7], [7]]])
def test_tokens(ids: list[list[int]], norm: float | None) -> None:
    """Whole numbers as inputs, of which neighbours may be equal, and weights that stay."""
    make, inputs = partial(Tied, norm), torch.tensor(ids)
    outputs, notes = collapse(make, inputs, 0.3, 0.1)
    for output, weight in zip(outputs, (0.3, 0.1), strict=True):
        model = Candidate(OneModule(make), (0,)).model().double()
        assert_equal(output, dense(model, inputs, weight), 1e-12)
    assert "linear is computed for all channels" in notes  # the decoder, whose weights differ
    assert norm or "embedding is computed for all channels" not in notes


def test_equal_channels_once() -> None:
    """Where all are repeated alike; else all of them."""
    inputs = images(3, 6)
    for make, share in (
        (partial(nn.Conv2d, 3, 8, 3), 1 / 8),
        (partial(Applied, lambda x: x), 1.0),
        (partial(nn.AvgPool2d, 2), 1.0),
    ):
        candidate = Candidate(OneModule(make), (0,))
        given = candidate.skeleton, candidate.model, inputs, (0.3, 2.0), set[str]()
        every, once = collapsed_module(*given), collapsed_module(*given, distinct=True)
        for full, part in zip(every, once, strict=True):
            assert len(part) == share * len(full)
            assert part.mean().item() == pytest.approx(full.mean().item(), rel=1e-12)


def test_layer_norm_of_equal_channels_leaves_nothing() -> None:
    """Which is no score, where dense float64 has one made of rounding."""
    batch = Batch(images(2, 16))
    score = Epsilon(1e-3, 1.0).score(
        Candidate(OneModule(partial(ConvNeXt, ChannelsLastNorm)), (0,)), batch
    )
    assert getattr(score, "reason", "") == "constant output"
    outputs = densely(partial(ConvNeXt, ChannelsLastNorm), batch.inputs, 1e-3)
    assert most(outputs) < 1e-12


def test_no_weights_are_allocated() -> None:
    """A net with 10^13 parameters has a score."""

    def make() -> nn.Module:
        wide = 3_000_000
        layers = [nn.Linear(3 * 36, wide), nn.GELU(), nn.Linear(wide, wide), nn.Tanh()]
        return nn.Sequential(nn.Flatten(), *layers, nn.Linear(wide, 1))

    batch = Batch(images(8, 6) / 10)
    score = Epsilon(1e-8, 1e-7).score(Candidate(OneModule(make), (0,)), batch)
    assert 0 < score < 2
    assert not batch.notes


class Counting(nn.Module):
    """A module that changes when it is run: a second pass needs a new one."""

    total: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.calls = nn.Conv2d(3, 4, 3), 0
        self.register_buffer("total", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.total += 1
        y: Tensor = self.conv(x).tanh() * self.calls + self.total
        return y


def test_every_pass_is_the_first() -> None:
    inputs = images(3, 6)
    outputs, _ = collapse(Counting, inputs, 0.3, 2.0)
    for output, weight in zip(outputs, (0.3, 2.0), strict=True):
        assert_equal(output, densely(Counting, inputs, weight), 1e-12)


class Remembering(nn.Module):
    """Keeps something of its first pass in what it had from the beginning."""

    step: Tensor
    mean: Tensor

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.cache: dict[str, Tensor] = {}
        self.calls: list[int] = []
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        self.register_buffer("mean", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.conv(x))) + x.mean(1, keepdim=True)
        if self.kind == "dict":
            return x * self.cache.setdefault("scale", x.abs().mean())
        if self.kind == "list":
            self.calls.append(1)
            return x.pow(len(self.calls)).sum((1, 2, 3))
        if self.kind == "integers":
            self.step.add_(1)
            return x.relu().pow(self.step.item()).sum((1, 2, 3))
        self.mean.mul_(0.5).add_(x.abs().mean().to(self.mean.dtype))
        return x * self.mean + x.square()


@pytest.mark.parametrize("kind", ["dict", "list", "integers", "floats"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_pass_sees_another_one_s_traces(kind: str, dtype: str) -> None:
    make = partial(Remembering, kind)
    inputs, candidate = images().to(getattr(torch, dtype)), Candidate(OneModule(make), (0,))
    outputs, _ = collapse(make, inputs, 1e-3, 1.0)
    alone = [collapse(make, inputs, weight)[0][0] for weight in (1e-3, 1.0)]
    for output, expected in zip(outputs, alone, strict=True):
        assert torch.equal(output, expected)
        assert candidate.model().state_dict()["step"] == 0


class Wired(nn.Module):
    """Draws a wiring as it is built, and numbers as it runs."""

    shared: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(3, 4, 3, padding=1, stride=n) for n in (1, 2, 4))
        self.wire = torch.randperm(3, device="cpu").tolist()
        self.register_buffer("shared", torch.rand(()))
        self.convs[0].register_buffer("shared", self.shared)

    def forward(self, x: Tensor) -> Tensor:
        first, second = (self.convs[n](x).relu().mean((2, 3)) for n in self.wire[:2])
        y: Tensor = first + second.square() * self.shared + 0.1 * torch.rand(1, dtype=x.dtype)
        return y


def test_whatever_a_module_draws_comes_from_the_candidate_s_seed() -> None:
    candidate, batch = Candidate(OneModule(Wired), (0,), 3), Batch(images(8))
    scores = []
    for seed in range(4):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            state = torch.get_rng_state()
            scores.append(Epsilon().score(candidate, batch))
            assert torch.equal(torch.get_rng_state(), state)
    assert len(set(scores)) == 1
    assert not batch.notes
    assert {Epsilon().score(Candidate(OneModule(Wired), (0,), n), batch) for n in range(4)} > set(
        scores
    )


class Pair(nn.Module):
    """Returns its features before its logits, or nothing."""

    def __init__(self, nothing: bool = False) -> None:
        super().__init__()
        self.conv, self.nothing = nn.Conv2d(3, 4, 3), nothing

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor] | None:
        return None if self.nothing else (x, self.conv(x).mean((2, 3)))


class Alone(Pair):
    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return self.conv(x).mean((2, 3))  # type: ignore[no-any-return]


def test_a_module_that_returns_several_tensors_has_the_score_of_its_logits() -> None:
    one, other = (Candidate(OneModule(make), (0,)) for make in (Pair, Alone))
    assert Epsilon().score(one, Batch(images())) == Epsilon().score(other, Batch(images()))


def test_a_module_that_returns_no_tensor_is_a_sentence() -> None:
    with pytest.raises(NotApplicableError, match="returns None, and a score needs its logits"):
        Epsilon().score(Candidate(OneModule(partial(Pair, True)), (0,)), Batch(images()))
