"""What several proxies, metrics and draws share, and what must not leak between them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isnan, nan
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nas
from nas import (
    PROXIES,
    RANKINGS,
    SPACES,
    Arch,
    Candidate,
    History,
    Metric,
    Network,
    Proxy,
    ProxyObjective,
    Space,
    Trial,
    UsageError,
)
from nas.batch import Batch
from nas.cli.build import build_metrics, build_ranking
from nas.cli.chosen import proxies
from nas.compare import compare
from nas.data.sources import make_batch
from nas.network.initialisation import Init
from nas.ranking import by_score, rank_sum, ranked
from nas.registry.options import Choice, construct
from nas.scoring.keys import keys
from tests.support.searches import search
from tests.support.small import small

SPACE = small("nasbench201")


@pytest.fixture(scope="module")
def batch() -> Batch:
    return make_batch(SPACE, "natural", size=4)


class Sum(Proxy):
    """The sum of the decisions, times a factor."""

    def __init__(self, factor: Any = 1.0) -> None:
        self.factor = factor

    def score(self, candidate: Candidate, batch: Batch) -> float:
        return float(sum(candidate.arch))


class Half(Space):
    """A network that cannot be written down where the first decision is 1."""

    choices = (2, 30)
    inputs = (3, 4, 4)

    def network(self, arch: Arch) -> Network | None:
        if arch[0]:
            raise RuntimeError("no such layer")
        return None

    def build(self, arch: Arch) -> nn.Module:
        return nn.Conv2d(3, 1 + arch[1], 1)


def test_a_network_that_fails_is_one_score_less_in_a_comparison() -> None:
    space = Half()
    objective = ProxyObjective(
        space, {"params": PROXIES.build("params")}, make_batch(space, "natural", size=2)
    )
    result = compare(objective, sample=40, resamples=10).result
    assert result["rows"][0]["coverage"] == pytest.approx(0.5, abs=0.3)
    assert result["rows"][0]["reasons"].keys() == {"RuntimeError: no such layer"}


def test_features_are_computed_once_for_the_proxies_that_share_them(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[Arch] = []
    model = Candidate.model

    def counted(self: Candidate, init: Init = "default") -> nn.Module:
        built.append(self.arch)
        return model(self, init)

    monkeypatch.setattr(Candidate, "model", counted)
    names = ("expressivity", "progressivity")
    together = {name: PROXIES.build(name) for name in names}
    arch = SPACE.sample(Random(3))
    found = ProxyObjective(SPACE, together, batch).evaluate(arch)
    assert len(built) == 1
    for name in names:
        alone = ProxyObjective(SPACE, together[name], batch).evaluate(arch)
        assert found.scores[name] == alone.score


class Answer(Metric):
    """What it is given."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def measure(self, candidate: Candidate, batch: Batch) -> float:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("answer", "figure", "note"),
    [
        (3, 3, ""),
        (np.float32(0.5), 0.5, ""),
        (nan, nan, ""),
        (None, nan, "cost could not be measured (Answer gives a NoneType"),
        (torch.tensor(1.0), 1.0, ""),
        (10**400, nan, "cost could not be measured (Answer gives a whole number that is too"),
        (torch.ones(2), nan, "cost could not be measured (Answer gives a Tensor"),
        (inf, nan, "cost could not be measured (the figure is inf)"),
        (SystemExit(3), nan, "cost could not be measured (SystemExit: 3)"),
        (ValueError("a\nb"), nan, "cost could not be measured (ValueError: b)"),
    ],
)
def test_a_metric_gives_a_number_or_a_note(
    answer: object, figure: float, note: str, batch: Batch
) -> None:
    objective = ProxyObjective(SPACE, Sum(), batch, measures={"cost": Answer(answer)})
    trial = Trial.of(0, (1,) * 6, objective.evaluate((1,) * 6))
    again = Trial.from_json(trial.to_json())
    assert trial.score == again.score == 6
    assert str(again.metrics) == str({"cost": float(figure) if isnan(figure) else figure})
    assert again.note.startswith(note)
    assert bool(again.note) == bool(note)


def test_labels_are_of_the_objectives_seed(batch: Batch) -> None:
    class First(Proxy):
        def score(self, candidate: Candidate, batch: Batch) -> float:
            return float(batch.labels_for(1000)[0])

    found = [ProxyObjective(SPACE, First(), batch, seed).evaluate((1,) * 6) for seed in (0, 0, 3)]
    assert found[0].score == found[1].score != found[2].score
    assert batch.notes == set()


def test_the_best_is_no_copy_and_the_same_for_all_who_ask() -> None:
    rows = [(3.0, 1.0, None), (1.0, 3.0, None), (1.0, 3.0, 1), (nan, nan, None)]
    trials = [
        Trial(place, (place,), one + other, {}, 0.0, scores={"a": one, "b": other}, copy_of=copy)
        for place, (one, other, copy) in enumerate(rows)
    ]
    assert [trial.number for trial in ranked(trials, rank_sum)] == [0, 1]
    assert [trial.number for trial in ranked(trials, by_score)] == [0, 1]


def test_sums_and_means_that_are_too_large_are_no_score(batch: Batch) -> None:
    class Large(Proxy):
        def score(self, candidate: Candidate, batch: Batch) -> float:
            assert candidate.seed is not None  # another seed is another draw
            return 1.7e308

    one = ProxyObjective(SPACE, Large(), batch, repeats=3).evaluate((1,) * 6)
    assert isnan(one.score)
    assert one.reason == "the score is inf"
    two = ProxyObjective(SPACE, {"a": Large(), "b": Large()}, batch).evaluate((1,) * 6)
    assert isnan(two.score)
    assert two.reason == "the sum of the scores is inf"


