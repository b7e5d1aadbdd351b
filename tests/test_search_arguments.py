"""Arguments of `nas.search`: names as on the command line, and a sentence for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nas
from nas import METRICS, UsageError

QUICK: dict[str, Any] = {"proxy": "params", "strategy": "random", "budget": 4, "finals": None}


def searched(**options: Any) -> Any:
    return nas.search("nasbench201", **{**QUICK, **options})


def same(**options: Any) -> bool:
    found, expected = searched(**options), searched()
    return [(t.arch, t.score) for t in found.trials] == [
        (t.arch, t.score) for t in expected.trials
    ]


def test_whole_numbers_of_numpy_are_whole_numbers(tmp_path: Path) -> None:
    assert same(seed=np.int64(0), block=np.uint8(1), out=tmp_path / "run")
    assert "\nseed: 0\n" in (tmp_path / "run" / "config.yaml").read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.parametrize("name", ["serial", "processes"])
def test_an_executor_by_name_gives_the_same_history(name: str, tmp_path: Path) -> None:
    assert same(executor=name, out=tmp_path / "run")
    config = (tmp_path / "run" / "config.yaml").read_text(encoding="utf-8")
    assert f"executor:\n  name: {name}\n" in config


def test_finals_take_an_executor_by_name() -> None:
    archs = ["3,3,3,3,3,3", "1,1,1,1,1,1"]
    places = nas.finals("nasbench201", archs, ["params", "flops"], executor="serial")
    assert [place.arch for place in places.finalists] == [(3,) * 6, (1,) * 6]
    with pytest.raises(UsageError, match="executor=5 must be a name"):
        nas.finals("nasbench201", archs, executor=5)  # type: ignore[arg-type]


@pytest.mark.long
def test_finals_by_name() -> None:
    few = {"budget": 3, "batch": nas.Batch(torch.randn(4, 3, 8, 8))}
    assert searched(finals="none", **few).finals is None
    held = searched(finals="panel", **few).finals
    assert held is not None
    assert held == searched(finals=nas.Panel(), **few).finals
    assert searched(finals="auto", **few).finals == held


def test_a_batch_by_name() -> None:
    options = {"proxy": "l2_norm", "budget": 2}
    assert searched(batch="noise", **options).best.score > 0
    places = nas.finals("nasbench201", [(3,) * 6, (1,) * 6], ["params", "flops"], batch="ramp")
    assert [place.arch for place in places.finalists] == [(3,) * 6, (1,) * 6]
    assert nas.score("nasbench201", [(1,) * 6], "params", batch="noise")[0].score == 73306


def test_metrics_by_name_and_of_ones_own(tmp_path: Path) -> None:
    found = searched(metrics=["flops"], out=tmp_path / "run")
    assert {name for trial in found.trials for name in trial.metrics} == {"flops"}
    best = json.loads((tmp_path / "run" / "best.json").read_text(encoding="utf-8"))
    assert best["flops"] == found.best.metrics["flops"]
    own = searched(metrics={"cost": METRICS.build("params"), "flops": "flops"})
    assert own.best.metrics["cost"] == own.best.score


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"executor": "process"}, "did you mean 'processes'"),
        ({"executor": 4}, "executor=4 must be a name (dask, processes, serial)"),
        ({"executor": None}, "executor=None must be a name"),
        ({"finals": "non"}, "finals='non' must be a Panel, 'panel', 'auto' or 'none'"),
        ({"finals": True}, "finals=True must be a Panel"),
        ({"batch": "images"}, "give batch=make_batch(space, 'images', path=…)"),
        ({"batch": "arrays"}, "batch='arrays' needs path"),
        ({"batch": "nois"}, "did you mean 'noise'"),
        ({"batch": np.zeros((4, 3, 8, 8))}, "batch= must be a nas.Batch"),
        ({"metrics": "params"}, "must be a list of names"),
        ({"metrics": ["parms"]}, "did you mean 'params'"),
        ({"metrics": [3]}, "among metrics= must be a name"),
        ({"seed": 1.5}, "seed=1.5 must be a whole number of at least 0"),
        ({"seed": "1"}, "seed='1' must be a whole number"),
        ({"seed": True}, "seed=True must be a whole number"),
        ({"seed": -1}, "seed=-1 must be a whole number"),
        ({"block": 0}, "block=0 must be a whole number of at least 1"),
        ({"block": 2.0}, "block=2.0 must be a whole number"),
        ({"give_up": "never"}, "give_up='never' must be a whole number"),
        ({"budget": 2.5}, "budget=2.5 must be a whole number"),
        ({"patience": "5"}, "patience=5 must be a whole number"),
        ({"live": "no"}, "live='no' must be True or False"),
        ({"progress": "yes"}, "progress='yes' must be True or False"),
        ({"out": 5}, "out=5 must be the name of a folder"),
        ({"strategy": 5}, "strategy=5 must be a name or a Strategy"),
        ({"strategy": None}, "strategy=None must be a name or a Strategy"),
        ({"proxy": 5}, "proxy= must be a proxy, its name, or several of them"),
    ],
)
def test_a_wrong_argument_is_a_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        searched(**options)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_space_that_is_none_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="space=5 must be a name or an instance of a Space"):
        nas.search(5)  # type: ignore[arg-type]


def test_an_objective_has_its_own_batch_and_metrics() -> None:
    batch = nas.Batch(torch.zeros(2, 3, 32, 32))
    space = nas.SPACES.build("nasbench201")
    objective = nas.ProxyObjective(space, nas.PROXIES.build("params"), batch)
    for option, value in {"batch": batch, "metrics": ["flops"]}.items():
        with pytest.raises(UsageError, match=f"an objective has its own {option}"):
            nas.search(space, objective, "random", budget=2, **{option: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [1.5, "1", -1])
def test_a_wrong_seed_of_a_score_is_a_sentence(seed: Any) -> None:
    calls: list[tuple[Any, ...]] = [
        ("nasbench201", [(1,) * 6], "params"),
        (torch.nn.Linear(2, 1), (2,)),
    ]
    for given in calls:
        with pytest.raises(UsageError, match=f"seed={seed!r} must be a whole number"):
            nas.score(*given, seed=seed)
