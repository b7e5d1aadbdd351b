"""The proxy and the metric that look figures up in a table, against the files themselves."""

from __future__ import annotations

import csv
import gzip
import pickle
from math import isnan
from pathlib import Path
from random import Random

import polars
import pytest

from nas import PROXIES, Candidate, NoScore, NotApplicableError, Proxy, ProxyObjective, UsageError
from nas.data.lookup import Column
from nas.metrics.table import TableColumn
from nas.seeding import generator
from nas.space import Arch, Space
from nas.testing import MetricContract, ProxyContract
from tests.support.small import small
from tests.support.tables import ARCHS, NAMES, plain, written

CELLS = small("nasbench201")
GRAPHS = small("nasbench101")
LINE, TRIANGLE = (
    "010;001;000 input|conv3x3-bn-relu|output",
    "0101;0010;0001;0000 input|conv3x3-bn-relu|maxpool3x3|output",
)


def figures(path: Path, rows: dict[str, float | None]) -> Path:
    return written(path, polars.DataFrame({"arch": [*rows], "acc": [*rows.values()]}))


def score(proxy: Proxy, arch: Arch, space: Space = CELLS) -> float:
    return proxy.score(Candidate(space, arch), space.batch(2, generator("table")))


class TestTheProxy(ProxyContract):
    @pytest.fixture
    def space(self) -> Space:
        return CELLS

    @pytest.fixture
    def proxy(self, tmp_path: Path) -> Proxy:
        plain(tmp_path / "t.csv")
        return PROXIES.build("table", table=str(tmp_path / "t.csv"), target="gaps")


class TestTheMetric(MetricContract):
    @pytest.fixture
    def space(self) -> Space:
        return CELLS

    @pytest.fixture
    def metric(self, tmp_path: Path) -> TableColumn:
        plain(tmp_path / "t.csv")
        return TableColumn(tmp_path / "t.csv", "acc")


def test_a_score_is_the_cell_of_its_row(tmp_path: Path) -> None:
    frame = plain(tmp_path / "t.csv")
    proxy = PROXIES.build("table", table="t", target="acc", data_dir=str(tmp_path))
    assert [score(proxy, arch) for arch in ARCHS] == pytest.approx(frame["acc"].to_list(), abs=0)


def test_a_minus_means_that_lower_is_better(tmp_path: Path) -> None:
    frame = plain(tmp_path / "t.csv")
    proxy = PROXIES.build("table", table=str(tmp_path / "t.csv"), target="--steps")
    assert [-score(proxy, arch) for arch in ARCHS] == frame["-steps"].to_list()


def test_without_a_target_it_is_the_first_column_of_figures(tmp_path: Path) -> None:
    frame = plain(tmp_path / "t.csv")
    proxy = PROXIES.build("table", table=str(tmp_path / "t.csv"))
    assert score(proxy, ARCHS[3]) == frame["acc"][3]


def test_an_empty_cell_and_a_lost_row_are_no_score_with_a_reason(tmp_path: Path) -> None:
    path = figures(tmp_path / "t.csv", {NAMES[0]: None, NAMES[1]: 2.0})
    proxy = PROXIES.build("table", table=str(path))
    empty, lost = score(proxy, ARCHS[0]), score(proxy, ARCHS[2])
    assert isinstance(empty, NoScore)
    assert isinstance(lost, NoScore)
    assert (empty.reason, lost.reason) == (
        "the table t has no acc of it",
        "the table t has no row of it",
    )
    found = TableColumn(path, "acc").measure(
        Candidate(CELLS, ARCHS[0]), CELLS.batch(2, generator("x"))
    )
    assert isnan(found)


def test_another_numbering_of_the_same_graph_has_the_row_of_the_graph(tmp_path: Path) -> None:
    path = figures(tmp_path / "t.csv", {LINE: 1.0, TRIANGLE: 2.0})
    proxy = PROXIES.build("table", table=str(path))
    line = GRAPHS.parse(LINE)
    dead = list(line)
    dead[-1] = 2  # the operation of a vertex on no path
    batch = GRAPHS.batch(2, generator("table")).fresh()
    assert tuple(dead) != line
    assert proxy.score(Candidate(GRAPHS, tuple(dead)), batch) == 1.0
    assert batch.notes == {"figures of t from rows with the same canonical form"}
    assert proxy.score(Candidate(GRAPHS, line), batch.fresh()) == 1.0


