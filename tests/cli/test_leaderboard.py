"""`nas compare spaces=[…]`: one leaderboard over several spaces, which can be killed and go on."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from tests.support.command_line import (
    interrupt,
    nas,
    paused,
    size,
    snapshot,
    started,
)
from tests.support.small import SMALL, small

SPACES = {"tiny201": "nasbench201", "tinymnas": "mnasnet"}
"""Configs of small spaces by name; their tables have the names of the spaces."""
FILES = {"compare.json", "scores.csv", "scores.jsonl", "config.yaml", "report.html"}
BOARD = {"leaderboard.json", "leaderboard.csv", "report.html"}
QUICK = ["--config-dir=conf", "batch.size=8", "resamples=20", "pictures=false", "device=cpu"]
WORDS = ["compare", *QUICK, "spaces=[tiny201,tinymnas]", "sample=20", "out=b"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with small spaces in `conf` and their tables in `data`."""
    folder = tmp_path / "here"
    (folder / "conf" / "space").mkdir(parents=True)
    (folder / "data").mkdir()
    for config, name in SPACES.items():
        options = "".join(f"{key}: {value}\n" for key, value in SMALL[name].items())
        (folder / "conf" / "space" / f"{config}.yaml").write_text(f"name: {name}\n{options}")
        space = small(name)
        archs = list(dict.fromkeys(space.sample(Random(seed)) for seed in range(60)))[:40]
        rows = [f'"{arch}",{sum(arch)}.5,{100 - arch[0] - 7 * arch[1]}' for arch in archs]
        text = "\n".join(["arch,acc,ms", *rows]) + "\n"
        (folder / "data" / f"{name}.csv").write_text(text)
    monkeypatch.setenv("NAS_DATA", str(folder / "data"))
    monkeypatch.chdir(folder)
    return folder


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def rows_of(board: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["space"], row["proxy"]): row for row in board["rows"]}


