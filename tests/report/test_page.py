"""Pages as text: complete without a network, escaped, and with every picture told in words."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from math import inf, nan
from pathlib import Path

import pytest

from nas import draw
from nas.errors import UsageError
from nas.report.charts import Axis, Chart, Layer, as_json
from nas.report.page import Page, Section, asset, cards, command, facts, picture
from nas.report.tables import Cell, Column, Told, table

CHART = Chart(
    "Scores",
    "Three scores.",
    Axis("trial"),
    Axis("score"),
    [Layer("dots", {"trial": [0, 1, 2], "score": [1.23456789, nan, inf]}, "trial", "score")],
)


class Elements(HTMLParser):
    """The ids of a page, its open elements at the end, and what it would load."""

    VOID = frozenset(("meta", "br", "hr", "img", "input", "link", "wbr"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.ids += [value for key, value in attrs if key == "id" and value is not None]
        self.loaded += [str(named[key]) for key in ("src", "srcset", "data") if key in named]
        self.loaded += [str(named["href"])] if tag in ("link", "image", "use") else []
        self.open += [tag] if tag not in self.VOID else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_is_one_file_that_loads_nothing() -> None:
    drawing = draw("nasbench201", (3, 0, 0, 1, 3, 0)).svg
    twice = [picture(drawing, "one"), picture(drawing, "two", "again")]
    page = Page("A <title>", ["lead"], [Section("Some charts", [CHART.html, cards(twice)])]).html
    found = Elements(page)
    assert not found.open
    assert not found.loaded
    assert len(found.ids) == len({*found.ids})
    assert "A &lt;title&gt;" in page
    assert "default-src 'none'" in page
    assert asset("plot.js") in page


def test_a_page_without_charts_needs_no_library() -> None:
    page = Page("Plain", [], [Section("Text", ["<b>"])]).html
    assert len(page) < 30_000
    assert "<p>&lt;b&gt;</p>" in page


def test_references_inside_a_drawing_follow_its_new_name() -> None:
    drawing = draw("nasbench201", (3, 0, 0, 1, 3, 0)).svg
    shown = picture(drawing, "new")
    ids = {*Elements(shown).ids}
    assert all(name.startswith("new-nas-") for name in ids)
    assert {*re.findall(r"url\(#([^)]+)\)", shown)} <= ids
    assert {*re.findall(r"#(\S+) [.t]", shown)} == {min(ids, key=len)}
    (labels,) = re.findall(r'aria-labelledby="([^"]+)"', shown)
    assert {*labels.split()} <= ids
    assert "@media screen and (prefers-color-scheme: dark)" in shown


def test_data_cannot_end_its_script_and_missing_numbers_are_null() -> None:
    text = as_json({"name": "</script><!-- \u2028"})
    assert not {*"<>\u2028"} & {*text}
    assert json.loads(text) == {"name": "</script><!-- \u2028"}
    (data,) = re.findall(r'<script type="application/json">(.*?)</script>', CHART.html)
    assert json.loads(data)["layers"][0]["data"] == {
        "trial": [0, 1, 2],
        "score": [1.23457, None, None],
    }


def test_a_chart_is_told_in_words_and_in_a_legend_where_it_has_several_series() -> None:
    assert "Three scores." in CHART.html
    assert "legend" not in CHART.html
    named = [Layer("at_x", {"x": [place]}, "x", name=f"<{place}>") for place in (1, 2)]
    assert "&lt;2&gt;</li>" in Chart("T", "t", Axis("x"), Axis("y"), named).html


def test_columns_of_different_length_are_a_mistake() -> None:
    wrong = Layer("dots", {"x": [1], "y": [1, 2]}, "x", "y", name="wrong")
    with pytest.raises(AssertionError, match="columns of wrong"):
        _ = Chart("T", "t", Axis("x"), Axis("y"), [wrong]).html


def test_a_table_has_what_it_is_sorted_by() -> None:
    columns = [Column("name"), Column("score", number=True), Column("ρ", number=True)]
    rows: list[list[Cell | Told]] = [
        ["<a>", -1.5, Told(".9 [.8, 1]", 0.9)],
        ["b", None, None],
        ["c", inf, 1234567],
    ]
    text = table(columns, rows, "Some", sorted_by=("score", "descending"), marked=[0])
    assert re.findall(r'data-value="([^"]*)"', text) == [
        "-1.5",
        "0.9",
        "",
        "",
        "Infinity",
        "1234567",
    ]
    assert '<th scope="row">&lt;a&gt;</th>' in text
    assert ">−1.5</td>" in text
    assert ">1,234,567</td>" in text
    assert text.count('class="marked"') == 1
    assert 'aria-sort="descending">score' in text.replace(' class="number"', "")


def test_control_characters_do_not_get_into_a_page() -> None:
    assert "\x00" not in facts({"a\x00": "b\x1b"}) + command("\x07")


def test_a_page_is_written_in_one_step(tmp_path: Path) -> None:
    page = Page("Title", [], [])
    page.write(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page.html
    with pytest.raises(UsageError, match="cannot be written"):
        page.write(tmp_path / "none" / "report.html")


def test_the_notices_of_the_library_are_in_every_copy() -> None:
    notices = asset("plot.licences.txt")
    assert asset("plot.js").startswith(f"/*!\n{notices}*/\n")
    assert "Observable, Inc." in notices
