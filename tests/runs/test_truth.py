"""A search in Python with a table at hand, and what its figures say."""

from __future__ import annotations

import json
from math import isnan
from pathlib import Path
from typing import Any

import polars
import pytest

import nas
from nas import SPACES, UsageError
from nas.data.lookup import Column
from nas.metrics.table import TableColumn
from nas.runs.truth import TrueFigure
from tests.support.command_line import best
from tests.support.command_line import nas as command
from tests.support.tables import written

SPACE = SPACES.build("nats_size")
CELLS = SPACES.build("nasbench201")
ARCHS = [arch for arch in SPACE.every() if set(arch) <= {0, 1}]
QUICK: dict[str, Any] = {"strategy": "random", "budget": 5, "finals": None}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Figures of all cells of two widths: an accuracy, and a cost that one of them lacks."""
    frame = polars.DataFrame(
        {
            "arch": [SPACE.format(arch) for arch in ARCHS],
            "acc": [float(sum(arch) % 4) for arch in ARCHS],
            "cost": [None if sum(arch) == 0 else 10.0 - sum(arch) for arch in ARCHS],
        }
    )
    return written(tmp_path_factory.mktemp("tables") / "t.csv", frame)


def test_the_truth_counts_places_from_the_best(table: Path) -> None:
    figures = Column.of(table, "-cost").figures(SPACE)
    cheap, dear = ARCHS[-1], ARCHS[1]
    found = TrueFigure.of_arch(figures, cheap)
    assert found == TrueFigure("t", "-cost", 5.0, 1, len(ARCHS) - 1, 5.0, 0.0)
    other = TrueFigure.of_arch(figures, dear)
    assert (other.figure, other.rank, other.regret) == (9.0, len(ARCHS) - 5, 4.0)
    none = TrueFigure.of_arch(figures, ARCHS[0])
    assert none.rank is None
    assert isnan(none.figure)
    assert isnan(none.regret)
    assert none.reason == "the table t has no cost of it"


@pytest.mark.long
def test_a_search_in_python_is_reported_with_its_table(tmp_path: Path) -> None:
    archs = [*CELLS.every()]
    figures = {"acc": [sum(arch) for arch in archs], "cost": [float(arch[0]) for arch in archs]}
    frame = polars.DataFrame({"arch": [CELLS.format(arch) for arch in archs], **figures})
    whole, folder = written(tmp_path / "t.csv", frame), tmp_path / "run"
    options = {**QUICK, "table": whole, "target": "acc", "objective": "table - cost"}
    found = nas.search(CELLS, "table", **options, metrics=["params", "cost"], out=folder)
    assert found.best.score == sum(found.best.arch)
    assert found.best.metrics["cost"] == found.best.arch[0]
    assert found.truth is not None
    assert found.truth.rank == 1 + sum(sum(arch) > sum(found.best.arch) for arch in archs)
    longer = {**options, "budget": 8, "metrics": ["params", "cost"]}
    assert len(nas.search(CELLS, "table", **longer, out=folder).trials) == 8
    report = command("report", folder)
    assert report.code == 0, report.err
    assert "truth   acc " in report.out
    assert json.loads(command("report", folder, "json=true").out)["truth"] == best(folder)["truth"]
    written(whole, frame.with_columns(polars.col("cost") + 1))
    with pytest.raises(UsageError, match="tables_sha256"):
        nas.search(CELLS, "table", **longer, out=folder)


def test_the_truth_of_a_best_that_is_in_the_table(table: Path) -> None:
    known = {SPACE.format(arch): arch for arch in ARCHS}

    class Few(type(SPACE)):  # type: ignore[misc]
        """The architectures of the table alone."""

        choices = (2,) * len(SPACE.choices)

    space = Few()
    found = nas.search(space, "params", **QUICK, table=table, target="-cost", metrics=["cost"])
    assert found.arch in known
    assert found.truth is not None
    cost = found.best.metrics["cost"]
    every = sorted(10.0 - sum(arch) for arch in ARCHS if sum(arch))
    assert found.truth.figure == cost
    assert found.truth.rank == 1 + sum(each < cost for each in every)
    assert found.truth.regret == cost - every[0]


def test_metrics_of_another_table_are_given_as_objects(table: Path) -> None:
    metric = TableColumn(table, "cost")
    found = nas.search(SPACE, "params", **QUICK, metrics={"price": metric})
    assert [*found.best.metrics] == ["price"]
    assert found.truth is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": "acc"}, "needs a table="),
        ({"table": 3}, "table=3 must be the name of a table"),
        ({"table": "nothing-like-it"}, "no table of true figures is named"),
        ({"table": "T", "target": "ac"}, "did you mean 'acc'"),
        ({"table": "T", "metrics": ["costs"]}, "did you mean 'cost'"),
        ({"table": "T", "constraints": ["costs<=3"]}, "costs"),
    ],
)
def test_a_wrong_table_is_a_sentence(options: dict[str, Any], words: str, table: Path) -> None:
    given = {name: table if value == "T" else value for name, value in options.items()}
    with pytest.raises(UsageError, match=words):
        nas.search(SPACE, "params", **{**QUICK, **given})
