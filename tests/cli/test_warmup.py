"""The warm-up and `move` on the command line: what they score, keep, resume and report."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from nas import PROXIES, STRATEGIES, Trial, UsageError, WarmUp, search
from nas.cli.arguments import for_hydra
from nas.searching.scores import ProxyScores
from tests.support.command_line import SMALL, best, check_mistake, history, lines, nas
from tests.support.small import small

SEARCH = ["search", *SMALL, "proxy=params", "finals=none", "budget=30", "out=run"]
WARM = [*SEARCH, "warmup=80", "warmup.proxy=flops", "warmup.keep=8"]
EVOLUTION = ["strategy.population=8", "strategy.tournament=4"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("warm")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = nas(*WARM, *EVOLUTION)
    assert done.code == 0, done.err
    return folder / "run"


@pytest.fixture
def warm(made: Path, here: Path) -> Path:
    """A copy of the search's folder, for a test that changes it."""
    return Path(copytree(made, here / "run"))


def journal(folder: Path, name: str = "warmup.jsonl") -> list[dict[str, Any]]:
    text = (folder / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_best_of_the_warm_up_begin_the_search(warm: Path) -> None:
    scored = journal(warm)
    assert len(scored) <= 80
    assert len({tuple(line["arch"]) for line in scored}) == len(scored)  # each once
    flops = [line["metrics"]["flops"] for line in lines(warm)]
    assert flops[:8] == sorted((line["score"] for line in scored), reverse=True)[:8]
    assert best(warm)["warmup"] == {
        **{"size": 80, "proxy": "flops", "keep": 8, "starts": 8},
        **{"distinct": len(scored), "scored": len(scored)},
        "seconds": pytest.approx(sum(line["seconds"] for line in scored), abs=1e-3),
    }


def test_the_report_says_what_the_search_said(warm: Path) -> None:
    found = best(warm)
    assert json.loads(nas("report", warm, "json=true").out) == found
    line = f"warm-up 80 random architectures, {found['warmup']['distinct']} distinct, "
    assert f"{line}{found['warmup']['scored']} with a score by flops: the best 8" in (
        nas("report", warm).out
    )


def test_a_search_that_goes_on_scores_nothing_of_the_warm_up_again(warm: Path) -> None:
    before = (warm / "warmup.jsonl").read_bytes()
    first = history(warm)
    more = [word.replace("budget=30", "budget=70") for word in WARM]
    assert nas(*more, *EVOLUTION).code == 0
    assert (warm / "warmup.jsonl").read_bytes() == before
    assert history(warm)[:30] == first


@pytest.mark.parametrize("kept", [0, 1, 30])
def test_a_kill_during_the_warm_up_loses_nothing(warm: Path, kept: int) -> None:
    whole, content = history(warm), (warm / "warmup.jsonl").read_bytes().splitlines(keepends=True)
    after = [{**line, "seconds": 0, "check": 0} for line in journal(warm)]
    (warm / "warmup.jsonl").write_bytes(b"".join(content[:kept]) + content[kept][:20])
    for name in ("history.jsonl", "best.json"):
        (warm / name).unlink()
    done = nas("report", warm)
    assert done.code == 2
    assert "no trials yet: its warm-up is not over" in done.err
    check_mistake(nas(*WARM, *EVOLUTION, "seed=1"), ["other settings: seed is 0 there and 1"])
    assert nas(*WARM, *EVOLUTION).code == 0
    kept_lines = (warm / "warmup.jsonl").read_bytes().splitlines(keepends=True)[:kept]
    assert kept_lines == content[:kept]
    assert [{**line, "seconds": 0, "check": 0} for line in journal(warm)] == after
    assert history(warm) == whole


def test_ctrl_c_during_the_warm_up(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled = ProxyScores.filled

    def until_ctrl_c(*args: Any) -> Iterator[Trial]:
        for number, trial in enumerate(filled(*args)):
            if number == 4:
                signal.raise_signal(signal.SIGINT)
            yield trial

    monkeypatch.setattr(ProxyScores, "filled", until_ctrl_c)
    done = nas(*WARM)
    assert done.code == 130
    says, command = done.out.splitlines()
    assert says.startswith("stopped after 5 of ")
    assert says.endswith(" scores of the warm-up; go on with")
    assert command.startswith("  nas search ")
    assert len(journal(here / "run")) == 5
    assert not (here / "run" / "history.jsonl").exists()
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert nas(*WARM).code == 0


@pytest.mark.long
def test_executors_leave_the_same_files(here: Path) -> None:
    words = [*WARM, *EVOLUTION, "move=jacob_cov", "block=4", "budget=24"]
    assert nas(*words).code == 0
    assert (
        nas(*words[:-1], "budget=24", "executor=processes", "executor.workers=2", "out=p").code
        == 0
    )
    assert history(here / "run") == history(here / "p")
    for name in ("warmup.jsonl", "move.jsonl"):
        one, other = journal(here / "run", name), journal(here / "p", name)
        assert [{**line, "seconds": 0} for line in one] == [
            {**line, "seconds": 0} for line in other
        ]


@pytest.mark.long
@pytest.mark.parametrize("strategy", ["random", "evolution", "reinforce", "local"])
def test_move_chooses_by_its_proxy_and_keeps_its_scores(here: Path, strategy: str) -> None:
    words = [*SEARCH, f"strategy={strategy}", "move=flops"]
    words += EVOLUTION if strategy == "evolution" else []
    assert nas(*words).code == 0
    moved, scores = history(here / "run"), (here / "run" / "move.jsonl").read_bytes()
    assert " · move flops" in nas("report", "run").out
    more = [word.replace("budget=30", "budget=31") for word in words]
    assert nas(*more).code == 0
    assert history(here / "run")[:30] == moved
    assert (here / "run" / "move.jsonl").read_bytes().startswith(scores)
    if strategy == "random":  # the best of ten by what it is looked at
        other = nas(*[w for w in words if w not in ("move=flops", "out=run")], "out=plain")
        assert other.code == 0
        rows = [line["metrics"]["flops"] for line in history(here / "plain")]
        assert sum(line["metrics"]["flops"] for line in moved) > 1.2 * sum(rows)


def test_the_scores_of_the_warm_up_serve_move(here: Path) -> None:
    words = [*WARM, *EVOLUTION, "move=flops"]
    assert nas(*words).code == 0
    warm, move = journal(here / "run"), journal(here / "run", "move.jsonl")
    assert not {tuple(line["arch"]) for line in warm} & {tuple(line["arch"]) for line in move}


def test_equal_functions_are_scored_once(here: Path) -> None:
    words = [word.replace("flops", "epsilon") for word in WARM]
    assert nas(*words, "warmup.keep=16", "warmup=200").code == 0
    found = best(here / "run")["warmup"]
    assert PROXIES["epsilon"].by_function
    assert found["distinct"] < 200
    assert 0 < found["scored"] < found["distinct"]
    space = small("nasbench201")
    first = [space.canonical(tuple(line["arch"])) for line in lines(here / "run")[:16]]
    scores = {tuple(line["arch"]): line["score"] for line in journal(here / "run")}
    best_ones = sorted((score for score in scores.values() if score is not None), reverse=True)
    assert [scores[form] for form in first] == best_ones[:16]
    assert len({*first}) == found["starts"] == 16


def test_constraints_hold_in_the_warm_up(here: Path) -> None:
    done = nas(*WARM, "constraints=[params<=2000]", "budget=12")
    assert done.code == 0, done.err
    assert all(line["metrics"]["params"] <= 2000 for line in lines(here / "run")[:8])


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["warmup=-1"], ["warmup=-1 must be a whole number of at least 0"]),
        (["warmup=many"], ["warmup=many must be a whole number"]),
        (["warmup=1e3"], ["warmup=1000.0 must be a whole number"]),
        (["warmup=99999999999"], ["is too large"]),
        (["warmup=5", "warmup.keep=6"], ["warmup.keep=6 is more than warmup=5"]),
        (["warmup=5", "warmup.keep=0"], ["warmup.keep=0 must be"]),
        (["warmup=5", "warmup.proxy=none_such"], ["none_such"]),
        (["warmup=5", "warmup.proxy=[a,b]"], ["warmup.proxy="]),
        (["warmup=5", "warmup.sizes=6"], ["warmup.sizes"]),
        (["move=none_such"], ["none_such"]),
        (["move=flops", "strategy=exhaustive"], ["Exhaustive", "move=", "strategy=evolution"]),
    ],
)
def test_mistakes(here: Path, words: list[str], fragments: list[str]) -> None:
    check_mistake(nas(*SEARCH, *words), fragments)
    assert not (here / "run").exists()


