"""Epsilon of NAS-Bench-NLP's cells: the paper's, and the dense one."""

from __future__ import annotations

import csv
import json
from itertools import islice
from pathlib import Path
from random import Random

import pytest
import torch
from torch import Tensor

from nas import SPACES, Arch, Candidate, Space
from nas.batch import Batch
from nas.collapse.modules import collapsed_module
from nas.data.sources import make_batch
from proxies.epsilon import Epsilon, dense, epsilon
from tests.support.nasbench_nlp_recipes import LSTM, RNN, renamed
from tests.support.small import small

LOW, HIGH = 1e-5, 1e-3


def formula(_: str, shape: torch.Size) -> Tensor:
    """The oracles' embedding, in float64 but rounded to float32."""
    rows = 12.9898 * torch.arange(shape[0], dtype=torch.float64)[:, None]
    z = torch.sin(rows + 78.233 * torch.arange(shape[1], dtype=torch.float64)) * 43758.5453
    return (z - z.floor()).float().double()


@pytest.fixture(scope="module")
def oracle(data: Path) -> tuple[Space, Tensor, list[dict[str, str]]]:
    """The space, the tokens and the rows."""
    space = SPACES.build("nasbench_nlp", vocabulary=212, tokens=35)
    path = str(data / "wikitext2_valid.txt.gz")
    tokens = make_batch(space, "text", path=path, size=16).inputs
    entries = formula("", torch.Size([212, 400]))
    assert entries.sum().item() == pytest.approx(42367.118422, abs=1e-6)
    with (data / "oracles/epsilon_nasbench_nlp.csv").open() as file:
        return space, tokens, list(csv.DictReader(file))


def collapsed_passes(space: Space, arch: Arch, tokens: Tensor) -> list[Tensor]:
    """Hidden unit 0 of every token under both weights."""
    candidate, notes = Candidate(space, arch), set[str]()
    passes = collapsed_module(
        candidate.skeleton,
        candidate.model,
        tokens,
        (LOW, HIGH),
        notes,
        entries=formula,
        distinct=True,
    )
    assert not notes
    assert [len(each) for each in passes] == [tokens.numel()] * 2  # all 400 units are equal
    return passes


@pytest.mark.long
def test_epsilon_is_the_papers(oracle: tuple[Space, Tensor, list[dict[str, str]]]) -> None:
    """On all 30 recipes, in float64."""
    space, tokens, rows = oracle
    assert len(rows) == 30
    for row in rows:
        low, high = collapsed_passes(space, space.parse(row["recipe"]), tokens)
        score = epsilon((low, 0.0), (high, 0.0))
        assert score == pytest.approx(float(row["epsilon_float64"]), rel=1e-6), row["row"]


@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.slow)])
def test_collapsed_is_dense(
    oracle: tuple[Space, Tensor, list[dict[str, str]]], every: int
) -> None:
    """Outputs to 1e-13, scores of one unit as far as that is of the outputs' spread."""
    space, tokens, rows = oracle
    for row in islice(rows, 0, None, every):
        arch = space.parse(row["recipe"])
        passes = collapsed_passes(space, arch, tokens)
        model = Candidate(space, arch).model().double()
        units = [dense(model, tokens, w, formula).view(-1, 400)[:, 0] for w in (LOW, HIGH)]
        for ours, theirs in zip(passes, units, strict=True):
            assert torch.allclose(ours, theirs, rtol=1e-13, atol=0)
        spreads = [(unit.max() - unit.min()) / unit.abs().max() for unit in units]
        digits = 1e-8 + 1e-13 / min(spreads).item()
        score, correct = (epsilon((low, 0.0), (high, 0.0)) for low, high in (passes, units))
        assert score == pytest.approx(correct, rel=digits), row["row"]
        assert correct == pytest.approx(float(row["epsilon_float64"]), rel=1e-8), row["row"]


def test_what_is_constant() -> None:
    """Offsets and the first hidden states are the weight, the embedding is drawn, from 0 to 1."""
    space = SPACES.build("nasbench_nlp", embedding=5, hidden=7, vocabulary=11, tokens=2, layers=1)
    tokens = torch.tensor([[3, 4], [5, 5]])
    candidate = Candidate(space, space.parse(RNN))
    drawn: dict[str, Tensor] = {}

    def entries(name: str, shape: torch.Size) -> Tensor:
        return drawn.setdefault(name, formula(name, shape))

    (output,) = collapsed_module(
        candidate.skeleton, candidate.model, tokens, (0.2,), set(), entries=entries
    )
    means = drawn["embedding.weight"].sum(1)[tokens]
    first = torch.tanh(0.2 * means[:, 0] + 5 * 0.2 * 0.2 + 0.2)
    second = torch.tanh(0.2 * means[:, 1] + 5 * 0.2 * first + 0.2)
    expected = torch.stack([first, second], 1)[:, :, None].expand(2, 2, 5).flatten()
    assert torch.allclose(output, expected, rtol=1e-14, atol=0)


def test_the_embedding_depends_on_the_seed_alone() -> None:
    space = small("nasbench_nlp")
    batch = space.batch(8, torch.Generator().manual_seed(0))
    proxy, arch = Epsilon(), space.parse(LSTM)
    candidate = Candidate(space, arch, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidate, "model", None)  # no weights are drawn
        score = proxy.score(candidate, batch)
    assert candidate.drawn
    assert score == proxy.score(Candidate(space, arch, 0), batch)
    assert score != proxy.score(Candidate(space, arch, 1), batch)
    same = space.parse(json.dumps(renamed(json.loads(LSTM), Random(0))))
    assert proxy.score(Candidate(space, same, 0), batch) == pytest.approx(score, rel=1e-9)
    assert not batch.notes


def test_float32_is_an_option() -> None:
    """Of a cell whose values differ by more than the last digits of a float32."""
    space = small("nasbench_nlp")
    batch = space.batch(8, torch.Generator().manual_seed(0))
    candidate = Candidate(space, space.parse(RNN))
    exact = Epsilon(0.01, 0.3).score(candidate, batch)
    single = Epsilon(0.01, 0.3, dtype="float32").score(candidate, batch)
    assert single == pytest.approx(exact, rel=1e-3)
    assert single != exact


def test_a_repeated_token_is_not_a_note() -> None:
    """Tokens of which neighbours are equal everywhere are compressed, too."""
    space = small("nasbench_nlp")
    batch = Batch(torch.tensor([[1, 1, 1, 2, 2], [3, 3, 3, 4, 4]]))
    candidate = Candidate(space, space.parse(LSTM))
    score = Epsilon().score(candidate, batch)
    assert not batch.notes
    model = candidate.model().double()
    entries = torch.rand(50, 6, dtype=torch.float64)
    low, high = (dense(model, batch.inputs, w, lambda *_: entries) for w in (LOW, HIGH))
    passes = collapsed_module(
        candidate.skeleton, candidate.model, batch.inputs, (LOW, HIGH), set(),
        entries=lambda *_: entries,
    )  # fmt: skip
    assert torch.allclose(passes[0], low, rtol=1e-13)
    assert torch.allclose(passes[1], high, rtol=1e-13)
    assert score > 0
