"""`nas proxify`: cheaper trainings that still rank, among a table's columns and among recipes."""

from __future__ import annotations

import csv
import json
import signal
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from nas.storage.yaml_files import read_yaml
from tests.support.command_line import (
    SMALL,
    check_mistake,
    interrupt,
    nas,
    paused,
    snapshot,
    started,
)
from tests.support.tables import ARCHS, NAMES

FILES = {"proxify.json", "proxify.csv", "config.yaml"}
TABLE = ["table=true.csv", "full=long", "columns=[rough,good]", "sample=16"]


@pytest.fixture
def true(here: Path) -> dict[str, list[float]]:
    """A table of twenty cells: `good` is nearly `long`, `rough` is far from it."""
    rng = Random(3)
    long = [float(place) for place in range(20)]
    columns = {
        "long": long,
        "good": [each + rng.gauss(0, 0.4) for each in long],
        "rough": [each + rng.gauss(0, 30) for each in long],
        "loss": [-each for each in long],
    }
    with (here / "true.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["arch", *columns, "word"])
        writer.writerows(
            [name, *(each[place] for each in columns.values()), "x"]
            for place, name in enumerate(NAMES)
        )
    return columns


def test_empty_cells_of_a_column(true: dict[str, list[float]], here: Path) -> None:
    """Both taus are over the rows that have both figures."""
    rows = (here / "true.csv").read_text().splitlines()
    empty = {2, 9, 15}
    for place in empty:
        cells = rows[place + 1].rsplit(",", 5)  # arch, long, good, rough, loss, word
        rows[place + 1] = ",".join([*cells[:2], "", *cells[3:]])
    (here / "true.csv").write_text("\n".join(rows) + "\n")
    done = nas("proxify", *TABLE[:2], "columns=[good]", "sample=20", "out=P")
    assert done.code == 0, done.err
    kept = [place for place in range(20) if place not in empty]
    expected = kendalltau(
        *([true[n][place] for place in kept] for n in ("good", "long"))
    ).statistic
    row = result(here / "P")["rows"][0]
    assert row["left_out"] == 3
    assert row["tau"] == pytest.approx(expected) == row["tau_of_all"]
    assert "note    good: 3 of 20 architectures have no figure and are left out" in done.out


def result(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "proxify.json").read_text())
    return content


def test_the_cheapest_column_that_agrees(true: dict[str, list[float]], here: Path) -> None:
    done = nas("proxify", *TABLE, "costs={rough: 1, good: 12, long: 200}", "out=P")
    assert done.code == 0, done.err
    assert {path.name for path in (here / "P").iterdir()} == FILES
    found = result(here / "P")
    assert (found["chosen"], found["archs"]) == ("good", 16)
    row = found["rows"][0]
    assert row["speed_up"] == pytest.approx(200 / 12)
    everywhere = kendalltau(true["good"], true["long"]).statistic
    assert row["tau_of_all"] == pytest.approx(everywhere)
    assert 0.8 <= row["tau"] <= 1
    assert "16.7x" in done.out
    rows = list(csv.DictReader((here / "P" / "proxify.csv").read_text().splitlines()))
    assert [each["way"] for each in rows] == ["good", "rough"]
    assert rows[1]["state"] == "left behind"
    assert nas("proxify", *TABLE, "out=P").code == 0  # without costs, in the order of columns=
    assert result(here / "P")["rows"][0]["cost"] is None


