"""Each operation against its module: shapes, counts, scripts, exports."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import nas.network
from nas.network import (
    Attention,
    BatchNorm,
    Builder,
    Conv,
    ConvTranspose,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    GroupNorm,
    Input,
    LayerNorm,
    Linear,
    Op,
    Permute,
    Positions,
    Scale,
    SequenceMean,
    Shape,
    Upsample,
)
from nas.network.module import NetworkModule, module
from nas.network.parts import SelfAttention
from tests.support.operations import CASES, TOKENS, VOCABULARY, one, scaled


def inputs(shape: Shape, size: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(size)
    if shape == TOKENS:
        return torch.randint(VOCABULARY, (size, *shape), generator=generator)
    return torch.randn((size, *shape), generator=generator, dtype=torch.float64)


def test_every_operation_is_among_the_cases() -> None:
    public = [getattr(nas.network, name) for name in nas.network.__all__]
    kinds = {kind for kind in public if isinstance(kind, type) and issubclass(kind, Op)}
    assert kinds - {type(op) for _, op, _ in CASES} == {Op, Input, Scale}


@pytest.mark.parametrize(("shape", "op", "number"), CASES)
def test_shapes_and_counts_are_those_of_pytorch(shape: Shape, op: Op, number: int) -> None:
    network = one(shape, op, number)
    model = NetworkModule(network).double()
    with FlopCounterMode(display=False) as counter:
        output = model(inputs(shape))
    assert output.shape[1:] == network.shapes[-1]
    assert network.params == sum(parameter.numel() for parameter in model.parameters())
    assert network.flops * 2 * 3 == counter.get_total_flops()


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_factors_of_channels(dims: int) -> None:
    network = scaled(dims)
    given = inputs(network.shapes[0])
    means = given.flatten(2).mean(2)
    expected = (given.flatten(2) * means[:, :, None]).view(given.shape)
    assert torch.allclose(NetworkModule(network)(given), expected)


@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize(("shape", "op", "number"), CASES)
def test_modules_can_be_scripted(shape: Shape, op: Op, number: int) -> None:
    if number > 1:
        pytest.skip("a script takes no list of inputs of any length")
    part = module(op).double().eval()
    given = inputs(shape)
    assert torch.equal(torch.jit.script(part)(given), part(given))


@pytest.mark.parametrize(
    ("shape", "op"),
    [(s, op) for s, op, n in CASES if n == 1 and isinstance(op, Attention | Positions | Permute)],
)
def test_modules_are_exported_with_any_batch(shape: Shape, op: Op) -> None:
    part = module(op).double().eval()
    batch = torch.export.Dim("batch")
    exported = torch.export.export(part, (inputs(shape),), dynamic_shapes=({0: batch},)).module()
    assert torch.allclose(exported(inputs(shape, 7)), part(inputs(shape, 7)))


def test_attention_is_pytorch_s() -> None:
    part = module(Attention(8, 2)).double()
    assert isinstance(part, SelfAttention)
    theirs = nn.MultiheadAttention(8, 2, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(part.inputs.weight)
        theirs.in_proj_bias.copy_(part.inputs.bias)
        theirs.out_proj.weight.copy_(part.outputs.weight)
        theirs.out_proj.bias.copy_(part.outputs.bias)
    given = inputs((5, 8))
    assert torch.allclose(part(given), theirs(given, given, given)[0])


def test_causal_attention_reads_no_later_place() -> None:
    part = module(Attention(8, 2, causal=True)).double()
    given = inputs((5, 8))
    later = given.clone()
    later[:, 3:] += 1
    assert torch.allclose(part(given)[:, :3], part(later)[:, :3])
    assert not torch.allclose(part(given)[:, 3:], part(later)[:, 3:])


@pytest.mark.parametrize(
    ("shape", "op"),
    [
        ((16,), BatchNorm(16)),
        ((4, 9), BatchNorm(4)),
        ((4, 9), Conv(4, 4, 3)),
        ((4, 9, 9), ConvTranspose(4, 4, 3, dims=1)),
        ((4, 1), ConvTranspose(4, 4, 1, padding=1, dims=1)),
        ((4,), GlobalAvgPool()),
        ((5, 7), LayerNorm(8)),
        ((5, 7), Attention(8, 2)),
        ((8,), Attention(8, 2)),
        ((5, 7), Linear(5, 7)),
        ((6, 8), Positions(5, 8)),
        ((8,), SequenceMean()),
        ((8,), Flatten(1)),
        ((5, 8), Permute((0, 1, 2))),
        ((4, 9), Upsample(2, "bilinear")),
        ((6, 9), GroupNorm(2, 4)),
    ],
)
def test_other_shapes_are_refused_in_a_sentence(shape: Shape, op: Op) -> None:
    with pytest.raises(ValueError, match=f"{type(op).__name__}.* was given"):
        one(shape, op, 1)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Conv(3, 3, 3, dims=4), "dims=4"),
        (lambda: Attention(8, 3), "3 heads"),
        (lambda: GroupNorm(3, 8), "3 groups"),
        (lambda: Dropout(1.5), r"p=1\.5"),
    ],
)
def test_sizes_that_cannot_be_are_refused(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_zeros_of_tokens_are_numbers() -> None:
    """They stand for a sequence of zeros that a layer with a bias reads."""
    net = Builder(TOKENS)
    zeros = net.add(nas.network.Zero(), net.add(Embedding(VOCABULARY, 4), net.input))
    net.chain(zeros, Linear(4, 2), SequenceMean())
    network = net.build()
    assert network.live.layers[1].op == nas.network.Zero(size=(5, 4))
    live, whole = NetworkModule(network.live).double(), NetworkModule(network).double()
    live.in_order[2].load_state_dict(whole.in_order[3].state_dict())
    assert torch.equal(live(inputs(TOKENS)), whole(inputs(TOKENS)))