def test_a_warm_up_that_only_fails_ends(here: Path) -> None:
    done = nas(*SEARCH[:-1], "space=nasbench_nlp", "warmup=50", "warmup.proxy=zen", "out=run")
    assert done.code != 0
    assert not (here / "run" / "warmup.jsonl").exists()


def test_the_number_is_an_option_of_its_config() -> None:
    assert for_hydra(["warmup=30"]) == ["warmup.size=30"]
    assert for_hydra(["warmup=0,30", "warmup.keep=3"]) == ["warmup.size=0,30", "warmup.keep=3"]
    assert for_hydra(["warmup={size: 3}"]) == ["warmup={size: 3}"]


def test_in_python_it_is_the_same_search(here: Path) -> None:
    space = small("nasbench201")
    strategy = partial(STRATEGIES["evolution"], population=8, tournament=4)
    options: dict[str, Any] = {"budget": 30, "finals": None, "progress": False}
    options |= {"warmup": WarmUp(40, "flops", 8), "move": "flops"}
    found = search(space, "params", strategy, out="python", **options)
    again = search(space, "params", strategy, **options)
    assert [trial.arch for trial in found.trials] == [trial.arch for trial in again.trials]
    assert [list(trial.arch) for trial in found.trials] == [
        line["arch"] for line in lines(here / "python")
    ]
    assert json.loads(nas("report", "python", "json=true").out)["warmup"]["starts"] == 8
    before = (here / "python" / "warmup.jsonl").read_bytes()
    search(space, "params", strategy, out="python", **{**options, "budget": 35})
    assert (here / "python" / "warmup.jsonl").read_bytes() == before
    with pytest.raises(UsageError, match="warmup=-1 must"):
        search(space, "params", warmup=-1)
    with pytest.raises(UsageError, match="move=3 must"):
        search(space, "params", move=3)  # type: ignore[arg-type]