@pytest.mark.usefixtures("true")
def test_a_column_of_which_lower_is_better(here: Path) -> None:
    assert (
        nas("proxify", "table=true.csv", "full=-loss", "columns=[good]", *TABLE[3:], "out=P").code
        == 0
    )
    done = nas("proxify", "table=true.csv", "full=loss", "columns=[good]", *TABLE[3:], "out=P")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "the best, good, has -" in done.err
    assert result(here / "P")["chosen"] is None


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["columns=[goood]"], ["'goood'", "did you mean 'good'"]),
        (["columns=[word]"], ["no column of numbers", "'word'"]),
        (["columns=[long]"], ["columns= has long"]),
        (["full=null"], ["columns= needs full="]),
        (["table=null"], ["columns= needs a table"]),
        (["table=nothing.csv"], ["nothing.csv"]),
        (["costs={good: 3}"], ["costs= has no long"]),
        (["costs={good: 0}"], ["costs=", "numbers over 0"]),
        (["costs={good: 1, rough: 1, long: 3, loss: 3}"], ["'loss'", "good, rough"]),
        (["sample=21"], ["sample=21", "20 architectures"]),
        (["tau=1.5"], ["tau=1.5", "at most 1"]),
        (["columns=good"], ["columns=good", "a list"]),
        (["columns=[]"], ["a list of columns"]),
        (["space=darts"], ["not in this space"]),
        (["epochs=[0]"], ["epochs=[0]", "whole numbers of at least 1"]),
        (["share=[1.5]"], ["share=[1.5]", "at most 1"]),
    ],
)
@pytest.mark.usefixtures("true")
def test_mistakes_are_sentences(words: list[str], fragments: list[str], here: Path) -> None:
    before = snapshot(here)
    check_mistake(nas("proxify", *TABLE, "out=P", *words), fragments)
    assert snapshot(here) == before


