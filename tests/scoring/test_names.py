"""A name means one figure: of two, one is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars
import pytest

import nas as package
from nas import METRICS, PROXIES, Batch, Candidate, Metric, UsageError
from nas.metric import Measured
from nas.metrics.table import TableColumn
from nas.seeding import generator
from tests.support.command_line import SMALL, check_mistake, nas, snapshot
from tests.support.searches import SPACE, Counting
from tests.support.tables import NAMES, written

QUICK: dict[str, Any] = {"strategy": "random", "budget": 3, "finals": None}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A table whose columns have names of other figures."""
    names = ("latency_iqr", "naswot", "acc")
    columns = {name: [float(n) for n in range(20)] for name in names}
    path = tmp_path / "names.csv"
    written(path, polars.DataFrame({"arch": NAMES, **columns}))
    return path


@pytest.mark.parametrize(
    "words",
    [
        ["metrics=[params,latency,latency_iqr]"],
        ["metrics=[latency]", "objective=params-latency_iqr"],
        ["metrics=[latency]", "constraints=[latency_iqr<=5]"],
    ],
)
def test_a_column_named_as_a_measured_range_is_refused(
    words: list[str], file: Path, here: Path
) -> None:
    before = snapshot(here)
    done = nas("search", *SMALL, "proxy=params", "finals=none", f"table={file}", *words)
    check_mistake(done, ["latency has a figure latency_iqr beside it", "nas convert"])
    assert snapshot(here) == before


def test_a_column_named_as_a_proxy_among_several_is_refused(file: Path) -> None:
    words = [
        "proxy=[naswot,params]",
        f"table={file}",
        "metrics=[naswot]",
        "finals=none",
        "out=never",
    ]
    done = nas("search", *SMALL, *words)
    check_mistake(done, ["naswot is a proxy and another figure among the metrics"])


class Timed(Metric):
    """Has the further figures `more`."""

    def __init__(self, more: str = "low") -> None:
        self.more = more

    def measure(self, candidate: Candidate, batch: Batch) -> float:
        return Measured(2.0, {self.more: 1.0})


@pytest.mark.parametrize(
    "metrics",
    [
        {"ms": Timed(), "ms_low": METRICS.build("params")},
        {"ms_low": METRICS.build("params"), "ms": Timed()},
        {"ms": Timed("a_b"), "ms_a": Timed("b")},
    ],
)
def test_further_figures_of_ones_own_metric_take_no_name(metrics: dict[str, Metric]) -> None:
    with pytest.raises(UsageError, match=r"has a figure ms_\w+ beside it"):
        package.search(SPACE, "params", metrics=metrics, **QUICK)


def test_further_figures_have_their_names() -> None:
    metrics = {"ms": Timed(), "low": Timed("ms")}
    found = package.search(SPACE, "params", metrics=metrics, **QUICK)
    assert found.best.metrics == {"ms": 2.0, "ms_low": 1.0, "low": 2.0, "low_ms": 1.0}


def test_a_repeated_score_has_its_deviation_beside_it() -> None:
    batch = SPACE.batch(4, generator("names"))
    proxies = {"one": PROXIES.build("params")}
    named = {"one_sd": METRICS.build("params")}
    assert package.ProxyObjective(SPACE, proxies, batch, measures=named).repeats == 1
    with pytest.raises(UsageError, match="one has a figure one_sd beside it"):
        package.ProxyObjective(SPACE, proxies, batch, measures=named, repeats=2)
    only = {"sd": METRICS.build("params")}
    with pytest.raises(UsageError, match="the score has a figure sd beside it"):
        package.ProxyObjective(SPACE, proxies["one"], batch, measures=only, repeats=2)


class Named(Counting):
    """An objective with a metric called score."""

    @staticmethod
    def metrics(arch: package.Arch) -> dict[str, float]:
        return {"score": float(sum(arch)), "cost": 1.0}


PARAMS = PROXIES.build("params")
"""Its class is a registered proxy, and there is a metric of this name."""


@pytest.mark.parametrize(
    ("proxy", "options", "said"),
    [
        (Named(), {"objective": "score"}, "score is the objective's score and another figure"),
        (Named(), {"constraints": ["score>=0"]}, "score is the objective's score and another"),
        ("params", {"metrics": {"params": Timed()}, "objective": "-params"}, "is a proxy and"),
        ("naswot", {"metrics": {"naswot": Timed()}, "constraints": ["naswot>=1"]}, "is a proxy"),
        (["params", "skip"], {"metrics": {"skip": Timed()}}, "skip is a proxy and another"),
        ({"flops": PARAMS, "params": PARAMS}, {}, "flops is a proxy and another figure"),
        ("params", {"metrics": {"score": Timed()}}, "a metric cannot be called 'score'"),
        ("params", {"metrics": {"one_sd": Timed()}}, "a metric cannot be called 'one_sd'"),
    ],
)
def test_a_name_with_two_meanings_is_refused(
    proxy: Any, options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        package.search(SPACE, proxy, **QUICK, **options, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_column_named_as_the_proxy_is_refused(file: Path) -> None:
    metrics = {"naswot": TableColumn(file, "naswot")}
    with pytest.raises(UsageError, match="naswot is a proxy and"):
        package.search(SPACE, "naswot", metrics=metrics, objective="-naswot", **QUICK)


@pytest.mark.parametrize(
    ("proxy", "options"),
    [
        ("params", {"objective": "-params"}),
        ("params", {"objective": ["params", "-flops"], "constraints": ["params>=0"]}),
        (["params", "flops"], {"objective": "params/flops"}),
        ({"params": PARAMS, "flops": "flops"}, {}),
        (Named(), {"objective": "-cost"}),
        (Counting(), {"objective": "score"}),
    ],
)
def test_a_name_with_one_meaning_is_not(proxy: Any, options: dict[str, Any]) -> None:
    assert len(package.search(SPACE, proxy, **QUICK, **options).trials) == 3
