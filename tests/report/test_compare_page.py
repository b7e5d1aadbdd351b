"""The page of a comparison in headless Chromium: its values are those of compare.json."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.stats import spearmanr

from nas.compare.leaderboard import leaderboard
from nas.compare.sample import Comparison
from nas.compare.text import glued
from nas.compare.verdict import board_verdict, brief
from nas.report.leaderboard import board_page
from tests.report.comparisons import LATE, comparison, folder_of
from tests.support.browser import Driver, complaints, overflows, read, show, violations

FAILED: dict[str, Any] = {"rows": [], "left_out": {"good": "it broke"}}
PROXIES = {"good": (0.3, 1.0), "holes": (0.2, 0.6), "flat": (3.0, 1.0), "params": (0.9, 1.0)}


class Made(NamedTuple):
    page: Path
    result: dict[str, Any]
    comparison: Comparison

    def row(self, name: str) -> dict[str, Any]:
        return next(row for row in self.result["rows"] if row["proxy"] == name)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    own = comparison(PROXIES, 120)
    folder = tmp_path_factory.mktemp("made") / "a"
    return Made(folder / "report.html", folder_of(folder, own), own)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Ten architectures, where a proxy has no score at all and lower is better."""
    own = comparison({"good": (0.3, 1.0), "none": (0.3, 0.0), "params": (0.9, 1.0)}, 10, "-acc")
    folder = tmp_path_factory.mktemp("few") / "a"
    return Made(folder / "report.html", folder_of(folder, own), own)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("which", ["made", "few"])
def test_it_fits_and_is_accessible(
    browser: Driver, which: str, width: int, scheme: str, request: pytest.FixtureRequest
) -> None:
    show(browser, request.getfixturevalue(which).page, width, scheme)
    assert not complaints(browser)
    assert not overflows(browser)
    assert not violations(browser)


def test_the_verdict_comes_first(browser: Driver, made: Made) -> None:
    show(browser, made.page)
    (text,) = read(browser, "main > p#verdict:first-child")
    assert text.replace("\u00a0", " ") == made.result["verdict"]
    assert text.startswith("On drawn (acc, 120 architectures) good ranks best: ρ\u00a0.")
    titles = read(browser, "h2")
    assert titles[:3] == ["Settings", "Which proxy ranks best", "Scores and truth"]
    assert read(browser, ".code pre") == [made.result["command"]]


def test_the_table_has_the_figures_of_the_file(browser: Driver, made: Made) -> None:
    show(browser, made.page)
    names = read(browser, ".compact tbody th")
    values = [made.row(name)["spearman"]["last"]["value"] for name in names]
    assert values == sorted(values, reverse=True)
    assert names[0] == "good"
    cells = browser.execute_script(
        "return [...document.querySelectorAll('.compact tbody tr')].map((row) =>"
        " [...row.cells].slice(1).map((cell) => Number(cell.dataset.value)))"
    )
    for name, (rho, less, scored, best, seconds) in zip(names, cells, strict=True):
        row = made.row(name)
        assert rho == row["spearman"]["last"]["value"]
        assert scored == row["coverage"]
        assert best == row["best_of"]["100"]["mean"]
        assert seconds == row["seconds_per_arch"]
        if name != "params":
            assert less == row["difference"]["spearman"]["last"]["value"]
    texts = read(browser, ".compact tbody td:nth-child(2)")
    for name, text in zip(names, texts, strict=True):
        figure = made.row(name)["spearman"]["last"]
        value, low, high = (brief(figure[key]) for key in ("value", "low", "high"))
        assert text == f"{value}[{low}, {high}]"


def test_a_phone_shows_all_columns_of_the_table(browser: Driver, made: Made) -> None:
    show(browser, made.page, 390)
    wide, there = browser.execute_script(
        "const box = document.querySelector('.compact .scroll');"
        "return [box.scrollWidth, box.clientWidth]"
    )
    assert wide <= there
    heads = read(browser, ".compact thead th")
    assert heads == ["proxy", "ρ", "ρ less params's", "scored", "best of 100", "s"]


def spec(browser: Driver, title: str) -> Any:
    """The data of the chart with a title."""
    return browser.execute_script(
        "return [...document.querySelectorAll('figure.chart script')].map((each) =>"
        " JSON.parse(each.textContent)).find((each) => each.title === arguments[0])",
        title,
    )


def drawn(browser: Driver, title: str, part: str) -> int:
    """How many marks of a kind the chart with a title has."""
    count: int = browser.execute_script(
        "const figure = [...document.querySelectorAll('figure.chart')].find((each) =>"
        " each.querySelector('figcaption b').textContent === arguments[0]);"
        "return figure.querySelectorAll(`.plot [data-part=${arguments[1]}] > *`).length",
        title,
        part,
    )
    return count