@pytest.mark.long
def test_every_space_is_compared_as_by_itself(here: Path) -> None:
    done = nas(*WORDS, "proxy=[epsilon,synflow]", "targets={tinymnas: -ms}", "tables=null")
    assert done.code == 0, done.err
    assert {path.name for path in (here / "b").iterdir()} == {*SPACES, *BOARD}
    board = read(here / "b" / "leaderboard.json")
    found = rows_of(board)
    for config in SPACES:
        assert {path.name for path in (here / "b" / config).iterdir()} == FILES
        words = ["target=-ms"] if config == "tinymnas" else []
        words += [f"space={config}", "proxy=[epsilon,synflow]", "sample=20", f"out=alone/{config}"]
        assert nas("compare", *QUICK, *words).code == 0
        one, alone = (
            read(folder / config / "compare.json") for folder in (here / "b", here / "alone")
        )
        for own, other in zip(one.pop("rows"), alone.pop("rows"), strict=True):
            row = found[config, own["proxy"]]
            assert row["rho_all"] == own["spearman"]["last"]
            assert row["rho_scored"] == own["spearman"]["dropped"]
            assert row["ndcg"] == own["ndcg"]["last"]
            assert row["coverage"] == own["coverage"]
            assert row["favourite_rank"] == own["favourite"]["rank"]
            assert row["seconds_per_arch"] == own["seconds_per_arch"]
            del own["seconds_per_arch"], other["seconds_per_arch"]
            assert own == other
        for each in (one, alone):
            each["command"] = re.sub(r"out=\S+", "", each["command"]).split()
            each["command"].sort()
        assert one == {**alone, "seconds": one["seconds"]}
        csvs = [(folder / config / "scores.csv") for folder in (here / "b", here / "alone")]
        assert csvs[0].read_text() == csvs[1].read_text()
    assert [each["space"] for each in board["spaces"]] == [*SPACES]
    assert [each["target"] for each in board["spaces"]] == ["acc", "-ms"]
    with (here / "b" / "leaderboard.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(found) == 8
    for text in (
        "mean rank",
        "tinymnas · 20 architectures · -ms of mnasnet",
        "files  b: report.html, leader",
    ):
        assert text in done.out


@pytest.mark.long
def test_its_page_is_written_again_from_its_folder(here: Path) -> None:
    done = nas(*WORDS, "proxy=naswot")
    assert done.code == 0, done.err
    page = here / "b" / "report.html"
    first = page.read_text()
    board = read(here / "b" / "leaderboard.json")
    shown = re.sub(r"<[^>]+>", "", first.partition('id="verdict">')[2].partition("</p>")[0])
    assert shown.replace("\u00a0", " ") == board["verdict"]
    assert 'href="tiny201/report.html"' in first
    for figure in (row["rho_all"]["value"] for row in board["rows"]):
        assert figure is None or f'data-value="{figure!r}"' in first
    page.unlink()
    again = nas("report", "b")
    assert (again.code, again.err) == (0, "")
    assert page.read_text() == first
    commands = [read(here / "b" / name / "compare.json")["command"] for name in SPACES]
    assert [f"space={name}" in each for name, each in zip(SPACES, commands, strict=True)]
    assert "spaces=" not in " ".join(commands)
    assert nas(*shlex.split(commands[0])[1:]).code == 0  # it is a command that can be called


@pytest.mark.long
def test_a_picture_is_drawn_and_an_old_one_removed(here: Path) -> None:
    words = [*WORDS, "proxy=params"]
    assert nas(*words, "pictures=true").code == 0
    with Image.open(here / "b" / "leaderboard.png") as image:
        assert min(image.size) > 200
    assert (here / "b" / "tiny201" / "report.html").exists()
    assert nas(*words).code == 0
    assert not (here / "b" / "leaderboard.png").exists()


@pytest.mark.long
def test_a_proxy_that_does_not_apply_has_no_figure_and_the_reason(here: Path) -> None:
    done = nas(*WORDS, "proxy=[naswot,params]", "ranking=rank_sum", "give_up=3")
    assert done.code == 0, done.err
    found = rows_of(read(here / "b" / "leaderboard.json"))
    assert found["tiny201", "naswot"]["rho_all"]["value"] is not None
    lost = found["tinymnas", "naswot"]
    assert (lost["rho_all"]["value"], lost["coverage"], lost["rank"]) == (None, None, 3.5)
    assert "naswot looks at ReLUs" in lost["reason"]
    assert found["tinymnas", "rank_sum"]["reason"] == "one of its parts is left out"
    assert re.search(r"^naswot: no figure in tinymnas, naswot looks at ReLUs", done.out, re.M)
    own = read(here / "b" / "tinymnas" / "compare.json")
    assert [row["proxy"] for row in own["rows"]] == ["params", "flops"]
    assert set(own["left_out"]) == {"naswot", "rank_sum"}
    before = size(here / "b" / "tinymnas" / "scores.jsonl")
    assert nas(*WORDS, "proxy=[naswot,params]", "ranking=rank_sum", "give_up=3").code == 0
    assert size(here / "b" / "tinymnas" / "scores.jsonl") == before


@pytest.mark.long
def test_a_space_where_every_proxy_fails_has_no_figure(here: Path) -> None:
    done = nas(*WORDS, "proxy=naswot", "baselines=[naswot]", "give_up=3")
    assert done.code == 0, done.err
    row = rows_of(read(here / "b" / "leaderboard.json"))["tinymnas", "naswot"]
    assert "naswot looks at ReLUs" in row["reason"]
    assert row["rank"] is None
    assert "tinymnas · – architectures" in done.out


@pytest.mark.long
def test_a_space_without_a_table_has_no_ranks(here: Path) -> None:
    (here / "data" / "mnasnet.csv").rename(here / "mine.csv")
    done = nas(*WORDS, "proxy=params")
    assert done.code == 0, done.err
    assert "note: tinymnas has no true figures and no ranks (tables={tinymnas: FILE}" in done.err
    board = read(here / "b" / "leaderboard.json")
    row = rows_of(board)["tinymnas", "params"]
    assert (row["rank"], row["coverage"]) == (None, 1.0)
    assert board["proxies"] == [{"proxy": name, "mean_rank": 1.5} for name in ("params", "flops")]
    assert nas(*WORDS, "proxy=params", "tables={tinymnas: mine.csv}").code == 0
    row = rows_of(read(here / "b" / "leaderboard.json"))["tinymnas", "params"]
    assert row["rank"] is not None


@pytest.mark.long
def test_a_kill_in_the_second_space_keeps_what_is_there(here: Path) -> None:
    words = [*WORDS, "proxy=synflow"]
    second = here / "b" / "tinymnas" / "scores.jsonl"
    with started(*words, pause=(second, 500)) as process:
        paused(process)
        process.kill()
        process.communicate(timeout=60)
    assert {path.name for path in (here / "b" / "tiny201").iterdir()} == FILES
    assert not (here / "b" / "leaderboard.json").exists()
    before = snapshot(here / "b")
    half = second.read_bytes()
    whole = half[: half.rindex(b"\n") + 1]
    assert 0 < whole.count(b"\n") < 60
    done = nas(*words)
    assert done.code == 0, done.err
    for name in ("scores.jsonl", "scores.csv", "config.yaml"):
        path = here / "b" / "tiny201" / name
        assert snapshot(here / "b")[path] == before[path]
    assert second.read_bytes().startswith(whole)
    assert second.read_bytes().count(b"\n") == 60
    again = snapshot(here / "b")
    assert nas(*words).code == 0
    for config in SPACES:
        path = here / "b" / config / "scores.jsonl"
        assert snapshot(here / "b")[path] == again[path]


def test_ctrl_c_says_how_to_go_on(here: Path) -> None:
    words = [*WORDS, "proxy=synflow"]
    with started(*words, pause=(here / "b" / "tiny201" / "scores.jsonl", 500)) as process:
        paused(process)
        interrupt(process)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.search(
        r"^tiny201: stopped with \d+ of 20 architectures left; go on with\n  nas compare .*spaces",
        out,
        re.M,
    ), out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["spaces=[tiny201,nasbench21]"], "no space 'nasbench21'; did you mean 'nasbench201'"),
        (["spaces=[nowhere]"], "there is no space 'nowhere'; there are: .*nasbench201.*tiny201"),
        (["spaces=['../conf']"], "there is no space '../conf'; there are: .*nasbench201"),
        (["spaces=tiny201"], "spaces=tiny201 must be a list of spaces"),
        (["spaces=[]"], r"spaces=\[\] must be a list of spaces"),
        (["space=tiny201"], "space=tiny201 is for one space, and spaces= is for several"),
        (["space.channels=4"], "space.channels=4 is for one space, and spaces= is for several"),
        (["targets={tiny210: acc}"], "no space for targets= .* 'tiny210'; did you mean 'tiny201'"),
        (["tables={darts: x}"], "no space for tables= among those of spaces= 'darts'"),
        (["targets=acc"], "targets=acc must be like {nasbench201: NAME"),
        (["target=ac"], "there is no column of numbers in .* 'ac'; did you mean 'acc'"),
        (["targets={tinymnas: ac}"], "there is no column of numbers in .* 'ac'; did you mean"),
        (["table=null"], "a leaderboard needs true figures: table=null"),
        (["spaces=null", "targets={tiny201: acc}"], "targets= is for several spaces"),
        (["sample=5"], "sample=5 must be all, or a whole number of at least 10"),
        (["proxy=parms"], "there is no proxy 'parms'"),
        (["out=data/mnasnet.csv"], "out=data/mnasnet.csv is no folder"),
    ],
)
def test_mistakes_are_one_sentence_before_any_work(
    words: list[str], sentence: str, here: Path
) -> None:
    before = snapshot(here)
    given = [
        word for word in (*WORDS, "proxy=params") if word.partition("=")[0] not in changed(words)
    ]
    done = nas(*given, *words)
    assert done.code == 2, done
    assert re.search(sentence, done.err), done.err
    assert done.err.splitlines()[-1].startswith("nas: ")
    assert len([line for line in done.err.splitlines() if line.startswith("nas: ")]) == 1
    assert snapshot(here) == before


def changed(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words}


@pytest.mark.long
def test_a_folder_of_something_else_is_refused(here: Path) -> None:
    def refused(sentence: str) -> None:
        before = snapshot(here)
        done = nas(*WORDS, "proxy=params")
        assert done.code == 2, done
        assert re.search(sentence, done.err), done.err
        assert snapshot(here) == before

    (here / "b").mkdir()
    (here / "b" / "leaderboard.json").write_text("mine")
    refused("b holds a leaderboard.json that is no leaderboard's")
    (here / "b" / "leaderboard.json").unlink()
    (here / "b" / "history.jsonl").write_text("")
    refused("b holds a search: give another out= to a leaderboard")
    (here / "b" / "history.jsonl").unlink()
    assert nas("compare", *QUICK, "space=tiny201", "proxy=params", "sample=20", "out=b").code == 0
    refused("b holds a comparison in one space: give another out= to a leaderboard")


def test_the_help_explains_the_option() -> None:
    done = nas("compare", "--help")
    for text in ("spaces=[one,other] compares in each of several spaces", "tables={one: FILE}"):
        assert text in done.out
