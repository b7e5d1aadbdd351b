"""The front of a search in its folder, its summary, its text, its table and its pictures."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import nas
from nas import UsageError
from nas.runs.front import front_lines, front_picture, front_table
from nas.searching.pareto import front_of
from tests.searching.test_pareto import trials
from tests.support.command_line import SMALL, best, check_mistake, snapshot, told
from tests.support.command_line import nas as command
from tests.support.searches import SPACE, Counting

WORDS = [*SMALL, "proxy=params", "objective=[params,-flops]", "budget=30", "out=run"]
NSGA2 = ["strategy=nsga2", "strategy.population=10"]


@pytest.mark.long
def test_a_search_with_two_objectives_leaves_its_front(here: Path) -> None:
    done = command("search", *WORDS, *NSGA2)
    assert done.code == 0, done.err
    found = best(here / "run")["front"]
    assert found["objectives"] == ["params", "-flops"]
    values = [tuple(point["values"].values()) for point in found["points"]]
    assert values == sorted(values, reverse=True)
    assert sorted(values, key=lambda each: each[1]) == values
    assert best(here / "run")["tuple"] == found["points"][0]["tuple"]
    assert "the front's best by its first objective" in done.out
    assert found["reference_is"] == "the worst of the scored trials in each objective"
    volumes = [step["hypervolume"] for step in found["growth"]]
    assert volumes == sorted(volumes)
    assert volumes[-1] == found["hypervolume"]
    with (here / "run" / "front.csv").open(encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    assert [row["arch"] for row in rows] == [point["arch"] for point in found["points"]]
    assert [float(row["-flops"]) for row in rows] == [second for _, second in values]
    assert (here / "run" / "front.png").read_bytes()[:4] == b"\x89PNG"
    assert "files   run: report.html, best.json, front.csv, front.png, history.jsonl" in done.out
    report = command("report", "run")
    assert told(report.out) == told(done.out)
    before = snapshot(here)
    assert command("search", *WORDS, *NSGA2).code == 0
    after = snapshot(here)
    assert [name for name in after if after[name] != before[name]] == []


def test_ties_in_the_first_objective_are_broken_by_the_others(here: Path) -> None:
    """Many networks need the same memory; the winner has the most params among them."""
    goals = ["-memory", "params", "-flops"]
    words = [*SMALL, "proxy=params", "strategy=random", "budget=40", "seed=2", "out=run"]
    assert command("search", *words, f"objective=[{','.join(goals)}]").code == 0
    found = best(here / "run")
    points = [tuple(point["values"].values()) for point in found["front"]["points"]]
    assert sum(point[0] == points[0][0] for point in points) > 1
    assert points == sorted(points, reverse=True)
    assert found["tuple"] == found["front"]["points"][0]["tuple"]
    assert (-found["memory"], found["params"], -found["flops"]) == points[0]
    python = nas.search(SPACE, "params", "random", budget=40, seed=2, objective=goals)
    assert python.best is python.top[0][0]
    assert python.best.number == python.front().trials[0].number


@pytest.mark.parametrize("ranking", ["rank_sum", "median_rank"])
def test_a_winner_by_another_ranking_has_its_own_values(ranking: str, here: Path) -> None:
    goals = ["params", "-memory", "-flops"]
    words = [*SMALL, "proxy=params", "strategy=random", "budget=40", f"ranking={ranking}"]
    done = command("search", *words, f"objective=[{','.join(goals)}]", "out=run")
    assert done.code == 0, done.err
    found = best(here / "run")
    assert found["tuple"] != found["front"]["points"][0]["tuple"]
    own = {"params": found["params"], "-memory": -found["memory"], "-flops": -found["flops"]}
    assert found["front"]["winner"] == own
    lines = done.out.splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("tuple ")) + 1
    assert lines[place : place + 4] == [
        f"{ranking:<7} {found['score']:.6g}   (trial {found['trial']})",
        *(f"{name:<7} {value:.6g}" for name, value in own.items()),
    ]
    assert "best by its first" not in done.out
    assert told(command("report", "run").out) == told(done.out)


def test_a_winner_of_the_finals_has_its_own_values(here: Path) -> None:
    words = [*SMALL, "proxy=[params,naswot]", "strategy=random", "budget=8", "ranking=pareto"]
    panel = ["finals=panel", "finals.proxies=[flops,swap]", "finals.size=6", "out=run"]
    done = command("search", *words, *panel, "seed=1")
    assert done.code == 0, done.err
    found = best(here / "run")
    assert found["front"]["winner"] == found["scores"]
    assert f"pareto  {found['score']:.6g}   (trial {found['trial']})\nparams  " in done.out
    assert "best by its first" not in done.out


def test_another_reference_needs_no_new_trial(here: Path) -> None:
    assert command("search", *WORDS, "strategy=random").code == 0
    done = command("search", *WORDS, "strategy=random", "reference=[-1,-1e9]")
    assert done.code == 0, done.err
    assert "above params = -1, -flops = -1e+09: given" in done.out
    found = best(here / "run")["front"]
    assert found["reference"] == {"params": -1.0, "-flops": -1e9}
    assert found["growth"][0]["trial"] == next(
        trial.number
        for trial in nas.History.read(here / "run" / "history.jsonl")
        if trial.score == trial.score
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["reference=[1]"], "reference=[1.0] must have a finite number for each of several"),
        (["reference=[1,x]"], "must have a number for each objective, such as [0,-5]"),
        (["objective=params", "reference=[1]"], "and those are: none"),
    ],
)
def test_wrong_references(words: list[str], message: str, here: Path) -> None:
    check_mistake(command("search", *WORDS, *words), message)
    assert not (here / "run").exists()


def test_a_search_with_one_objective_has_no_front(here: Path) -> None:
    words = [*WORDS, "objective=params/flops", "strategy=local"]
    assert command("search", *words).code == 0
    assert best(here / "run")["front"] is None
    assert {each.name for each in (here / "run").iterdir()} == {
        *("best.json", "config.yaml", "history.jsonl", "report.html")
    }


def test_python_gives_the_front(tmp_path: Path) -> None:
    goals = ["params", "-flops"]
    found = nas.search(SPACE, "params", "nsga2", budget=30, objective=goals, out=tmp_path / "run")
    front = found.front()
    assert front.trials[0].arch == found.best.arch
    assert best(tmp_path / "run")["front"]["hypervolume"] == front.hypervolume
    assert found.front([-1, -1e9]).hypervolume > front.hypervolume
    with pytest.raises(UsageError, match="a front is of several objectives"):
        nas.search(SPACE, Counting(), "random", budget=30).front()


def test_a_long_front_is_cut_in_the_text_and_whole_in_the_table() -> None:
    points = [
        {"arch": f"a,{n}", "trial": n, "values": {"x": 1.0 * n, "y": -1.0 * n}}
        for n in reversed(range(30))
    ]
    front = {"objectives": ["x", "y"], "points": points, "hypervolume": 0.0, "growth": []}
    lines = front_lines({**front, "reference": {"x": 99.0, "y": 0.0}, "reference_is": "given"})
    assert len(lines) == 2 + 20 + 3
    assert "… and 10 more" in lines[22]
    assert lines[-1].strip() == "no trial is above that point in all objectives"
    rows = [*csv.reader(front_table(front).splitlines())]
    assert rows[:2] == [["arch", "x", "y", "trial"], ["a,29", "29.0", "-29.0", "29"]]
    assert len(rows) == 31


@pytest.mark.parametrize("names", ["ab", "abc"])
def test_the_picture_has_the_trials_the_front_and_the_growth(names: str) -> None:
    points = [(0, 3, 1), (1, 1, 1), (3, 0, 1), (2, 2, 1)]
    found = front_of(trials([point[: len(names)] for point in points], names), names)
    winner = dict(zip(names, points[3], strict=False))
    left, right = front_picture(found, 9, winner).axes
    rings = [line.get_xydata() for line in left.get_lines() if line.get_label() == "found"]
    assert [ring.tolist() for ring in rings] == [[[2, 2]]]  # type: ignore[union-attr]
    cloud, front = left.get_lines()[:2]
    assert cloud.get_xydata().tolist() == [[*point[:2]] for point in points]  # type: ignore[union-attr]
    assert front.get_xydata().tolist() == [[3, 0], [2, 2], [0, 3]]  # type: ignore[union-attr]
    assert left.get_xlabel() == "a"
    growth = right.get_lines()[0].get_xydata()
    if names == "ab":
        assert growth.tolist() == [[1, 1], [3, 4], [8, 4]]  # type: ignore[union-attr]