def test_scores_against_the_truth_are_by_rank_and_squash_nothing(
    browser: Driver, made: Made
) -> None:
    show(browser, made.page)
    scores, row = made.comparison.scores["holes"], made.row("holes")
    known = int((~np.isnan(scores)).sum())
    dots, rule, lost = spec(browser, "holes")["layers"]
    assert (len(dots["data"]["score"]), len(lost["data"]["score"])) == (known, 120 - known)
    assert drawn(browser, "holes", "dot") == 120
    x, y = dots["data"]["_x"], dots["data"]["_y"]
    assert spearmanr(x, y).statistic == pytest.approx(row["spearman"]["dropped"]["value"])
    assert max(lost["data"]["_x"]) < rule["data"]["_at"][0] < min(x)
    assert np.median(made.comparison.values) == pytest.approx(  # type: ignore[arg-type]
        np.median(dots["data"]["acc"] + lost["data"]["acc"]), abs=0.01
    )
    middle = [height for height in y if 25 < height < 75]
    assert 0.35 < len(middle) / len(y) < 0.65  # a tenth far below the others presses none
    shown = read(browser, "figure.chart .plot [data-part='y-axis tick label'] text")
    assert "10" in shown


def test_all_curves_begin_with_one_at_random(browser: Driver, made: Made) -> None:
    show(browser, made.page)
    chart = spec(browser, "What choosing by a proxy finds")
    mean = made.result["truth"]["mean"]
    lines = [layer for layer in chart["layers"] if layer["mark"] == "line"]
    assert len(lines) == len(PROXIES) + 1
    starts = [line["data"]["acc"][0] for line in lines]
    assert starts == pytest.approx([mean] * len(lines), rel=1e-5)
    assert [layer["look"] for layer in lines] == [0, 1, 2, 3, 4]
    dashes = browser.execute_script(
        "return [...document.querySelectorAll('[data-part=line] path')].map((line) =>"
        " line.parentNode.getAttribute('stroke-dasharray'))"
    )
    assert len({*dashes[:5]}) == 5
    words = next(layer for layer in chart["layers"] if layer["mark"] == "words")
    names = [*PROXIES, "the truth itself", "one at random"]
    assert sorted(words["data"]["_name"]) == sorted(names)
    heights = sorted(words["data"]["_y"])
    room = 15 * (chart["y"]["high"] - chart["y"]["low"]) / chart["height"]
    assert all(two - one > room for one, two in pairwise(heights))


def test_limits_have_the_choices_of_the_file(browser: Driver, made: Made) -> None:
    show(browser, made.page)
    (under,) = made.result["under"]
    chart = spec(browser, "acc of the choice")
    met = [place for place, each in enumerate(under["limits"]) if each["meet"]]
    for row in under["rows"]:
        lines = [layer for layer in chart["layers"] if layer["mark"] == "line"]
        (own,) = [line for line in lines if line["data"].get("proxy", [""])[0] == row["proxy"]]
        truths = [row["picks"][place]["truth"] for place in met]
        assert own["data"]["acc"] == pytest.approx(truths, rel=1e-5)
        assert own["steps"]
    cells = browser.execute_script(
        "const table = [...document.querySelectorAll('table')].find((each) =>"
        " each.caption.textContent.startsWith('Distance to the best'));"
        "return [...table.tBodies[0].rows].map((row) => Number(row.cells[1].dataset.value))"
    )
    gaps = sorted(row["mean_gap"] for row in under["rows"])
    assert cells == [*gaps, under["at_random"]["mean_gap"]]


def test_what_has_no_score_is_counted_with_the_reason(browser: Driver, made: Made) -> None:
    show(browser, made.page)
    count = made.row("holes")["reasons"][LATE]
    assert read(browser, "#without-a-score tbody tr > *") == ["holes", str(count), LATE]
    assert read(browser, "#files dt") == ["compare.json", "scores.csv"]


def test_a_small_sample_has_no_wall_of_dashes(browser: Driver, few: Made) -> None:
    show(browser, few.page)
    text = browser.execute_script("return document.querySelector('main').innerText")
    assert "undefined" not in text
    assert text.count("need a sample of 91") == 1
    assert "none has no score at all." in read(browser, "#verdict")[0]
    heads = read(browser, "#among-the-truly-best th[scope=col]")
    assert heads[:3] == ["proxy", "top 10 % all", "top 10 % scored"]
    assert len(heads) == 6
    names = read(browser, ".compact tbody th")
    values = [few.row(name)["spearman"]["last"]["value"] for name in names]
    assert values[-1] is None  # it has no figure, and is last
    assert values[0] == max(value for value in values if value is not None)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_of_a_leaderboard(
    browser: Driver, made: Made, few: Made, width: int, scheme: str
) -> None:
    spaces = {"one": made.result, "two": few.result, "failed": FAILED}
    board = leaderboard(spaces)
    path = made.page.parent / "board.html"
    board_page(board, ["one"], ["leaderboard.json"]).write(path)
    show(browser, path, width, scheme)
    assert not complaints(browser)
    assert not overflows(browser)
    assert not violations(browser)
    assert read(browser, "#verdict") == [glued(board_verdict(board))]
    names = [each["proxy"] for each in board["proxies"]]
    assert read(browser, ".compact tbody th") == names
    known = [row for row in board["rows"] if row["rho_all"]["value"] is not None]
    assert drawn(browser, "ρ by space", "cell") == len(known)
    assert "good: no figure in failed, it broke" in read(browser, "#without-a-figure li")
