"""The finals: who takes part, who judges, and the places."""

from __future__ import annotations

from math import inf, isnan, log, nan
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nas import PROXIES, Arch, Candidate, History, Proxy, ProxyObjective, Trial, UsageError
from nas.batch import Batch
from nas.errors import NotApplicableError
from nas.ranking import by_score
from nas.runs.found import Found
from nas.searching.finals import (
    Panel,
    Standings,
    finalists,
    held,
    judged,
    judges_of,
    jury,
    key_of,
    recorded,
    standings,
)
from nas.seeding import generator
from tests.support.small import small

SPACE = small("nasbench201")
ARCHS = [(3, 3, 3, 3, 3, 3), (1, 0, 0, 3, 0, 0), (3, 0, 0, 1, 0, 0), (2, 2, 2, 1, 1, 1)]


class Examples(Proxy):
    """The number of examples times the sum of the decisions."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        return float(len(batch.inputs) * sum(candidate.arch))


class Seldom(Proxy):
    """A score for cells without a 3x3 convolution at the first edge."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        return nan if candidate.arch[0] == 3 else float(candidate.arch[3])


class Never(Proxy):
    """Applies to nothing."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        raise NotApplicableError("it is for other networks")


@pytest.fixture(scope="module")
def batch() -> Batch:
    return SPACE.batch(12, generator("finals"))


def trial(number: int, arch: Arch, score: float, copy_of: int | None = None) -> Trial:
    return Trial(number, arch, score, {}, 0.0, copy_of=copy_of)


def of(*columns: list[float]) -> list[Trial]:
    """Judged trials whose scores are in the columns, one a judge."""
    return [
        Trial(n, (n,), nan, {}, 0.0, scores={str(j): v for j, v in enumerate(row)})
        for n, row in enumerate(zip(*columns, strict=True))
    ]


def test_finalists_are_the_best_of_distinct_functions() -> None:
    same = [(1, 0, 2, 3, 1, 0), (1, 0, 3, 3, 1, 0)]  # an edge that leads to nothing
    trials = [
        trial(0, ARCHS[0], 2.0),
        trial(1, same[0], 5.0),
        trial(2, same[1], 5.0),
        trial(3, ARCHS[1], nan),
        trial(4, ARCHS[0], 2.0, copy_of=0),
        trial(5, ARCHS[2], 7.0),
        trial(6, ARCHS[3], 1.0),
    ]
    found = [each.number for each in finalists(trials, by_score, SPACE, 3)]
    assert found == [5, 1, 0]
    assert [each.number for each in finalists(trials, by_score, SPACE, 9)] == [5, 1, 0, 6]


VALUE = st.one_of(st.just(nan), st.integers(-2, 3).map(float))


@settings(deadline=None)
@given(st.lists(st.tuples(VALUE, VALUE, VALUE), min_size=1, max_size=8))
def test_standings_against_counting(rows: list[tuple[float, ...]]) -> None:
    """A rank is one more than those that are better, and half of the other equal ones."""
    trials = of(*[list(column) for column in zip(*rows, strict=True)])
    found = standings(trials)
    judging = [j for j in range(3) if not all(isnan(row[j]) for row in rows)]
    assert [*found.left_out] == [str(j) for j in range(3) if j not in judging]
    if not judging:
        assert not found.finalists
        return
    expected: dict[Arch, float] = {}
    for n, row in enumerate(rows):
        total = 0.0
        for j in judging:
            column = [-inf if isnan(other[j]) else other[j] for other in rows]
            better = sum(other > column[n] for other in column)
            rank = better + (column.count(column[n]) + 1) / 2
            total += log((len(rows) + 1 - rank) / len(rows))
            place = next(each for each in found.finalists if each.arch == (n,))
            assert place.ranks[str(j)] == pytest.approx(rank)
            assert str(place.scores[str(j)]) == str(row[j])
        expected[(n,)] = total
    values = [place.value for place in found.finalists]
    assert values == pytest.approx([expected[place.arch] for place in found.finalists])
    assert values == sorted(values, reverse=True)


def test_equal_finalists_keep_their_order() -> None:
    found = standings(of([1.0, 2.0, 1.0], [2.0, 1.0, 2.0]))
    assert [place.arch for place in found.finalists][::2] != [(2,), (0,)]
    assert [place.arch for place in standings(of([1.0] * 4)).finalists] == [(n,) for n in range(4)]


def test_the_judges_see_the_first_examples(batch: Batch) -> None:
    objective = ProxyObjective(SPACE, PROXIES.build("params"), batch, repeats=3)
    panel = jury(objective, {"examples": Examples()}, 5)
    assert torch.equal(panel.batch.inputs, batch.inputs[:5])
    (found,) = judged([ARCHS[0]], panel, History())
    assert found.scores == {"examples": 5.0 * 18}
    assert found.note == f"key {key_of(panel)}"
    assert isnan(found.score)


def test_who_cannot_judge_is_named_and_who_lacks_a_score_is_last(batch: Batch) -> None:
    judges = {"examples": Examples(), "seldom": Seldom(), "never": Never()}
    panel = jury(ProxyObjective(SPACE, Examples(), batch), judges, 8)
    found = standings(list(judged(ARCHS, panel, History())))
    assert found.left_out == {"never": "it is for other networks"}
    ranks = {place.arch: place.ranks["seldom"] for place in found.finalists}
    assert ranks == {ARCHS[0]: 3.5, ARCHS[1]: 1.0, ARCHS[2]: 3.5, ARCHS[3]: 2.0}
    assert all({*place.scores} == {"examples", "seldom"} for place in found.finalists)


class Shy(Proxy):
    """Applies to some."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        if candidate.arch[0] == 3:
            raise NotApplicableError("it is for other networks")
        return 1.0