def test_one_proxy_with_two_sets_of_options_is_refused() -> None:
    def pair(name: str, samples: int) -> dict[str, Any]:
        return {"name": name, "swap": {"name": "swap", "samples": samples}}

    same = {"name": "several", "x": pair("x", 3), "y": pair("y", 3)}
    assert proxies("proxy", same).members == {"swap": Choice("swap", {"samples": 3})}
    with pytest.raises(UsageError, match="swap is there twice with different options"):
        proxies("proxy", {"name": "several", "x": pair("x", 3), "y": pair("y", 4)})


def test_a_metric_named_like_a_part_of_the_summary_is_refused() -> None:
    for name in ("score", "seed", "sd", "naswot_sd", "trial"):
        with pytest.raises(UsageError, match=f"a metric cannot be called '{name}'"):
            build_metrics([name])


def test_a_ranking_may_read_metrics() -> None:
    RANKINGS.load()

    def cheap(trials: list[Trial]) -> list[float]:
        return [-trial.metrics["params"] for trial in trials]

    RANKINGS.register("cheap")(cheap)
    try:
        one = proxies("proxy", {"name": "params"})
        assert build_ranking(Choice("cheap"), one, ["params"]) is cheap
    finally:
        del RANKINGS._plugins["cheap"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.arange(5000.0), torch.arange(5000.0) + (torch.arange(5000) == 2500)),
        (np.arange(5000), np.arange(5000) * 1.0),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({1, 2, 3}, {1, 2}),
    ],
)
def test_keys_differ_with_every_entry_and_are_the_same_in_every_process(
    one: object, other: object, batch: Batch
) -> None:
    class Plain:
        def __init__(self, value: object) -> None:
            self.value = value

    def key(value: object) -> Mapping[str, str]:
        return keys(ProxyObjective(SPACE, Sum(Plain(value)), batch))

    assert key(one) == key(one)  # two objects, with two addresses
    assert key(one) != key(other)


def test_lists_of_a_config_become_tuples_where_a_space_has_them() -> None:
    @dataclass(frozen=True)
    class Sized(Space):
        widths: tuple[int, ...] = (1, 2)
        choices = (2, 2)

        def valid(self, arch: Arch) -> bool:
            return arch != (1, 1)

    space = construct("space", "sized", Sized, 0, widths=[3, 4])
    assert space.widths == (3, 4)
    assert space.size == 3
    assert hash(space) == hash(Sized((3, 4)))


def test_copies_do_not_use_up_patience(batch: Batch) -> None:
    class Failing(Proxy):
        by_function = True

        def score(self, candidate: Candidate, batch: Batch) -> float:
            raise ValueError("always" if SPACE.canonical(candidate.arch) else "never")

    class Same(nas.Strategy):
        told = 0

        def ask(self, rng: Random) -> Arch:
            return (0,) * 6 if self.told < 9 else SPACE.sample(rng)

        def tell(self, trial: Trial) -> None:
            self.told += 1

    history = History()
    with pytest.raises(UsageError, match=r"ValueError: always \(the first 2 architectures all"):
        search(
            Same(SPACE), ProxyObjective(SPACE, Failing(), batch), history,
            budget=30, seed=0, give_up=2,
        )  # fmt: skip
    assert len(history) == 10


@pytest.mark.long
def test_search_and_score_from_python(tmp_path: Path) -> None:
    argv: dict[str, Any] = {"strategy": "random", "budget": 12, "out": tmp_path / "run"}
    whole = nas.search(SPACE, "params", **argv)
    assert nas.search(SPACE, "params", **argv).best.to_json() == whole.best.to_json()
    with pytest.raises(UsageError, match=r"other settings: proxy\.name is .* scores\.proxy is"):
        nas.search(SPACE, "flops", **argv)
    several = nas.search(SPACE, {"mine": Sum(), "p": PROXIES.build("params")}, budget=10)
    assert set(several.best.scores) == {"mine", "p"}
    with pytest.raises(UsageError, match="is not in the space"):
        nas.score(SPACE, [(-1,) * 6], "params")
    (found,) = nas.score("nasbench201", ["(1,1,1,1,1,1)"], "params")
    assert found.score == found.metrics["params"]
    with pytest.raises(UsageError, match="always"):
        nas.search(SPACE, Boom(), budget=5, out=tmp_path / "lost")
    assert not (tmp_path / "lost").exists()


class Boom(Proxy):
    """An error, always."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        raise ValueError("always")


@pytest.mark.long
def test_a_script_that_is_also_a_plugin_registers_once(tmp_path: Path) -> None:
    script = tmp_path / "both.py"
    script.write_text(
        "import nas\n@nas.PROXIES.register('both')\nclass Both(nas.Proxy):\n"
        "    'Both.'\n    def score(self, candidate, batch): return 1.0\n"
        "if __name__ == '__main__': print(nas.PROXIES.build('both').score(None, None))\n"
    )
    done = subprocess.run(
        [sys.executable, script], env={**os.environ, "NAS_PLUGINS": "both"},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("1.0\n", "")
    assert "both" not in {*SPACES}
