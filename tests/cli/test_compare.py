"""`nas compare` on the command line: what it writes and prints, refuses and survives."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.stats import rankdata, spearmanr

from nas.compare.correlations import ndcg
from tests.support.command_line import (
    SMALL,
    interrupt,
    nas,
    paused,
    size,
    snapshot,
    started,
)
from tests.support.small import small

SPACE = small("nasbench201")
ARCHS = list(dict.fromkeys(SPACE.sample(Random(seed)) for seed in range(150)))[:120]
QUICK = [*SMALL, "resamples=20", "pictures=false"]
FILES = {"compare.json", "scores.csv", "scores.jsonl", "config.yaml", "report.html"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with a table of figures in `data`."""
    folder = tmp_path / "here"
    (folder / "data").mkdir(parents=True)
    rows = [f"{SPACE.format(arch)},{sum(arch)}.5,{100 - sum(arch)}" for arch in ARCHS]
    text = "\n".join(["arch,acc,ms", *rows]) + "\n"
    (folder / "data" / "nasbench201.csv").write_text(text)
    monkeypatch.setenv("NAS_DATA", str(folder / "data"))
    monkeypatch.chdir(folder)
    return folder


def result(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "compare.json").read_text())
    return content


@pytest.mark.long
def test_the_folder_holds_scores_figures_and_settings(here: Path) -> None:
    done = nas("compare", *QUICK, "proxy=[epsilon,naswot]", "target=acc", "sample=60", "out=a")
    assert (done.code, done.err.count("\n")) == (0, 1), done.err
    assert {path.name for path in (here / "a").iterdir()} == FILES
    found = result(here / "a")
    assert (found["table"], found["target"], found["n"]) == ("nasbench201", "acc", 60)
    assert [row["proxy"] for row in found["rows"]] == ["epsilon", "naswot", "params", "flops"]
    assert found["seconds"] > 0
    with (here / "a" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["arch", "epsilon", "naswot", "params", "flops", "acc"]
    assert [float(row["acc"]) for row in rows] == [
        sum(SPACE.parse(row["arch"])) + 0.5 for row in rows
    ]
    scored = [row for row in rows if row["epsilon"]]
    assert len(scored) == found["rows"][0]["scored"] < 60
    scores, truth = ([float(row[name]) for row in scored] for name in ("epsilon", "acc"))
    rho = spearmanr(scores, truth).statistic
    assert found["rows"][0]["spearman"]["dropped"]["value"] == pytest.approx(rho)
    for text in (f"{rho:.3f} [", "coverage", "best of 10", "Δ ρ all", "Δ nDCG@60"):
        assert text in done.out
    filled = np.array([float(row["epsilon"] or "nan") for row in rows])
    gained = ndcg(filled, np.array([float(row["acc"]) for row in rows]))
    figure = found["rows"][0]["ndcg"]
    assert (figure["of"], figure["last"]["value"]) == (60, pytest.approx(gained))
    assert f"{gained:.3f} [{figure['last']['low']:.3f}, " in done.out
    assert 0 < found["truth"]["ndcg_at_random"] < 1


@pytest.mark.long
def test_another_proxy_computes_only_its_own_scores(here: Path) -> None:
    journal = here / "a" / "scores.jsonl"

    def go(*words: str) -> int:
        before = len(journal.read_text().splitlines()) if journal.exists() else 0
        done = nas("compare", *QUICK, "sample=30", "out=a", *words)
        assert done.code == 0, done.err
        return len(journal.read_text().splitlines()) - before

    assert go("proxy=naswot") == 90
    assert go("proxy=naswot") == 0
    assert go("proxy=naswot", "target=-ms", "resamples=30") == 0
    assert result(here / "a")["target"] == "-ms"
    assert go("proxy=[naswot,synflow]") == 30
    assert go("proxy=naswot", "sample=40") == 30
    assert go("proxy=naswot", "proxy.init=kaiming") == 30


@pytest.mark.long
def test_combinations_have_a_row_of_their_own(here: Path) -> None:
    words = ["compare", *QUICK, "sample=20", "out=a"]
    parts = ["expressivity", "progressivity", "trainability", "flops"]
    for proxy, names in (
        ("proxy=az_nas", [*parts, "params", "az_nas"]),
        ("proxy=[params,az_nas]", ["params", *parts, "az_nas"]),
    ):
        done = nas(*words, proxy)
        assert done.code == 0, done.err
        rows = result(here / "a")["rows"]
        assert [row["proxy"] for row in rows] == names
        assert rows[-1]["rank_sum_of"] == parts
    done = nas(*words, "proxy=[params,naswot]", "ranking=rank_sum")
    assert done.code == 0, done.err
    assert result(here / "a")["rows"][-1]["rank_sum_of"] == ["params", "naswot"]


@pytest.mark.long
def test_a_combination_has_the_ranking_of_its_config(here: Path) -> None:
    parts = ["naswot", "logsynflow", "skip"]
    for number, proxy in enumerate(("proxy=freerea", "proxy=[freerea,flops]")):
        done = nas("compare", *QUICK, "sample=20", f"out={number}", proxy)
        assert done.code == 0, done.err
        rows = {row["proxy"]: row for row in result(here / str(number))["rows"]}
        assert rows["freerea"]["share_sum_of"] == parts
    table = (here / "1" / "scores.csv").read_text().splitlines()
    names, *lines = [line.split(",") for line in table]
    columns = [names.index(name) for name in (*parts, "freerea")]
    whole = [[float(line[c]) for c in columns] for line in lines if line[columns[-1]]]
    scores = np.array(whole)
    expected = (scores[:, :3] / np.abs(scores[:, :3]).max(axis=0)).sum(axis=1)
    assert np.allclose(scores[:, 3], expected)


@pytest.mark.long
def test_a_combination_has_the_weights_of_its_config(here: Path) -> None:
    """Beside other proxies as alone; and the same options can be given on the command line."""
    places = {"meco_image": 4, "epsilon": 1, "expressivity": 1, "nasgraph": 1, "trainability": 1}
    found = []
    own = ["ranking=rank_sum", "ranking.weights={meco_image: 4}", "ranking.missing=last"]
    for number, words in enumerate(
        (["proxy=quintet"], ["proxy=[quintet,flops]"], [f"proxy=[{','.join(places)}]", *own])
    ):
        done = nas("compare", *QUICK, "sample=20", f"out={number}", *words)
        assert done.code == 0, done.err
        with (here / str(number) / "scores.csv").open() as file:
            rows = list(csv.DictReader(file))
        found.append([float(row["rank_sum" if number == 2 else "quintet"]) for row in rows])
    assert found[0] == found[1] == found[2]
    values = np.array([[float(row[name] or "-inf") for name in places] for row in rows])
    assert np.isinf(values).any(axis=0).sum() > 0
    logs = np.log(rankdata(values, axis=0) / len(values))
    assert np.allclose(found[0], logs @ np.array([*places.values()]))


def test_weights_of_a_combination_are_checked(here: Path) -> None:
    words = ["proxy=[params,naswot]", "ranking=rank_sum", "ranking.weights={flops: 2, synflow: 1}"]
    refused(here, words, "there is no figure of the trials 'flops'")
    refused(here, [*words[:2], "ranking.missing=first"], "ranking.missing=first must be")


@pytest.mark.long
def test_pictures_and_a_page_without_links(here: Path) -> None:
    words = ["compare", *SMALL, "resamples=20", "sample=60", "out=a", "proxy=[epsilon,naswot]"]
    done = nas(*words)
    assert done.code == 0, done.err
    pictures = here / "a" / "pictures"
    names = ["agreement", "best_of", "correlation", "truth"]
    assert sorted(path.name for path in pictures.iterdir()) == [
        f"{name}.{kind}" for name in names for kind in ("png", "svg")
    ]
    for name in names:
        with Image.open(pictures / f"{name}.png") as image:
            assert min(image.size) > 200
            low, high = image.convert("L").getextrema()
            assert low < 60  # type: ignore[operator]
            assert high == 255
    page = (here / "a" / "report.html").read_text().partition("<script>\n")[0]  # of the library
    assert page.count('class="chart"') == 9
    assert not re.search(r"<(link|img|iframe)\b|\bsrc=", page)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', page)) <= set(ids)
    assert "nas compare " in page
    assert nas(*words, "table=null").code == 0
    assert {path.name for path in pictures.iterdir()} == {"agreement.png", "agreement.svg"}


def test_without_a_table_it_says_how_to_bring_one(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "data" / "nasbench201.csv").unlink()
    monkeypatch.delenv("NAS_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(here / "home"))
    done = nas("compare", *QUICK, "proxy=naswot", "sample=20", "out=a")
    assert done.code == 0, done.err
    found = result(here / "a")
    assert (found["table"], found["target"], found["n"]) == (None, None, 20)
    last = done.out.splitlines()[-1]
    assert f"no table of true figures is named nasbench201 in {here / 'home'}" in last
    assert "https://github.com/D-X-Y/NAS-Bench-201" in last
    assert "nas convert" in last
    assert "agreement between proxies" in done.out
    assert "s per architecture" in done.out


def test_a_table_may_be_a_file_and_lower_may_be_better(here: Path) -> None:
    (here / "data" / "nasbench201.csv").rename(here / "mine.csv")
    words = ["compare", *QUICK, "sample=all", "proxy=params", "table=mine.csv", "out=a"]
    done = nas(*words, "target=-ms")
    assert done.code == 0, done.err
    found = result(here / "a")
    assert found["n"] == len(ARCHS)
    best = 100 - max(sum(arch) for arch in ARCHS)
    assert found["truth"]["best"] == best
    assert "ms of the best score" in done.out


def test_a_folder_of_something_else_is_refused(here: Path) -> None:
    assert nas("search", *SMALL, "proxy=params", "budget=5", "out=a").code == 0
    refused(here, [], "a holds a search: give another out= to a comparison")
    assert nas("compare", *QUICK, "proxy=params", "sample=20", "out=b").code == 0
    before = snapshot(here)
    done = nas("search", *SMALL, "proxy=params", "budget=5", "out=b")
    assert done.code == 2
    assert "b holds a comparison: give another out= to a search" in done.err
    assert snapshot(here) == before
    (here / "c").mkdir()
    (here / "c" / "scores.csv").write_text("mine")
    refused(here, ["out=c"], r"c holds a scores.csv that is no comparison's")


@pytest.mark.parametrize("target", ["nowhere", "pictures", "file"])
def test_a_link_in_place_of_the_pictures_is_refused_first(target: str, here: Path) -> None:
    (here / "a").mkdir()
    (here / "a" / "file").touch()
    (here / "a" / "pictures").symlink_to(target)
    done = nas("compare", *QUICK, "proxy=params", "sample=20", "out=a")
    assert done.code == 2
    assert re.fullmatch(r"nas: a(/| holds a )pictures .+\n", done.err), done.err
    assert {path.name for path in (here / "a").iterdir()} == {"file", "pictures"}


@pytest.mark.long
def test_other_pictures_stay_and_old_ones_go(here: Path) -> None:
    words = ["compare", *SMALL, "resamples=20", "proxy=params", "sample=20", "out=a"]
    assert nas(*words).code == 0
    (here / "a" / "pictures" / "mine.png").write_text("mine")
    assert nas(*words, "pictures=false").code == 0
    assert [path.name for path in (here / "a" / "pictures").iterdir()] == ["mine.png"]
    assert "pictures/" not in (here / "a" / "report.html").read_text().partition("<script>")[0]


def test_the_verdict_is_on_the_terminal_in_the_file_and_on_the_page(here: Path) -> None:
    done = nas("compare", *QUICK, "proxy=[epsilon,naswot]", "sample=60", "out=a")
    assert done.code == 0, done.err
    text = result(here / "a")["verdict"]
    assert text.startswith("On nasbench201 (acc, 60 architectures) ")
    blocks = [" ".join(block.split()) for block in done.out.split("\n\n")]
    assert blocks[-2] == text
    page = (here / "a" / "report.html").read_text().replace("\u00a0", " ")
    shown = re.sub(r"<[^>]+>", "", page.partition('id="verdict">')[2].partition("</p>")[0])
    assert shown == text


def test_the_command_of_a_comparison_names_the_folder_of_its_table(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*QUICK, "proxy=params", "sample=20"]
    assert nas("compare", *words, "out=a").code == 0
    command = result(here / "a")["command"]
    assert f"data_dir={here / 'data'}" in (here / "a" / "report.html").read_text()
    monkeypatch.delenv("NAS_DATA")
    shutil.rmtree(here / "a")
    assert nas(*shlex.split(command)[1:]).code == 0
    assert result(here / "a")["n"] == 20
    assert result(here / "a")["command"] == command
    assert nas("compare", *words, "table=null", "out=b").code == 0
    assert "data_dir" not in result(here / "b")["command"]


def test_a_page_is_written_again_from_its_folder(here: Path) -> None:
    words = ["compare", *QUICK, "proxy=[epsilon,naswot]", "sample=30", "under=ms", "out=a"]
    done = nas(*words)
    assert done.code == 0, done.err
    page = here / "a" / "report.html"
    first = page.read_bytes()
    page.unlink()
    again = nas("report", "a")
    assert (again.code, again.err) == (0, "")
    assert page.read_bytes() == first
    shown, told = again.out.split("\nfiles   ")
    assert shown.strip() == done.out.partition("\n\nfiles")[0].strip()
    assert told == "a: report.html\n"
    assert "a holds a comparison: report it alone" in nas("report", "a", "a").err
    assert json.loads(nas("report", "a", "json=true").out) == result(here / "a")
    (here / "a" / "scores.csv").write_text("mine\n")
    done = nas("report", "a")
    assert done.code == 0
    assert "note: a/report.html could not be written: UsageError: a/scores.csv has oth" in done.err


def test_a_folder_of_an_earlier_version_is_shown(here: Path) -> None:
    """Without the command, the verdict and the paired difference to the best."""
    assert nas("compare", *QUICK, "proxy=[epsilon,naswot]", "sample=30", "out=a").code == 0
    old = result(here / "a")
    for name in ("command", "verdict", "baselines"):
        del old[name]
    for row in old["rows"]:
        del row["behind"]
        row["best_of"]["1"]["mean"] += 0.25
    (here / "a" / "compare.json").write_text(json.dumps(old))
    done = nas("report", "a")
    assert (done.code, done.err) == (0, "")
    assert "On nasbench201 (acc, 30 architectures) " in done.out
    assert (here / "a" / "report.html").stat().st_size > 200_000


def test_a_small_sample_says_once_what_is_needed(here: Path) -> None:
    done = nas("compare", *QUICK, "proxy=[epsilon,naswot]", "sample=10", "out=a")
    assert done.code == 0, done.err
    assert "undefined" not in done.out
    need = "correlations inside the true top tenth need a sample of 91 or more"
    assert done.out.count(need) == 1
    page = (here / "a" / "report.html").read_text().partition("<script>")[0]
    assert "undefined" not in page
    assert page.lower().count(need) == 1


def test_names_are_no_formulas(here: Path) -> None:
    text = (here / "data" / "nasbench201.csv").read_text()
    (here / "data" / "nasbench201.csv").write_text(text.replace("acc", "a$b_{c$", 1))
    done = nas("compare", *SMALL, "resamples=20", "proxy=params", "sample=20", "out=a")
    assert (done.code, done.err.count("\n")) == (0, 1), done.err


ROW = f"{SPACE.format(ARCHS[0])},1,2\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["target=ac"], "there is no column of numbers in .* 'ac'; did you mean 'acc'"),
        (["table=nothing"], "no table of true figures is named nothing in "),
        (["table=null", "target=acc"], "target=acc needs a table"),
        (["sample=5"], "sample=5 must be all, or a whole number of at least 10"),
        (["sample=some"], "sample=some must be all, or a whole number"),
        (["resamples=0"], "resamples=0 must be a whole number of at least 10"),
        (["baselines=3"], "baselines=3 must be a list of proxies"),
        (["baselines=[parms]"], "there is no proxy 'parms'; did you mean 'params'"),
        (["data_dir=nowhere"], "data_dir=nowhere is no folder"),
        (["duplicates=maybe"], "duplicates=maybe must be error or mean"),
        (["ranking.weights={params: 2}"], "ranking.weights needs ranking=rank_sum here"),
        (["out=data/nasbench201.csv"], "out=data/nasbench201.csv is no folder"),
        (["ranking=rank_sum"], "ranking=rank_sum compares several proxies"),
        (["strategy=random"], "there is no option of nas compare 'strategy'"),
        (["pictures=some"], "pictures=some must be true or false"),
    ],
)
def test_mistakes_are_one_sentence(words: list[str], sentence: str, here: Path) -> None:
    refused(here, words, sentence)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("cell,acc,ms\n" + ROW, "has no column 'arch'"),
        ("arch,acc,ms\n" + ROW * 12, "11 rows are of an architecture that was there before"),
        ("arch,acc,ms\n" + ROW + "|x|,1,2\n", r"1 row is not in this space, the first is '\|x\|'"),
        ("arch,acc,ms\n" + ROW, "has acc for 1 architectures of this space, .* needs 10"),
        (
            "arch,acc\n" + "".join(f"{SPACE.format(arch)},7\n" for arch in ARCHS),
            "acc is 7 for all 60 architectures",
        ),
        ("", "cannot be read as a table"),
    ],
)
def test_bad_tables_are_one_sentence(content: str, sentence: str, here: Path) -> None:
    (here / "data" / "nasbench201.csv").write_text(content)
    refused(here, ["target=acc"], sentence)


