"""Operations that have no collapsed form, and modules that are run densely."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas import Candidate
from nas.batch import Batch
from proxies.epsilon import Epsilon, epsilon
from tests.support.collapsing import Applied, assert_equal, collapse, densely, images
from tests.support.nets import OneModule


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
    """A view that only the dense form gives."""
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


def test_what_cannot_be_collapsed_is_run_densely() -> None:
    assert_dense(partial(Hidden, False), "a tensor made in a constructor")


def test_a_module_that_needs_numbers_to_be_built_is_collapsed() -> None:
    """The meta device has none: it is built with weights, which are forgotten."""
    make, batch = partial(Hidden, True), Batch(images(4, 6))
    score = Epsilon(0.1, 2.0).score(Candidate(OneModule(make), (0,)), batch)
    low, high = (densely(make, batch.inputs, weight) for weight in (0.1, 2.0))
    assert score == pytest.approx(epsilon((low, 0.0), (high, 0.0)), rel=1e-12)
    assert not batch.notes


def test_a_mistake_in_a_module_is_its_own() -> None:
    """The error is the dense evaluation's."""
    candidate = Candidate(OneModule(partial(Applied, lambda x: x @ torch.ones(5, 5))), (0,))
    with pytest.raises(RuntimeError, match=r"mat1 and mat2|size"):
        Epsilon(0.1, 2.0).score(candidate, Batch(images(2, 6)))


def test_a_window_larger_than_the_image_is_refused_as_by_pytorch() -> None:
    for resolution in (4, 6):
        with pytest.raises(RuntimeError, match="Kernel size can't be greater than"):
            collapse(lambda: nn.Conv2d(3, 2, 3, dilation=3), images(resolution=resolution), 0.5)
    (exact,), _ = collapse(lambda: nn.Conv2d(3, 2, 3, dilation=3), images(resolution=7), 0.5)
    expected = densely(lambda: nn.Conv2d(3, 2, 3, dilation=3), images(resolution=7), 0.5)
    assert_equal(exact, expected)
