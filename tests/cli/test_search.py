"""`nas search`: what it writes and prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy.stats import rankdata

from nas import PROXIES, SPACES, STRATEGIES, History, ProxyObjective, Space, trials
from nas.cli.chosen import chosen
from nas.data.sources import make_batch
from tests.support.command_line import (
    EVOLUTION,
    FILES,
    RUN,
    SMALL,
    Done,
    best,
    history,
    lines,
    nas,
    told,
)


def test_a_search_writes_three_files(run: tuple[Path, Done]) -> None:
    folder, done = run
    assert {path.name for path in folder.iterdir()} == FILES
    config = yaml.safe_load((folder / "config.yaml").read_text())
    for option in RUN:
        key, _, value = option.partition("=")
        part = config
        for name in key.split("."):
            part = part[name]
        assert str(part["name"] if isinstance(part, dict) else part) == value
    assert [line["number"] for line in lines(folder)] == list(range(60))
    assert (
        done.out.splitlines()[-1]
        == f"files   {folder}: report.html, best.json, history.jsonl, config.yaml"
    )
    assert done.err.startswith("60/60 trials")


def small_space(folder: Path) -> Space:
    config = yaml.safe_load((folder / "config.yaml").read_text())
    return SPACES.configured(chosen("space", config["space"]))


def test_copies_are_the_later_trials_of_one_function(run: tuple[Path, Done]) -> None:
    space = SPACES.build("nasbench201")
    first: dict[tuple[int, ...], dict[str, Any]] = {}
    for line in lines(run[0]):
        original = first.setdefault(space.canonical(tuple(line["arch"])), line)
        assert line.get("copy_of") == (None if original is line else original["number"])
        assert line["score"] == original["score"]
        network = small_space(run[0]).network(tuple(line["arch"]))
        assert network is not None
        live = network.live
        assert line["metrics"] == {"params": live.params, "flops": live.flops}


@pytest.mark.long
def test_a_sweep_makes_a_folder_for_every_combination(here: Path) -> None:
    options = [*SMALL, "budget=80", "finals=none"]
    swept = nas("search", "-m", *options, "strategy=random,evolution", "seed=0,1", "out=X")
    assert swept.code == 0, swept.err
    folders = sorted(path for path in (here / "X").iterdir() if path.is_dir())
    assert len(folders) == 4
    assert len({str(history(folder)) for folder in folders}) == 4
    for strategy in ("random", "evolution"):
        for seed in (0, 1):
            (folder,) = (
                folder
                for folder in folders
                if {f"strategy={strategy}", f"seed={seed}"} <= set(folder.name.split(","))
            )
            single = [f"strategy={strategy}", f"seed={seed}", f"out=single/{strategy}{seed}"]
            assert nas("search", *options, *single).code == 0
            assert history(folder) == history(here / "single" / f"{strategy}{seed}")
            for name in (folder, folder.relative_to(here), f"{folder.relative_to(here)}/"):
                report = nas("report", name, "json=true")
                assert json.loads(report.out) == best(folder), report.err
            assert (best(folder)["strategy"], best(folder)["seed"]) == (strategy, seed)


def test_a_search_is_the_library_with_the_same_settings(here: Path) -> None:
    space = SPACES.build("nasbench201", channels=2, cells=1, resolution=8)
    objective = ProxyObjective(space, PROXIES.build("epsilon"), make_batch(space, size=8, seed=3))
    strategy = STRATEGIES.build("evolution", space, population=8, tournament=4)
    every = list(trials(strategy, objective, History(), budget=60, seed=1, block=5))
    assert nas("search", *RUN, "seed=1", "block=5", "batch.seed=3", "out=run").code == 0
    found = [(tuple(line["arch"]), line["score"]) for line in lines(here / "run")]
    scores = [None if isnan(trial.score) else trial.score for trial in every]
    assert found == [(trial.arch, score) for trial, score in zip(every, scores, strict=True)]


def test_a_search_without_any_score_says_so(here: Path) -> None:
    done = nas("search", *SMALL, "batch.size=1", "budget=5", "out=one")
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("nas: none of the 5 trials has a score")
    assert "5 × constant output" in done.out
    assert [line["score"] for line in lines(here / "one")] == [None] * 5
    assert best(here / "one")["arch"] is None
    report = nas("report", "one")
    assert report.code == 0
    assert told(report.out) == told(done.out)


@pytest.mark.long
def test_a_combination_of_proxies_brings_its_ranking(here: Path) -> None:
    parts = {"expressivity", "progressivity", "trainability", "flops"}
    for proxy, names, ranking in (
        ("proxy=az_nas", parts, "rank_sum"),
        ("proxy=[params,az_nas]", parts | {"params"}, "score"),
    ):
        done = nas("search", *EVOLUTION, "budget=12", proxy, f"out={ranking}")
        assert done.code == 0, done.err
        assert best(here / ranking)["ranking"] == ranking
        assert set(best(here / ranking)["scores"]) == names
    assert "proxy az_nas" in nas("report", "rank_sum").out


def test_the_number_of_threads_does_not_matter(run: tuple[Path, Done], here: Path) -> None:
    for threads in ("1", "2"):
        command = [sys.executable, "-m", "nas", "search", *RUN, f"out={threads}"]
        environment = {**os.environ, "OMP_NUM_THREADS": threads}
        subprocess.run(command, env=environment, check=True, capture_output=True)
        assert history(here / threads) == history(run[0])


@pytest.mark.long
def test_sweeps_over_anything_have_folders_of_their_own(here: Path) -> None:
    done = nas("search", "-m", *SMALL, "budget=20,30", "strategy=random", "finals=none")
    assert done.code == 0, done.err
    (sweep,) = (here / "runs").iterdir()
    folders = sorted(path for path in sweep.iterdir() if path.is_dir())
    assert [path.name for path in folders] == ["budget=20", "budget=30"]
    assert [len(lines(path)) for path in folders] == [20, 30]


def test_what_lacks_a_score_may_win_where_the_ranking_takes_it(here: Path) -> None:
    """epsilon has no score for half of these cells; the winner and the ten best are by hand."""
    proxies = ("epsilon", "l2_norm", "depth")
    argv = [*SMALL, f"proxy=[{','.join(proxies)}]", "budget=60", "strategy=random", "finals=none"]
    argv += ["ranking=rank_sum", "ranking.weights={l2_norm: 9}"]
    assert nas("search", *argv, "out=out").code == 0
    done = nas("search", *argv, "ranking.missing=last", "out=last")
    assert done.code == 0, done.err
    rows = [line for line in lines(here / "last") if "copy_of" not in line]
    table = np.array([[row["scores"][name] for name in proxies] for row in rows], float)
    lacking = np.isnan(table).any(axis=1)
    assert 5 < lacking.sum() < len(rows)
    ranks = rankdata(np.where(np.isnan(table), -np.inf, table), axis=0) / len(rows)
    value = (np.log(ranks) * [1, 9, 1]).sum(axis=1)
    order = np.argsort(-value, kind="stable")[:10]
    summary, without = best(here / "last"), best(here / "out")
    assert [row["trial"] for row in summary["top"]] == [rows[place]["number"] for place in order]
    assert [row["score"] for row in summary["top"]] == pytest.approx(value[order])
    assert lacking[order].any()
    assert summary["trials"]["no_score"] == 0
    assert summary["trials"]["reasons"] == {}
    assert without["trials"]["no_score"] == lacking.sum()
    assert "NaN" not in (here / "last" / "best.json").read_text()
    report = nas("report", "last")
    assert report.code == 0
    assert " nan" not in report.out
    assert " none " in report.out


@pytest.mark.long
def test_several_proxies_and_their_ranking(here: Path) -> None:
    argv = [*SMALL, "proxy=[epsilon,params,flops]", "ranking=rank_sum", "budget=40"]
    assert nas("search", *argv, "out=both").code == 0
    summary = best(here / "both")
    assert summary["proxy"] == "epsilon + params + flops"
    rows = [line for line in lines(here / "both") if "copy_of" not in line and line["score"]]
    columns = [[row["scores"][name] for row in rows] for name in ("epsilon", "params", "flops")]
    value = np.log(np.array([rankdata(column) for column in columns]) / len(rows)).sum(axis=0)
    ordered = [rows[place]["number"] for place in np.argsort(-value, kind="stable")[:10]]
    assert [row["trial"] for row in summary["top"]] == ordered
    assert nas("report", "both").out.startswith("40 of 40 trials")
    one = nas("score", "1,1,1,1,1,3", *SMALL, "proxy=[params,flops]", "json=true")
    assert set(json.loads(one.out)["scores"]) == {"params", "flops"}
    weighted = nas(
        "score",
        "1,1,1,1,1,3",
        *SMALL,
        "proxy=[params,flops]",
        "json=true",
        "ranking.weights={flops: 0}",
    )
    figures = json.loads(weighted.out)
    assert figures["score"] == figures["params"]
