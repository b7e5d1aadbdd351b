"""`nas study`, and sweeps that end with one table."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from nas.cli.sweeps import LONGEST, apart, combined, folder_name
from nas.errors import UsageError
from tests.support.command_line import (
    SMALL,
    check_mistake,
    history,
    interrupt,
    nas,
    paused,
    snapshot,
    started,
)

QUICK = [*SMALL, "finals=none", "proxy=params", "metrics=[]", "budget=12"]
KINDS = ["strategy=random,evolution"]
FILES = {
    *("study.json", "study.csv", "searches.csv", "curves.csv"),
    *("curves.png", "curves.svg", "report.html"),
}
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


def folders(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir() if each.is_dir())


def study(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((path / "study.json").read_text())
    return content


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("study") / "S"
    done = nas("study", *QUICK, *KINDS, "seeds=3", "seed=5", f"out={folder}")
    assert done.code == 0, done.err
    return folder, done.out


@pytest.mark.long
def test_a_study_has_a_search_for_every_variant_and_seed(made: tuple[Path, str]) -> None:
    folder, out = made
    names = [f"strategy={s},seed={n}" for s in ("evolution", "random") for n in (5, 6, 7)]
    assert folders(folder) == names
    assert {path.name for path in folder.iterdir()} >= FILES
    rows = study(folder)["rows"]
    assert {row["variant"] for row in rows} == {"strategy=random", "strategy=evolution"}
    assert [row["searches"] for row in rows] == [3, 3]
    assert out.count("strategy=random") == 1
    assert "Wilcoxon" in out


def test_its_searches_are_those_of_nas_search(made: tuple[Path, str], here: Path) -> None:
    assert nas("search", *QUICK, "strategy=random", "seed=6", "out=one").code == 0
    assert history(here / "one") == history(made[0] / "strategy=random,seed=6")
    assert nas("report", made[0] / "strategy=random,seed=6").code == 0


def test_the_report_of_a_study_is_its_table(made: tuple[Path, str], here: Path) -> None:
    folder, out = made
    before = snapshot(folder)
    told = nas("report", folder)
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines()[:-1] == out.splitlines()[:-1]
    whole = json.loads(nas("report", folder, "json=true").out)
    assert whole == study(folder)
    assert snapshot(folder) == before
    assert nas("report", folder, "out=copy").code == 0
    for name in FILES:
        assert (here / "copy" / name).read_bytes() == (folder / name).read_bytes()


def test_the_same_command_searches_nothing_again(made: tuple[Path, str]) -> None:
    folder, out = made
    before = {path: kept for path, kept in snapshot(folder).items() if path.parent != folder}
    again = nas("study", *QUICK, *KINDS, "seeds=3", "seed=5", f"out={folder}")
    assert (again.code, again.out) == (0, out)
    after = snapshot(folder)
    assert {path: after[path] for path in before} == before


@pytest.mark.long
def test_more_seeds_go_on(here: Path) -> None:
    assert nas("study", *QUICK, "strategy=random", "seeds=2", "out=A").code == 0
    assert nas("study", *QUICK, "strategy=random", "seeds=4", "out=A").code == 0
    assert nas("study", *QUICK, "strategy=random", "seeds=4", "out=B").code == 0
    for name in folders(here / "B"):
        assert history(here / "A" / name) == history(here / "B" / name)
    one, other = (study(here / name)["rows"][0] for name in "AB")
    assert {**one, "seconds": 0} == {**other, "seconds": 0}


@pytest.mark.long
def test_a_sweep_ends_with_the_table_of_a_study(made: tuple[Path, str]) -> None:
    done = nas("search", "-m", *QUICK, *KINDS, "seed=5,6,7", "out=X")
    assert done.code == 0, done.err
    assert done.out.splitlines()[:-1] == made[1].splitlines()[:-1]
    assert "nas report X" in done.out.splitlines()[-1]
    swept = json.loads(nas("report", "X", "json=true").out)
    for row, other in zip(swept["rows"], study(made[0])["rows"], strict=True):
        assert {**row, "seconds": 0} == {**other, "seconds": 0}
    assert swept["curves"] == study(made[0])["curves"]


@pytest.mark.long
def test_options_that_belong_together(here: Path) -> None:
    words = ["+", "strategy=random", "+", "strategy=evolution", "strategy.population=2,4"]
    done = nas("study", *QUICK, "seeds=1", "out=S", *words)
    assert done.code == 0, done.err
    assert {row["variant"] for row in study(here / "S")["rows"]} == {
        "strategy=random",
        "strategy=evolution strategy.population=2",
        "strategy=evolution strategy.population=4",
    }
    words = ["strategy=random,evolution", "strategy.population=2,4"]
    done = nas("study", *QUICK, "out=T", *words)
    told = "+ strategy=random + strategy=evolution strategy.population=2,4"
    check_mistake(done, ["the variant strategy=random strategy.population=2", told])
    assert not (here / "T").exists()


@pytest.mark.long
def test_an_option_of_one_variant_is_refused_with_the_words_to_type(here: Path) -> None:
    words = ["strategy=random,evolution", "strategy.population=16", "seeds=1", "out=S"]
    told = "give each its own options: + strategy=random + strategy=evolution"
    done = nas("study", *QUICK, *words)
    check_mistake(done, ["variant strategy=random", f"{told} strategy.population=16"])
    typed = done.err.split("own options: ")[1].strip().rstrip(")").split()
    assert nas("study", *QUICK, *words[2:], *typed).code == 0
    assert len(folders(here / "S")) == 2
    done = nas("study", *QUICK, "strategy=random,evolution", "strategy.populatoin=16")
    check_mistake(done, ["populatoin"])
    assert "own options" not in done.err


def test_combined_words() -> None:
    assert combined(*apart(["budget=5", "seed=1"])) == [["budget=5", "seed=1"]]
    assert combined(*apart(["a=1,2", "b=3,4"])) == [
        ["a=1", "b=3"],
        ["a=1", "b=4"],
        ["a=2", "b=3"],
        ["a=2", "b=4"],
    ]
    assert combined(*apart(["a=1", "c=0", "+", "b=3,4", "+", "a=2"])) == [
        ["a=1", "c=0", "b=3"],
        ["a=1", "c=0", "b=4"],
        ["c=0", "a=2"],
    ]
    assert combined(*apart(["c=0", "+", "a=1", "+", "a=1,2"])) == [["c=0", "a=1"], ["c=0", "a=2"]]
    with pytest.raises(UsageError, match="variants"):
        combined([f"{key}={','.join(map(str, range(30)))}" for key in "abc"], [])


def test_a_folder_has_a_name_that_files_can_have() -> None:
    assert folder_name([], 3) == "seed=3"
    assert folder_name(["b=1", "a=x/y"], 0) == "a=x%2Fy,b=1,seed=0"
    long = [folder_name([f"a={'x' * 300}{end}"], 0) for end in "pq"]
    assert len(set(long)) == 2
    assert all(len(name) < LONGEST + 30 for name in long)


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["seed=0,1"], ["seed=0,1", "seeds="]),
        (["seeds=0"], ["seeds=0", "at least 1"]),
        (["+", "out=x"], ["out=x", "before the first +"]),
        (["+"], ["after the word +"]),
        (["strategy=random,nothing"], ["nothing", "exhaustive"]),
        (["strateggy=random"], ["'strateggy'", "did you mean"]),
        (["budget=5,x"], ["budget=x", "whole number"]),
        (["report=foo"], ["'foo'", "no table", "score"]),
        (["proxy=params,flops"], ["differ in proxy", "report="]),
        (["strategy.population=0,4"], ["strategy.population=0", "at least 1"]),
        (["word"], ["'word'", "name=value"]),
        (["-m", "strategy=random"], ["-m", "nas study"]),
        (["strategy=[random,evolution]"], ["it takes one"]),
    ],
)
def test_mistakes_are_found_before_anything_is_searched(
    words: list[str], fragments: list[str], here: Path
) -> None:
    own = [word for word in QUICK if word.split("=")[0] not in {w.split("=")[0] for w in words}]
    check_mistake(nas("study", *own, *words), fragments)
    assert not snapshot(here)


def test_the_study_of_a_figure(here: Path) -> None:
    words = [*QUICK[:-2], "metrics=[flops]", "budget=6", "seeds=2", "strategy=random", "out=S"]
    assert nas("study", *words, "report=flops").code == 0
    assert (study(here / "S")["report"], study(here / "S")["lower_is_better"]) == ("flops", True)
    told = nas("report", "S", "report=score")
    assert told.out.startswith("score of what a search returns (higher is better)")
    check_mistake(nas("report", "S", "report=params"), ["'params'", "flops"])


def table(here: Path) -> None:
    """A table of 625 cells, on which the number of the cell decides."""
    lines = ["arch,valid,test"]
    for number in range(625):
        one, two = divmod(number, 25)
        cell = [OPERATIONS[each] for each in (one // 5, one % 5, two // 5, two % 5)]
        text = f"|{cell[0]}~0|+|{cell[1]}~0|{cell[2]}~1|+|{cell[3]}~0|none~1|none~2|"
        lines.append(f"{text},{number % 89},{number % 97 / 2}")
    (here / "true.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.long
def test_the_true_figure_and_the_regret_of_a_table(here: Path) -> None:
    table(here)
    words = [*QUICK[:-3], "proxy=table", "table=true.csv", "target=valid", "metrics=[]"]
    done = nas("study", *words, "budget=400", "seeds=2", "strategy=random", "report=test", "out=S")
    assert done.code == 0, done.err
    found = study(here / "S")
    assert [*found["curves"]] == ["test", "regret of test", "score"]
    assert found["best"] == 48.0
    row = found["rows"][0]
    assert row["regret"]["mean"] == pytest.approx(48.0 - row["mean"])
    for search in found["searches"]:
        rows = [line for line in history(here / "S" / f"seed={search['seed']}") if line["score"]]
        best = max(rows, key=lambda line: line["score"])
        assert search["tuple"] == best["arch"]
        assert search["score"] == best["score"]
    check_mistake(nas("study", *words, "report=nothing", "out=T"), ["nothing", "true.csv", "test"])


@pytest.mark.long
def test_a_killed_study_goes_on(here: Path) -> None:
    words = [*QUICK, *KINDS, "seeds=6", "executor=processes", "executor.workers=1", "budget=60"]
    with started(
        "study",
        *words,
        "out=A",
        pause=(here / "A" / "strategy=evolution,seed=1" / "history.jsonl", 200),
    ) as process:
        paused(process)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert len(folders(here / "A")) < 12
    assert nas("study", *words[:-3], "budget=60", "out=A").code == 0
    assert nas("study", *words[:-3], "budget=60", "out=B").code == 0
    assert len(folders(here / "B")) == 12
    for name in folders(here / "B"):
        assert history(here / "A" / name) == history(here / "B" / name)


def test_ctrl_c_ends_a_study_with_the_command_that_goes_on(here: Path) -> None:
    words = [*QUICK[:-1], *KINDS, "seeds=50", "budget=300"]
    with started(
        "study",
        *words,
        "out=A",
        session=True,
        pause=(here / "A" / "strategy=random,seed=0" / "history.jsonl", 200),
    ) as process:
        paused(process)
        interrupt(process, group=True)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "of 100 searches left; go on with" in out
    assert "nas study out=A" in out
    assert "Traceback" not in err


def test_a_folder_of_something_else_is_left_alone(made: tuple[Path, str], here: Path) -> None:
    one = made[0] / "strategy=random,seed=5"
    check_mistake(nas("study", *QUICK, f"out={one}"), ["holds a search"])
    check_mistake(nas("report", one, "report=score"), ["is for a sweep or a study"])
    check_mistake(nas("report", here), ["there is no run"])


@pytest.mark.long
def test_other_settings_in_the_same_folder_are_refused() -> None:
    assert nas("study", *QUICK, "strategy=random", "seeds=1", "out=S").code == 0
    done = nas("study", *QUICK, "strategy=random", "seeds=1", "live=false", "out=S")
    assert done.code == 2
    assert "other settings: live" in done.err
