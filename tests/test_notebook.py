"""What a notebook shows of results."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import torch

import nas
from nas import PROXIES, Evaluation, ProxyObjective
from nas.compare import compare
from nas.compare.notebook import html
from nas.notebook import STYLE, shown, table
from nas.scoring.table import SHOWN, Evaluations
from tests.support.small import small

SPACE = small("nasbench201")
VOID = {"br", "rect", "path"}


class Cells(HTMLParser):
    """The rows of every table of a page, and whether every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data


def test_a_search_shows_the_winner_and_the_ten_best() -> None:
    found = nas.search(SPACE, "params", "random", budget=40, finals=None)
    page = found._repr_html_()
    (rows,) = Cells(page).tables
    assert rows[0] == ["trial", "score", "params", "flops", "architecture"]
    assert [row[-1] for row in rows[1:]] == [SPACE.format(t.arch) for t, _ in found.top[:10]]
    assert f"<b>{found.arch}</b>" in page
    assert page.count("<svg") == 1
    assert len(page) < 20_000


def test_a_space_of_modules_has_no_picture_and_is_shown() -> None:
    from nas.one_module import OneModule

    space = OneModule(lambda: torch.nn.Linear(4, 2), torch.zeros(2, 4))
    page = nas.search(space, "params", "random", budget=1, finals=None)._repr_html_()
    assert "<svg" not in page
    Cells(page)


def test_scores_of_architectures_are_a_table() -> None:
    archs = [(3,) * 6, (0,) * 6]
    found = nas.score(SPACE, archs, ["params", "naswot"])
    assert isinstance(found, list)
    (rows,) = Cells(found._repr_html_()).tables  # type: ignore[attr-defined]
    assert rows[0] == ["score", "params", "naswot", "flops", "seconds", "architecture", "reason"]
    assert [row[5] for row in rows[1:]] == [SPACE.format(arch) for arch in archs]
    assert rows[2][0] == "none"
    assert rows[2][6]
    (rows,) = Cells(nas.score(SPACE, archs[:1], "params")._repr_html_()).tables  # type: ignore[attr-defined]
    assert "reason" not in rows[0], "nobody has one"


def test_many_scores_are_cut() -> None:
    found = Evaluations([str(n) for n in range(99)], [Evaluation(0.0, {}, 0.0)] * 99)
    page = found._repr_html_()
    assert f"the first {SHOWN} of 99 architectures" in page
    (rows,) = Cells(page).tables
    assert len(rows) == SHOWN + 1


def test_a_comparison_is_a_table() -> None:
    proxies = {name: PROXIES.build(name) for name in ("params", "flops", "naswot")}
    objective = ProxyObjective(SPACE, proxies, SPACE.batch(4, torch.Generator()))
    compared = compare(objective, sample=20)
    costs, agreement = Cells(compared._repr_html_()).tables
    assert [row[0] for row in costs[1:]] == [*proxies]
    assert agreement[0][1:] == [*proxies]
    matrix = compared.result["agreement"]["spearman"]
    assert [row[1:] for row in agreement[1:]] == [[f"{v:.2f}" for v in line] for line in matrix]


def test_correlations_have_their_intervals() -> None:
    figure = {"value": 0.5, "low": 0.25, "high": 0.75}
    none = {"value": None, "low": None, "high": None}
    row = {
        "proxy": "mine",
        "coverage": 0.5,
        "seconds_per_arch": 0.002,
        "reasons": {"it is <empty>": 3},
        "spearman": {"dropped": figure, "last": none},
        "kendall": {"last": figure},
        "difference": {"to": "params", "spearman": {"last": figure}},
    }
    agreement = {"proxies": ["mine"], "spearman": [[1.0]]}
    truth = {"target": "-loss"}
    result = {"n": 20, "rows": [row], "agreement": agreement, "truth": truth, "interval": "95 %"}
    page = html(result)
    (rows,) = Cells(page).tables
    assert dict(zip(*rows, strict=True)) == {
        "proxy": "mine",
        "coverage": "50.0%",
        "ρ scored": "0.500 [0.250, 0.750]",
        "ρ all": "–",
        "τ all": "0.500 [0.250, 0.750]",
        "Δρ to params": "+0.500 [+0.250, +0.750]",
        "ms each": "2",
        "no score": "it is <empty>",
    }
    assert "20 architectures · loss" in page


def test_colours_are_those_of_the_page() -> None:
    assert not re.search(r"#[0-9a-f]{3}|rgb\(|:(white|black)\b", STYLE), "translucent grey alone"
    page = shown(table([{"<a>": "<b>"}]))
    assert "<a>" not in page
    assert "&lt;b&gt;" in page
    assert table([]) == ""
