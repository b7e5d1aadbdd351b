"""Torch computes in full precision during a score, and as before afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.backends import cuda, cudnn, mkldnn

from nas import Candidate, Proxy, ProxyObjective
from nas.batch import Batch
from nas.seeding import full_precision, generator
from tests.support.small import small


def answer(ask: Callable[[], object]) -> object:
    """An answer, or that PyTorch has none: where the kinds of operations differ."""
    try:
        return ask()
    except RuntimeError:
        return "none"


def settings() -> list[object]:
    kinds = [(cudnn, "conv"), (cudnn, "rnn"), (cuda, "matmul"), (mkldnn, "matmul")]
    return [
        cudnn.enabled,
        cudnn.benchmark,
        cudnn.deterministic,
        answer(lambda: cudnn.allow_tf32),
        answer(lambda: cuda.matmul.allow_tf32),
        answer(torch.get_float32_matmul_precision),
        *(getattr(getattr(owner, name, None), "fp32_precision", None) for owner, name in kinds),
    ]


def matmul(precision: str) -> None:
    torch.set_float32_matmul_precision(precision)


def convolutions(precision: str) -> None:
    """As PyTorch from 2.9 on sets it, after which it has no answer for all kinds together."""
    if hasattr(cudnn, "conv"):
        cudnn.conv.fp32_precision = precision


def fastest(_: str) -> None:
    cudnn.benchmark = True


@pytest.mark.parametrize(
    ("change", "precision", "back"),
    [
        (matmul, "highest", "highest"),
        (matmul, "medium", "highest"),
        (convolutions, "ieee", "tf32"),
        (fastest, "", ""),
    ],
)
def test_the_settings_are_as_before(
    change: Callable[[str], None], precision: str, back: str
) -> None:
    flags = cudnn.benchmark
    change(precision)
    try:
        before = settings()
        with full_precision():
            assert (cudnn.enabled, cudnn.deterministic, cudnn.benchmark) == (True, True, False)
            assert not answer(lambda: cudnn.allow_tf32) or change is convolutions
            assert answer(lambda: cuda.matmul.allow_tf32) is False
            assert answer(torch.get_float32_matmul_precision) == "highest"
            if hasattr(cudnn, "conv"):
                assert cudnn.conv.fp32_precision == cuda.matmul.fp32_precision == "ieee"
        assert settings() == before
        with pytest.raises(ZeroDivisionError), full_precision():
            raise ZeroDivisionError
        assert settings() == before
    finally:
        change(back)
        cudnn.benchmark = flags


class Asks(Proxy):
    """Whether torch rounds or chooses, while a score is computed."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        return float(cudnn.allow_tf32 or cudnn.benchmark or not cudnn.deterministic)


def test_an_objective_scores_in_full_precision() -> None:
    space = small("nasbench201")
    before = settings()
    objective = ProxyObjective(space, Asks(), space.batch(2, generator("precision")))
    assert objective.evaluate((1,) * 6).score == 0
    assert objective.each(((1,) * 6, [""]))[0].score == 0
    assert settings() == before
