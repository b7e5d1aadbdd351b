"""The page in headless Chromium: charts are drawn, tables sort, the keyboard works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nas.report.charts import Axis, Chart, Layer
from nas.report.page import Page, Section, command
from nas.report.tables import Column, table
from tests.support.browser import Driver, complaints, overflows, read, show, violations
from tests.support.command_line import best, history, nas

NAMES = ["params", "a_proxy_with_a_long_name"]
BODY = "table.sortable tbody tr td:nth-child(2)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    trials, scores = [0, 1, 2], [2.5, None, 7.25]
    layers = [
        Layer("dots", {"trial": trials, "score": scores}, "trial", "score", name="trials"),
        Layer("line", {"trial": [0, 2], "best": [2.5, 7.25]}, "trial", "best", name="best",
              steps=True, tip=False),
    ]  # fmt: skip
    heat: dict[str, list[Any]] = {
        "a": NAMES * 2,
        "b": [NAMES[0]] * 2 + [NAMES[1]] * 2,
        "ρ": [1.0, 0.5, 0.5, 1.0],
    }
    names = Axis("", "names", names=NAMES, bands=True, grid=False)
    charts = [
        Chart("Scores", "Two of three have a score.", Axis("trial"), Axis("score"), layers),
        Chart("Heat", "They agree.", names, names, [Layer("cells", heat, "a", "b", shade="ρ")]),
        Chart("Log", "A cost.", Axis("params", "log"), Axis("score"), [
            Layer("dots", {"params": [1e3, 1e6], "score": [1, 2]}, "params", "score")]),
    ]  # fmt: skip
    columns = [Column("name"), Column("score", number=True), Column("rank", True, "g", True)]
    rows: list[list[str | float | None]] = [["b", 10.0, 2], ["a", None, 3], ["c", 9.5, 1]]
    parts = [*(chart.html for chart in charts), table(columns, rows, "Rows"), command("nas list")]
    path = tmp_path_factory.mktemp("page") / "page.html"
    Page("Demo", ["lead"], [Section("Everything", parts)]).write(path)
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_is_accessible(browser: Driver, page: Path, width: int, scheme: str) -> None:
    show(browser, page, width, scheme)
    assert not complaints(browser)
    assert not overflows(browser)
    assert not violations(browser)


@pytest.fixture(scope="module")
def pages(runs: Path, study: Path) -> dict[str, Path]:
    """The pages of searches, of a study, and of searches side by side."""
    assert nas("report", runs / "plain", runs / "front", f"out={runs}").code == 0
    searches = {name: runs / name / "report.html" for name in ("plain", "front", "finals")}
    return {**searches, "study": study / "report.html", "several": runs / "side_by_side.html"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["plain", "front", "finals", "study", "several"])
def test_every_page_fits_and_is_accessible(
    browser: Driver, pages: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    show(browser, pages[name], width, scheme)
    assert not complaints(browser)
    assert not overflows(browser)
    pictures = "return [...document.querySelectorAll('svg[role=img]')].map((each) => %s)"
    named = browser.execute_script(
        pictures % "each.getAttribute('aria-label') || each.querySelector('title').textContent"
    )
    assert named
    assert all(text.strip() for text in named)
    assert not violations(browser)


def test_a_search_is_read_off_its_page(browser: Driver, pages: dict[str, Path]) -> None:
    folder = pages["plain"].parent
    show(browser, pages["plain"])
    found = best(folder)
    scored = [t for t in history(folder) if "copy_of" not in t and t["score"] is not None]
    assert read(browser, ".tile .value")[0] == f"{found['score']:,.6g}"
    assert len(read(browser, "#the-ten-best .cards li")) == len(found["top"])
    count = (
        "return document.querySelector('#the-search .plot').querySelectorAll(arguments[0]).length"
    )
    assert browser.execute_script(count, "[data-part=dot] > *") == len(scored) + 1  # the winner
    reasons = read(browser, "#without-a-score tbody td:nth-child(2)")
    assert sorted(map(int, reasons)) == sorted(found["trials"]["reasons"].values())
    exports = [each for each in read(browser, "pre") if each.startswith("nas export ")]
    assert exports == [f"nas export {folder} format=source out=nasbench201.py"]


def test_charts_have_their_points(browser: Driver, page: Path) -> None:
    show(browser, page)
    count = (
        "return [...document.querySelectorAll('.plot')].map((plot) =>"
        " plot.querySelectorAll(arguments[0]).length)"
    )
    assert browser.execute_script(count, "svg[role=img]") == [1, 1, 1]
    assert browser.execute_script(count, "[data-part=dot] > *") == [2, 0, 2]
    assert browser.execute_script(count, "[data-part=line] path") == [1, 0, 0]
    assert browser.execute_script(count, "[data-part=cell] rect") == [0, 4, 0]
    assert read(browser, ".legend li") == ["trials", "best"]


def test_the_figures_of_a_chart_open_as_a_table(browser: Driver, page: Path) -> None:
    show(browser, page)
    browser.execute_script("document.querySelector('details.data').open = true")
    browser.execute_async_script("setTimeout(arguments[0], 50)")
    assert read(browser, "details.data[open] td") == ["0", "2.5", "1", "–", "2", "7.25"]


def test_a_table_sorts_by_click_and_by_key(browser: Driver, page: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    show(browser, page)
    name, score, rank = browser.find_elements(By.CSS_SELECTOR, "table.sortable th button")
    assert read(browser, BODY) == ["10", "–", "9.5"]
    score.click()
    assert read(browser, BODY) == ["10", "9.5", "–"]
    score.click()
    assert read(browser, BODY) == ["9.5", "10", "–"]  # what is missing stays at the end
    assert read(browser, "th[aria-sort=ascending]") == ["score"]
    rank.send_keys(Keys.ENTER)
    assert read(browser, "table.sortable tbody th") == ["c", "b", "a"]
    name.send_keys(Keys.SPACE)
    assert read(browser, "table.sortable tbody th") == ["a", "b", "c"]


def test_the_arrow_keys_tell_the_points_of_a_chart(browser: Driver, page: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    show(browser, page)
    plot = browser.find_element(By.CSS_SELECTOR, ".plot")
    plot.send_keys(Keys.ARROW_RIGHT)
    plot.send_keys(Keys.ARROW_RIGHT)
    assert read(browser, ".point")[0] == "2 of 2: trials, trial: 2, score: 7.25"
    browser.execute_async_script("setTimeout(arguments[0], 100)")
    lines = read(browser, ".plot svg [aria-label=tip] tspan")
    assert [line.strip("\u200b") for line in lines] == ["trials", "trial: 2", "score: 7.25"]


def test_it_tells_everything_without_scripts(browser: Driver, page: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(page.as_uri())
        text = browser.page_source
        assert "Two of three have a score." in text
        assert "9.5" in text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