def images(folder: Path) -> list[str]:
    """Forty images of three classes, which differ in brightness; the options that take them."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 3
    pixels = rng.integers(0, 90, (40, 8, 8, 3)) + 70 * labels[:, None, None, None]
    np.savez(folder / "images.npz", images=pixels.astype(np.uint8), labels=labels)
    batch = ["batch=images", "batch.path=images.npz", "batch.size=40"]
    full = ["proxy.epochs=2", "proxy.batch_size=8", "proxy.lr=0.02", "proxy.metric=loss"]
    return [*(word for word in SMALL if not word.startswith("batch.")), *batch, *full]


GRID = ["epochs=[1]", "share=[0.5,1]", "resolution=[4,8]", "sample=5", "tau=0.1"]
SHORT = ["epochs=[1]", "share=[1]", "sample=60", "tau=0.1"]


@pytest.mark.long
def test_a_recipe_is_found_and_other_commands_take_it(here: Path) -> None:
    words = images(here)
    done = nas("proxify", *words, *GRID, "out=P")
    assert done.code == 0, done.err
    assert {path.name for path in (here / "P").iterdir()} == {
        *FILES,
        *("recipe.yaml", "trainings.jsonl"),
    }
    found = result(here / "P")
    assert len(found["rows"]) == 4
    assert min(row["cost"] for row in found["rows"]) < 0.1
    good = [row for row in found["rows"] if row["tau"] >= 0.1]
    assert found["chosen"] == min(good, key=lambda row: row["cost"])["way"]
    recipe = read_yaml(here / "P" / "recipe.yaml")
    assert recipe == found["rows"][0]["options"]
    kept = (here / "P" / "trainings.jsonl").read_bytes()
    again = nas("proxify", *words, *GRID, "out=P")
    assert (again.out, (here / "P" / "trainings.jsonl").read_bytes()) == (done.out, kept)
    line = next(
        each for each in map(json.loads, kept.splitlines()) if each["proxy"] == found["chosen"]
    )
    own = [word for word in words if not word.startswith("proxy.")]
    scored = nas("score", *own, "proxy=training", "proxy.recipe=P/recipe.yaml",
                 "proxy.metric=loss", str(tuple(line["arch"])), "json=true")  # fmt: skip
    assert scored.code == 0, scored.err
    assert json.loads(scored.out)["score"] == line["draws"][0]


@pytest.mark.long
def test_processes_and_repeats_and_the_ceiling(here: Path) -> None:
    """Processes find what one process finds; the mean of two draws is another figure."""
    words = [*images(here), *GRID, "sample=4", "resolution=[8]", "ceiling=true"]
    for folder, more in (("one", []), ("two", ["executor=processes", "executor.workers=1"])):
        done = nas("proxify", *words, "repeats=2", *more, f"out={folder}")
        assert done.code == 0, done.err
        assert "agrees with itself under another seed: τ " in done.out
    assert plain(here / "one") == plain(here / "two")
    lines = {name: trained(here / name) for name in ("one", "two")}
    assert lines["one"] == lines["two"]
    assert len(lines["one"]) == 4 * 4  # two recipes, and the full one under two seeds
    assert {len(draws) for draws in lines["one"].values()} == {2}
    assert result(here / "one")["ceiling"]["tau"] <= 1
    nas("proxify", *words, "tau=0.01", "out=single")
    single = trained(here / "single")
    assert {place: draws[:1] for place, draws in lines["one"].items()} == single


def trained(folder: Path) -> dict[tuple[str, str], list[float]]:
    """The draws of every training, by recipe and architecture."""
    lines = map(json.loads, (folder / "trainings.jsonl").read_text().splitlines())
    return {(line["proxy"], str(line["arch"])): line["draws"] for line in lines}


@pytest.mark.long
def test_a_killed_search_for_a_recipe_goes_on(here: Path) -> None:
    words = [*images(here), *GRID, "sample=4"]
    with started(
        "proxify", *words, "out=A", pause=(here / "A" / "trainings.jsonl", 500)
    ) as process:
        paused(process)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert not (here / "A" / "proxify.json").exists()
    before = (here / "A" / "trainings.jsonl").read_bytes()
    whole = before[: before.rindex(b"\n") + 1]
    for folder in ("A", "B"):
        assert nas("proxify", *words, f"out={folder}").code == 0
    assert (here / "A" / "trainings.jsonl").read_bytes().startswith(whole)
    assert plain(here / "A") == plain(here / "B")


def plain(folder: Path) -> list[dict[str, Any]]:
    """The rows without seconds, which differ every time."""
    return [
        {name: each for name, each in row.items() if name != "seconds"}
        for row in result(folder)["rows"]
    ]


@pytest.mark.long
@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_ctrl_c_says_how_it_goes_on(executor: str, here: Path) -> None:
    workers = ["executor.workers=1"] if executor == "processes" else []
    words = [*images(here), *SHORT, f"executor={executor}", *workers]
    with started(
        "proxify", *words, "out=A", session=True, pause=(here / "A" / "trainings.jsonl", 0)
    ) as process:
        paused(process)
        interrupt(process, group=True)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "what was trained is kept; go on with\n  nas proxify " in out
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["proxy=naswot"], ["proxy=naswot", "nas proxify needs proxy=training"]),
        (["batch=natural"], ["training needs labels"]),
        (["epochs=[2]", "share=[1]", "resolution=[8]"], ["no recipe", "smaller values"]),
        (["table=true.csv"], ["table= needs full="]),
        (["full=acc"], ["full= needs a table"]),
        (["space=nasbench_nlp", "resolution=[8]"], ["image"]),
        (["batch.path=nothing.npz"], ["nothing.npz"]),
    ],
)
def test_mistakes_before_anything_is_trained(
    words: list[str], fragments: list[str], here: Path
) -> None:
    given = images(here)
    before = snapshot(here)
    check_mistake(nas("proxify", *without(given, words), *without(GRID, words), *words), fragments)
    assert snapshot(here) == before


def test_trainings_that_all_fail_leave_nothing(here: Path) -> None:
    given = images(here)
    before = snapshot(here)
    done = nas("proxify", *given, *GRID, "space.classes=2", "out=P")
    assert (done.code, done.out) == (2, "")
    last = done.err.splitlines()[-1]
    assert last.startswith("nas: the label 2 needs at least 3 outputs; the network has 2")
    assert snapshot(here) == before


def without(words: Sequence[str], others: Sequence[str]) -> list[str]:
    """The words but for options of groups that others choose, such as batch.size for batch=."""
    groups = tuple(f"{word.partition('=')[0]}." for word in others)
    return [word for word in words if not word.startswith(groups)]


def test_a_folder_of_something_else_is_left_alone(
    true: dict[str, list[float]], here: Path
) -> None:
    assert len(true["long"]) == len(ARCHS)
    (here / "P").mkdir()
    (here / "P" / "recipe.yaml").write_text("epochs: 3\n")
    check_mistake(nas("proxify", *TABLE, "out=P"), ["recipe.yaml", "give another out="])
    assert (here / "P" / "recipe.yaml").read_text() == "epochs: 3\n"