def refused(here: Path, words: list[str], sentence: str) -> None:
    before = snapshot(here)
    done = nas("compare", *QUICK, "proxy=params", "sample=60", "out=a", *words)
    assert done.code == 2, done
    assert re.search(sentence, done.err), done.err
    assert done.err.startswith("nas: ")
    assert done.err.count("\n") == 1
    assert snapshot(here) == before


@pytest.mark.long
def test_ctrl_c_keeps_what_is_there(here: Path) -> None:
    words = ["compare", *SMALL, "pictures=false", "proxy=naswot", "sample=40", "out=a"]
    words += ["resamples=10", "target=acc"]
    with started(*words, pause=(here / "a" / "scores.jsonl", 500)) as process:
        paused(process)
        interrupt(process)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "left; go on with\n  nas compare " in out
    half = size(here / "a" / "scores.jsonl")
    first = (here / "a" / "scores.jsonl").read_bytes()
    done = nas(*words)
    assert done.code == 0, done.err
    assert (here / "a" / "scores.jsonl").read_bytes()[:half] == first
    assert len((here / "a" / "scores.jsonl").read_text().splitlines()) == 120


@pytest.mark.long
def test_the_encoding_of_the_system_does_not_matter(here: Path) -> None:
    """No file is opened in the locale's encoding: Python warns of every one that is."""
    words = ["compare", *SMALL, "proxy=params", "sample=12", "resamples=20", "pictures=true"]
    code = """
import sys, warnings
ours = r"(nas|spaces|proxies|strategies)(\\.|$)"
warnings.filterwarnings("error", category=EncodingWarning, module=ours)
from nas.cli.main import main
main(sys.argv[1:])
"""
    done = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-c", code, *words, "out=a"],
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        | {"PYTHONIOENCODING": "utf8"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "τ" in (here / "a" / "report.html").read_text(encoding="utf-8")