def test_of_rows_with_the_same_form_one_with_a_figure_counts(tmp_path: Path) -> None:
    line = GRAPHS.parse(LINE)
    rows = {}
    for operation, figure in ((1, None), (2, 5.0)):
        same = (*line[:-1], operation)
        rows[str(same)] = figure
    assert (
        score(PROXIES.build("table", table=str(figures(tmp_path / "t.csv", rows))), line, GRAPHS)
        == 5
    )


def test_rows_that_are_there_twice_are_an_error_or_the_mean(tmp_path: Path) -> None:
    frame = polars.DataFrame({"arch": [NAMES[0], NAMES[0], "stranger"], "acc": [1.0, 2.0, 9.0]})
    path = str(written(tmp_path / "t.csv", frame))
    mean = PROXIES.build("table", table=path, duplicates="mean", foreign="drop")
    assert score(mean, ARCHS[0]) == 1.5
    with pytest.raises(UsageError, match=r"1 row is not in this space.*foreign=drop"):
        ProxyObjective(CELLS, PROXIES.build("table", table=path), CELLS.batch(2, generator("x")))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give table=NAME or table=FILE"),
        ({"table": "FILE", "target": "accc"}, "did you mean 'acc'"),
        ({"table": "FILE", "target": "note"}, "column of numbers"),
    ],
)
def test_a_wrong_table_is_refused_before_anything_is_scored(
    options: dict[str, str], words: str, tmp_path: Path
) -> None:
    plain(tmp_path / "t.csv")
    given = {key: value.replace("FILE", str(tmp_path / "t.csv")) for key, value in options.items()}
    with pytest.raises(UsageError, match=words):
        ProxyObjective(CELLS, PROXIES.build("table", **given), CELLS.batch(2, generator("x")))


def test_without_a_table_it_applies_to_nothing() -> None:
    with pytest.raises(NotApplicableError, match="needs a table"):
        score(PROXIES.build("table"), ARCHS[0])


def test_a_name_that_no_table_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no table of true figures is named u in .*table=FILE"):
        PROXIES.build("table", table="u", data_dir=str(tmp_path))


def test_another_process_refuses_a_file_that_was_changed(tmp_path: Path) -> None:
    frame = plain(tmp_path / "t.csv")
    proxy = PROXIES.build("table", table=str(tmp_path / "t.csv"), target="acc")
    sent = pickle.loads(pickle.dumps(proxy))
    assert score(sent, ARCHS[0]) == frame["acc"][0]
    figures(tmp_path / "t.csv", {NAMES[0]: 7.0})
    with pytest.raises(UsageError, match="does not hold what it held"):
        score(pickle.loads(pickle.dumps(proxy)), ARCHS[0])


def test_the_ranks_of_equal_figures_are_the_first_one(tmp_path: Path) -> None:
    path = figures(tmp_path / "t.csv", dict(zip(NAMES, [1.0, 3.0, 3.0, None, 2.0], strict=False)))
    found = Column.of(path, "acc").figures(CELLS)
    assert [found.rank(value) for value in (3.0, 2.0, 1.0, 2.5)] == [1, 3, 4, 3]
    lower = Column.of(path, "-acc").figures(CELLS)
    assert (lower.rank(-1.0), lower.own(-1.0)) == (1, 1.0)


def test_every_row_of_the_real_table_is_found(data: Path) -> None:
    space = small("nasbench201")
    with gzip.open(data / "nasbench201.csv.gz", "rt") as file:
        rows = [*csv.DictReader(file)]
    name = next(name for name in rows[0] if name != "arch")
    proxy = PROXIES.build("table", table="nasbench201", target=name, data_dir=str(data))
    for row in Random(0).sample(rows, 100):
        assert score(proxy, space.parse(row["arch"])) == float(row[name])
