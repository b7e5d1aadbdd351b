"""Modules collapsed, against their dense float64 evaluation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

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
from tests.modules import NETS, ChannelsLastNorm, ConvNeXt, MobileNetV2, RandomNet
from tests.nets import OneModule

PAIRS = [(1e-3, 1.0), (1e-1, 10.0), (1e-7, 1e-2)]


def images(size: int = 3, resolution: int = 32, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (size, 3, resolution, resolution)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def collapse(
    make: Callable[[], nn.Module], inputs: Tensor, *weights: float
) -> tuple[list[Tensor], set[str]]:
    """The outputs under each weight, and the notes."""
    candidate, notes = Candidate(OneModule(make), (0,)), set[str]()
    outputs = collapsed_module(candidate.skeleton, candidate.model, inputs, weights, notes)
    return outputs, notes


def densely(make: Callable[[], nn.Module], inputs: Tensor, weight: float) -> Tensor:
    model = Candidate(OneModule(make), (0,)).model()
    return dense(model.to(inputs.dtype), inputs, weight)


def assert_equal(outputs: Tensor, expected: Tensor, tolerance: float = 1e-8) -> None:
    assert outputs.shape == expected.shape
    assert torch.allclose(outputs, expected, rtol=tolerance, atol=tolerance * most(expected))


def most(values: Tensor) -> float:
    return float(values.abs().max())


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


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), weight=st.sampled_from([0.01, 0.3, 1.0, 2.0]))
def test_random_nets(seed: int, weight: float) -> None:
    """To 1e-8, or to what a change of the input in its 13th digit does."""
    inputs, make = images(3, 8, seed), partial(RandomNet, seed)
    (_, output), _ = collapse(make, inputs, 1.5, weight)
    expected = densely(make, inputs, weight)
    other = densely(make, inputs * (1 + 1e-13), weight)
    assert most(output - expected) <= 1e-8 * most(expected) + most(other - expected)


class Applied(nn.Module):
    """A function of 16 channels: 8 equal ones, the 3 of the image, 5 equal ones; size 6 x 6."""

    def __init__(self, function: Callable[..., Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.conv, self.other = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 5, 1)
        self.function, self.parts = function, nn.ModuleList(parts)
        self.gamma, self.scale = nn.Parameter(torch.ones(16)), nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.conv(x), x, -torch.tanh(self.other(x))], dim=1)
        return self.function(x, *self.parts)


def written_view(x: Tensor) -> Tensor:
    x = x * 1
    x[:, :3].mul_(2)
    return x


def written_base(x: Tensor) -> Tensor:
    x = x * 1
    y = x.permute(0, 2, 3, 1)
    x += 1
    return y * 2


def written_chunk(x: Tensor) -> Tensor:
    x = x * 1
    a, b = x.chunk(2, 1)
    F.relu(a, inplace=True)
    return b + a * x[:, :8]


def written_result(x: Tensor) -> Tensor:
    """A view that only the dense evaluation gives."""
    x = x * 1
    x.diagonal(dim1=2, dim2=3).zero_()
    return x


def in_place(x: Tensor) -> Tensor:
    """Nothing is read that is out of date."""
    y = x.clone()
    y += x
    z = (y.flatten(1) * 2).relu_()
    x.mul_(y).clamp_(max=1)
    return torch.cat([x.flatten(1), z], 1)


@pytest.mark.parametrize("function", [written_view, written_base, written_chunk, written_result])
def test_a_written_view_is_found_out(function: Callable[[Tensor], Tensor]) -> None:
    """Nothing wrong is returned: the whole module is run densely, and a note says so."""
    assert_dense(lambda: Applied(function), "a view of a tensor was written to")
    inputs, make = images(3, 6), partial(Applied, in_place)
    (output,), notes = collapse(make, inputs, 2.0)
    assert_equal(output, densely(make, inputs, 2.0))
    assert not notes


def assert_dense(make: Callable[[], nn.Module], reason: str) -> None:
    batch = Batch(images(4, 6))
    score = Epsilon(0.1, 2.0).score(Candidate(OneModule(make), (0,)), batch)
    low, high = (densely(make, batch.inputs, weight) for weight in (0.1, 2.0))
    assert score == epsilon((low, 0.0), (high, 0.0))
    (note,) = batch.notes
    assert note.startswith("the module is run densely (")
    assert reason in note


class Hidden(nn.Module):
    """A tensor that is no buffer, or numbers from tensors while it is built."""

    def __init__(self, numbers: bool) -> None:
        super().__init__()
        rates = torch.linspace(0.5, 1, 3)
        self.rates = rates.tolist() if numbers else rates
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x).tanh() * self.rates[1]
        return y


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (partial(Hidden, False), "a tensor made in a constructor"),
        (partial(Hidden, True), "meta"),
    ],
)
def test_what_cannot_be_collapsed_is_run_densely(
    make: Callable[[], nn.Module], reason: str
) -> None:
    assert_dense(make, reason)


def test_a_mistake_in_a_module_is_its_own() -> None:
    """The error is the dense evaluation's."""
    candidate = Candidate(OneModule(partial(Applied, lambda x: x @ torch.ones(5, 5))), (0,))
    with pytest.raises(RuntimeError, match=r"mat1 and mat2|size"):
        Epsilon(0.1, 2.0).score(candidate, Batch(images(2, 6)))


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
    """Returns its features, too."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, self.conv(x)


def test_a_module_that_returns_no_tensor_is_a_sentence() -> None:
    with pytest.raises(NotApplicableError, match="returns a tensor, and this one returns tuple"):
        Epsilon().score(Candidate(OneModule(Pair), (0,)), Batch(images()))
