"""`nas fit`, and surrogates on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import kendalltau, spearmanr

from nas import UsageError, search
from nas import score as nas_score
from nas.compare.leaderboard import as_csv, leaderboard, rendered
from nas.searching.finals import Panel
from nas.surrogates import load, save
from tests.support.command_line import check_mistake, lines, nas, snapshot
from tests.support.small import SMALL as SMALL_SPACES
from tests.support.surrogates import ACC, ARCHS, SPACE, fitted, rows

SIZES = [f"space.{name}={value}" for name, value in SMALL_SPACES["nasbench201"].items()]
FIT = [*SIZES, "table=r.csv", "features=[]"]
QUICK = [*SIZES, "batch.size=2", "strategy=random", "finals=none", "budget=6"]
COMPARED = ["table=r.csv", "target=acc", "baselines=[params]", "resamples=10", "pictures=false"]
TEXTS = [SPACE.format(arch) for arch in ARCHS[:3]]


@pytest.fixture(autouse=True)
def _table(here: Path) -> None:
    rows(here / "r.csv")


@pytest.fixture
def surrogate(here: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    save(fitted(tmp_path_factory.getbasetemp()), here / "s")
    return Path("s")


def test_it_tells_the_quality_and_how_to_use_it() -> None:
    done = nas(
        "fit", *FIT, "target=[acc,-lat]", "splits=2", "curve=false", "encoding=onehot", "out=s"
    )
    assert done.code == 0, done.err
    for word in ("acc   (60 rows", "lat   (60 rows", "2 splits", "τ", "R²", "proxy.path=s"):
        assert word in done.out
    about = json.loads(Path("s/surrogate.json").read_text())
    assert about["targets"]["lat"]["sign"] == -1
    assert about["source"]["rows"] == 60


def test_score_asks_it_and_has_its_targets_as_metrics(surrogate: Path) -> None:
    Path("archs.txt").write_text("\n".join(TEXTS))
    words = ("proxy=surrogate", "proxy.path=s", "surrogate=s", "metrics=[lat]", "json=true")
    done = nas("score", *SIZES, *words, "archs=archs.txt")
    assert done.code == 0, done.err
    found = [json.loads(line) for line in done.out.splitlines()]
    expected = load(surrogate, SPACE).predict(TEXTS)
    assert [each["score"] for each in found] == expected["acc"].mean.tolist()
    assert [each["lat"] for each in found] == expected["lat"].mean.tolist()


def test_a_search_has_its_targets_as_objectives_and_constraints(surrogate: Path) -> None:
    words = ["proxy=surrogate", "surrogate=s", "objective=surrogate*lat^-0.07"]
    done = nas("search", *QUICK, *words, "constraints=[lat<=19]", "out=a")
    assert done.code == 0, done.err
    known = load(surrogate, SPACE)
    for line in lines(Path("a")):
        assert line["metrics"]["lat"] == known.predict([tuple(line["arch"])])["lat"].mean[0]
    again = nas("report", "a")
    assert again.code == 0, again.err
    assert "lat" in again.out
    assert nas("search", *QUICK, *words, "constraints=[lat<=19]", "budget=9", "out=a").code == 0


@pytest.mark.parametrize("objective", ["[acc,lat]", "lat", "acc*lat^0.07", "[acc,-1/lat]"])
@pytest.mark.usefixtures("surrogate")
def test_no_objective_looks_for_more_of_what_was_fitted_as_less(objective: str) -> None:
    words = [*QUICK, "proxy=surrogate", "surrogate=s", f"objective={objective}", "out=a"]
    check_mistake(nas("search", *words), ["grows with lat", "-lat"])
    assert not Path("a").exists()


@pytest.mark.usefixtures("surrogate")
def test_the_column_of_a_table_has_the_sign_of_its_target() -> None:
    words = [*QUICK, "proxy=params", "table=r.csv", "target=-lat", "objective=[params,lat]"]
    check_mistake(nas("search", *words, "out=a"), ["grows with lat", "-lat"])
    words = [*words[:-1], "objective=[params,-lat]", "foreign=drop"]
    assert nas("search", *words, "out=a").code == 0


def test_a_target_counts_as_the_column_has_it(surrogate: Path) -> None:
    """More of it in an objective, at least so much in a constraint."""
    known = load(surrogate, SPACE)
    words = [*QUICK[:-1], "budget=40", "proxy=surrogate", "surrogate=s"]
    done = nas("search", *words, "objective=[acc,-lat]", "constraints=[lat>=16]", "out=a")
    assert done.code == 0, done.err
    figures = known.predict([tuple(each["arch"]) for each in lines(Path("a"))])
    assert min(known.predict(ARCHS)["lat"].mean) < 16 <= min(figures["lat"].mean)
    best = json.loads(Path("a/best.json").read_text())["front"]["points"]
    points = [(each["values"]["acc"], each["values"]["-lat"]) for each in best]
    pairs = {*zip(figures["acc"].mean.tolist(), (-figures["lat"].mean).tolist(), strict=True)}
    beaten = {one for one in pairs for q in pairs - {one} if q[0] >= one[0] and q[1] >= one[1]}
    assert points == sorted(pairs - beaten, reverse=True)


@pytest.mark.long
@pytest.mark.parametrize("name", ["search", "compare"])
@pytest.mark.usefixtures("surrogate")
def test_processes_give_the_same_scores(name: str) -> None:
    words = ["proxy=surrogate", "proxy.path=s", "proxy.target=-lat"]
    given = {
        "search": [*QUICK, *words],
        "compare": [*SIZES, *words, *COMPARED],
    }[name]
    found = []
    for executor in ("serial", "processes"):
        more = ["executor.workers=1"] if executor == "processes" else []
        done = nas(name, *given, f"executor={executor}", *more, f"out={executor}")
        assert done.code == 0, done.err
        path = Path(executor)
        found.append(
            [line["score"] for line in lines(path)]
            if name == "search"
            else (path / "scores.csv").read_text()
        )
    assert found[0] == found[1]


@pytest.mark.usefixtures("surrogate")
def test_a_search_does_not_go_on_with_another_surrogate() -> None:
    words = [*QUICK, "proxy=surrogate", "surrogate=s", "out=a"]
    assert nas("search", *words).code == 0
    other = ("target=acc", "splits=0", "seed=5", "out=s", "replace=true")
    assert nas("fit", *FIT, *other).code == 0
    check_mistake(nas("search", *words, "budget=9"), ["a"])


@pytest.mark.usefixtures("surrogate")
def test_compare_asks_it() -> None:
    done = nas("compare", *SIZES, *COMPARED, "proxy=surrogate", "proxy.path=s", "out=c")
    assert done.code == 0, done.err
    assert "surrogate: fitted to 60 of these 60 architectures" in done.out
    assert "no others have a score" in done.out
    assert "surrogate was fitted to 60 of these architectures" in " ".join(done.out.split())
    assert "params: fitted" not in done.out


def test_compare_says_how_many_rows_are_no_test_and_how_it_does_on_the_others() -> None:
    few = ("target=acc", "rows=20", "splits=0", "out=few")
    assert nas("fit", *FIT, *few).code == 0
    words = ("proxy=[surrogate,flops]", "proxy.surrogate.path=few", "ranking=rank_sum")
    done = nas("compare", *SIZES, *COMPARED, *words, "out=c")
    assert done.code == 0, done.err
    known = load("few", SPACE)
    seen = known.target("acc").rows
    assert len(seen) == 20
    others = [place for place, arch in enumerate(ARCHS) if arch not in seen]
    guess, true = known.predict(ARCHS)["acc"].mean[others], [ACC[place] for place in others]
    rows_ = {row["proxy"]: row for row in json.loads(Path("c/compare.json").read_text())["rows"]}
    fitted_ = rows_["surrogate"]["fitted"]
    assert (fitted_["to"], fitted_["others"]) == (20, 40)
    assert fitted_["spearman"] == pytest.approx(spearmanr(guess, true).statistic)
    assert fitted_["kendall"] == pytest.approx(kendalltau(guess, true).statistic)
    assert rows_["rank_sum"]["fitted"]["to"] == 20
    assert "fitted" not in rows_["flops"]
    shown = f"ρ {fitted_['spearman']:.3f}, τ {fitted_['kendall']:.3f}"
    assert "surrogate: fitted to 20 of these 60 architectures" in done.out
    assert f"over the other 40 with a score: {shown}" in done.out


def test_a_search_says_that_the_figure_of_its_winner_may_be_no_test() -> None:
    assert nas("fit", *FIT, "target=acc", "rows=20", "splits=0", "out=few").code == 0
    words = ("proxy=surrogate", "proxy.path=few", "table=r.csv", "target=acc")
    done = nas("search", *QUICK, *words, "out=a")
    assert done.code == 0, done.err
    assert "was fitted to 20 architectures of this table" in done.out
    found = search(
        SPACE, "surrogate", "random", surrogate="few", table="r.csv", target="acc", budget=3
    )
    assert found.truth is not None


@pytest.mark.long
@pytest.mark.usefixtures("surrogate")
def test_a_search_is_moved_begun_and_judged_by_the_surrogate_at_hand() -> None:
    words = [*SIZES, "batch.size=2", "strategy=random", "budget=4", "proxy=params", "surrogate=s"]
    words += ["move=surrogate", "warmup=20", "warmup.keep=2", "warmup.proxy=surrogate"]
    words += ["finals=panel", "finals.proxies=[surrogate]", "out=a"]
    done = nas("search", *words)
    assert done.code == 0, done.err
    known = load("s", SPACE)
    for name in ("warmup", "move", "finals"):
        found = [json.loads(line) for line in Path(f"a/{name}.jsonl").read_text().splitlines()]
        scores = [each.get("scores", {}).get("surrogate", each["score"]) for each in found]
        archs = [tuple(each["arch"]) for each in found]
        assert archs
        assert scores == known.predict(archs)["acc"].mean.tolist(), name
    assert nas("fit", *FIT, "target=acc", "splits=0", "seed=5", "out=s", "replace=true").code == 0
    check_mistake(nas("search", *words, "budget=9"), ["a"])


def test_in_python_too(surrogate: Path) -> None:
    options: dict[str, Any] = {"budget": 8, "finals": None, "seed": 1, "surrogate": surrogate}
    moved = search(SPACE, "params", "random", move="surrogate", **options)
    known = load(surrogate, SPACE)
    free = search(SPACE, "params", "random", **options)
    one, other = (
        known.predict([t.arch for t in found.trials])["acc"].mean.mean() for found in (moved, free)
    )
    assert one > other
    panel = Panel(4, ("surrogate", "params"))
    judged = search(SPACE, "params", "random", budget=6, surrogate=surrogate, finals=panel)
    assert judged.finals is not None
    assert {*judged.finals.finalists[0].ranks} == {"surrogate", "params"}


@pytest.mark.usefixtures("surrogate")
def test_compare_has_its_targets_as_figures_with_limits() -> None:
    Path("acc.csv").write_text(Path("r.csv").read_text().replace("lat", "other", 1))
    words = [*SIZES, "table=acc.csv", *COMPARED[1:], "proxy=surrogate", "surrogate=s", "out=c"]
    done = nas("compare", *words, "under=lat", "limits=[15,19]")
    assert done.code == 0, done.err
    under = json.loads(Path("c/compare.json").read_text())["under"][0]
    latencies = load("s", SPACE).predict(ARCHS)["lat"].mean
    assert [fact["meet"] for fact in under["limits"]] == [
        sum(each <= limit for each in latencies) for limit in (15, 19)
    ]
    check_mistake(nas("compare", *words, "under=odd"), ["'odd'", "metric"])
    twice = [word for word in words if "table=" not in word]
    check_mistake(
        nas("compare", *twice, "table=r.csv", "under=lat"), ["lat is a column", "target"]
    )


@pytest.fixture
def doubtful() -> Path:
    """A surrogate of columns that are called as a metric and a proxy are."""
    text = Path("r.csv").read_text().replace("arch,acc,lat,", "arch,params,naswot,", 1)
    Path("d.csv").write_text(text)
    words = ("table=d.csv", "target=[params,-naswot]", "splits=0", "features=[]", "out=d")
    done = nas("fit", *SIZES, *words)
    assert done.code == 0, done.err
    assert "params is also the name of a metric" in done.out
    assert "naswot is also" not in done.out
    return Path("d")


@pytest.mark.long
def test_a_target_with_the_name_of_a_default_metric_is_in_nobodys_way(doubtful: Path) -> None:
    words = [*QUICK, "proxy=surrogate", "surrogate=d"]
    done = nas("search", *words, "objective=-naswot", "out=a")
    assert done.code == 0, done.err
    known = load(doubtful, SPACE)
    counted = nas_score(SPACE, [tuple(line["arch"]) for line in lines(Path("a"))], "params")
    for line, own in zip(lines(Path("a")), counted, strict=True):
        assert line["metrics"]["params"] == own.score
        assert line["score"] == known.predict([tuple(line["arch"])])["params"].mean[0]
    found = search(SPACE, "surrogate", "random", surrogate="d", budget=3, finals=None)
    assert found.best.metrics["params"] > 1000
    assert nas("score", *SIZES, "surrogate=d", "proxy=surrogate", TEXTS[0]).code == 0


@pytest.mark.long
@pytest.mark.usefixtures("doubtful")
def test_a_name_that_is_asked_for_means_one_thing() -> None:
    words = [*QUICK, "proxy=surrogate", "surrogate=d", "out=a"]
    for more in ("objective=params", "constraints=[params<=9]", "metrics=[params]"):
        check_mistake(nas("search", *words, more), ["params is a metric and a target", "convert"])
    both = ["proxy=[surrogate,naswot]", "objective=[surrogate,naswot]"]
    check_mistake(nas("search", *words, *both), ["naswot is a proxy and a target"])
    given: tuple[dict[str, Any], ...] = ({"objective": "params"}, {"metrics": ["params"]})
    for options in given:
        with pytest.raises(UsageError, match="params is a metric and a target"):
            search(SPACE, "surrogate", "random", surrogate="d", budget=3, **options)


def test_a_leaderboard_says_what_is_no_test(surrogate: Path) -> None:
    words = ("proxy=surrogate", f"proxy.path={surrogate}", "out=c")
    assert nas("compare", *SIZES, *COMPARED, *words).code == 0
    board = leaderboard({"nasbench201": json.loads(Path("c/compare.json").read_text())})
    assert "surrogate: fitted to 60 of the architectures compared in" in rendered(board)
    own, other = sorted(csv.DictReader(as_csv(board).splitlines()), key=lambda row: row["proxy"])
    assert (own["fitted_to"], other["fitted_to"]) == ("", "60")


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["target=odd"], ["'odd'"]),
        (["target=none"], ["none"]),
        (["target=same"], ["same"]),
        (["target=acc", "rows=3"], ["3"]),
        (["target=acc", "rows=11", "splits=5"], ["11 rows", "13 or more"]),
        (["target=acc", "encoding=layers"], ["formulas"]),
        (["target=acc", "space=mnasnet"], ["not in this space"]),
        (["target=acc", "held_out=2"], ["held_out=2"]),
        (["target=acc", "features=[odd]"], ["'odd'"]),
        (["target={a: b}"], ["target="]),
        (["table=null"], ["table"]),
        (["table=nothing"], ["nothing"]),
    ],
)
def test_a_mistake_is_a_sentence_and_nothing_is_written(
    here: Path, words: list[str], fragments: list[str]
) -> None:
    before = snapshot(here)
    given = [word for word in FIT if not (words[0].startswith("table") and "table" in word)]
    if "space=mnasnet" in words:
        given = ["table=r.csv", "features=[]"]
    check_mistake(nas("fit", *given, "splits=0", *words, "out=s"), fragments)
    assert snapshot(here) == before


@pytest.mark.usefixtures("surrogate")
def test_what_is_there_is_not_lost(here: Path) -> None:
    before = snapshot(here)
    check_mistake(nas("fit", *FIT, "target=acc", "splits=0", "out=s"), ["replace=true"])
    Path("other").mkdir()
    Path("other/mine.txt").write_text("mine")
    check_mistake(nas("fit", *FIT, "target=acc", "splits=0", "out=other"), ["other files"])
    assert {*before} <= {*snapshot(here)}


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["proxy=surrogate"], ["proxy.path"]),
        (["proxy=surrogate", "proxy.path=nothing"], ["nothing", "nas fit"]),
        (["proxy=surrogate", "proxy.path=s", "proxy.target=odd"], ["'odd'"]),
        (["proxy=surrogate", "proxy.path=s", "proxy.target=lat"], ["proxy.target=-lat"]),
        (["proxy=params", "surrogate=s", "metrics=[odd]"], ["odd"]),
        (["proxy=params", "surrogate=nothing", "metrics=[lat]"], ["nothing"]),
        (["proxy=params", "surrogate=s", "metrics=[lat]", "metric.lat.x=1"], ["no options"]),
        (["proxy=surrogate", "proxy.path=s", "space.channels=6"], ["knows nothing of"]),
    ],
)
@pytest.mark.usefixtures("surrogate")
def test_wrong_surrogates_are_refused(words: list[str], fragments: list[str]) -> None:
    check_mistake(nas("search", *QUICK, *words, "out=a"), fragments)
    assert not Path("a").exists()