def test_a_judge_that_does_not_apply_to_a_finalist_says_nothing(batch: Batch) -> None:
    """Not that those are worse to which it does not apply."""
    panel = jury(ProxyObjective(SPACE, Examples(), batch), {"shy": Shy(), "e": Examples()}, 8)
    found = standings(list(judged(ARCHS[::-1], panel, History())))
    assert found.left_out == {"shy": "it is for other networks"}
    assert found.finalists[0].arch == ARCHS[0]


def test_without_a_judge_there_is_no_winner(batch: Batch) -> None:
    panel = jury(ProxyObjective(SPACE, Examples(), batch), {"never": Never()}, 8)
    found = standings(list(judged(ARCHS, panel, History())))
    assert not found.finalists
    assert found.left_out == {"never": "it is for other networks"}


def test_what_the_journal_has_is_not_scored_again(batch: Batch, tmp_path: Path) -> None:
    panel = jury(ProxyObjective(SPACE, Examples(), batch), {"examples": Examples()}, 8)
    key = key_of(panel)
    with History.read(tmp_path / "finals.jsonl") as journal:
        first = next(judged(ARCHS, panel, journal))
    with History.read(tmp_path / "finals.jsonl") as journal:
        rest = list(judged(ARCHS, panel, journal))
        assert [each.arch for each in rest] == ARCHS[1:]
        assert {*recorded(journal, ["examples"], key)} == {*ARCHS}
        assert recorded(journal, ["examples"], key)[ARCHS[0]].scores == first.scores
        assert not recorded(journal, ["examples", "seldom"])
        fewer = jury(panel, {"examples": Examples()}, 7)
        assert not recorded(journal, ["examples"], key_of(fewer))
        assert len(list(judged(ARCHS[:2], fewer, journal))) == 2
        assert {*recorded(journal, ["examples"])} == {*ARCHS[:2]}  # those of the latest key


def test_scores_under_other_options_are_not_mixed(batch: Batch) -> None:
    """The name of a judge is the same, its options are not."""
    journal = History()
    for samples in (3, 8):
        judge = {"swap": PROXIES.build("swap", samples=samples)}
        panel = jury(ProxyObjective(SPACE, Examples(), batch), judge, 8)
        assert len(list(judged(ARCHS, panel, journal))) == len(ARCHS)
        assert len(recorded(journal, ["swap"], key_of(panel))) == len(ARCHS)
    same = jury(ProxyObjective(SPACE, Examples(), batch), judge, 99)  # no more than there are
    assert key_of(same) != key_of(panel) or len(batch.inputs) <= 8


def test_few_judges_do_not_overrule_a_search(batch: Batch) -> None:
    """More than half of the panel must judge."""
    for judges, decisive in (
        ({"e": Examples(), "never": Never()}, False),
        ({"e": Examples(), "s": Seldom(), "never": Never()}, True),
        ({"e": Examples()}, True),
        ({"never": Never()}, False),
    ):
        panel = jury(ProxyObjective(SPACE, Examples(), batch), judges, 8)
        places = standings(list(judged(ARCHS[::-1], panel, History())))
        assert places.decisive == decisive
        trials = [trial(n, arch, -n) for n, arch in enumerate(ARCHS[::-1])]
        found = Found(SPACE, trials, trials[0], places)
        assert found.best == (trials[0] if not decisive else best_of(trials, places))


def best_of(trials: list[Trial], places: Standings) -> Trial:
    return next(each for each in trials if each.arch == places.finalists[0].arch)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 1},
        {"size": "a"},
        {"size": True},
        {"examples": 0},
        {"examples": -3},
        {"proxies": ()},
        {"proxies": "flops"},
        {"proxies": ("flops", "flops")},
    ],
    ids=str,
)
def test_a_panel_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=rf"finals\.{next(iter(wrong))}"):
        Panel(**wrong)


def test_a_judge_that_the_search_uses_has_its_options(batch: Batch) -> None:
    special = PROXIES.build("swap", samples=3)
    objective = ProxyObjective(SPACE, special, batch)
    judges = judges_of(objective, ["swap", "naswot"])
    assert judges["swap"] is special
    assert type(judges["naswot"]) is PROXIES["naswot"]
    both = ProxyObjective(SPACE, {"swap": PROXIES.build("params"), "other": special}, batch)
    assert judges_of(both, ["swap"])["swap"] is special  # the name is only a label
    with pytest.raises(UsageError, match="did you mean 'naswot'"):
        judges_of(objective, ["naswott"])


def test_one_finalist_needs_no_finals(batch: Batch) -> None:
    objective = ProxyObjective(SPACE, Examples(), batch)
    trials = [trial(0, ARCHS[0], 1.0), trial(1, ARCHS[1], nan)]
    assert held(trials, by_score, objective, Panel(), History()) is None
    trials.append(trial(2, ARCHS[2], 0.5))
    places = held(trials, by_score, objective, Panel(proxies=("params", "flops")), History())
    assert places is not None
    assert [place.arch for place in places.finalists] == [ARCHS[0], ARCHS[2]]
