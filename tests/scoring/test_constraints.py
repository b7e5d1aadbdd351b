"""Constraints: their sentences, units, violations."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import UsageError
from nas.scoring.constraints import Constraint, Constraints

UNITS = {"params": "", "latency": "ms", "memory": "bytes", "my-cost": "", "val acc": ""}


@pytest.mark.parametrize(
    ("text", "name", "limit"),
    [
        ("params<=500000", "params", 500_000),
        ("params <= 2M", "params", 2e6),
        ("params<=2.5e5", "params", 250_000),
        ("params<=.5k", "params", 500),
        ("latency<5", "latency", 5),
        ("latency<=5ms", "latency", 5),
        ("latency<=0.2s", "latency", 200),
        ("latency<=300us", "latency", 0.3),
        ("memory<=2MB", "memory", 2e6),
        ("memory<=3MiB", "memory", 3 * 2**20),
        ("my-cost>=-1.5", "my-cost", -1.5),
        ("val acc>90", "val acc", 90),
    ],
)
def test_a_sentence_is_read(text: str, name: str, limit: float) -> None:
    found = Constraint.parse(text, UNITS)
    assert found.name == name
    assert found.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    "text",
    [
        *("", "params", "params<=", "<=5", "params=5", "params==5", "params<=many", "params<=5ms"),
        *("latency<=5MB", "memory<=5ms", "foo<=1", "params<=1e999", "params<=nan", "params<=inf"),
        *("params<=5<=6", "params<=5,6", "params=<5", "params<=--5", "params<=5 5", "params!=5"),
    ],
)
def test_what_is_no_constraint_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Constraint.parse(text, UNITS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "texts",
    [
        ("params<=5", "params>=6"),
        ("params<5", "params>=5"),
        ("params>5", "params<=5"),
        ("latency<=5ms", "latency>=0.1s"),
    ],
)
def test_constraints_that_no_figure_meets_are_refused(texts: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match="contradict"):
        Constraints.parse(texts, UNITS)


@given(
    st.sampled_from(["<=", "<", ">=", ">"]),
    st.floats(-1e6, 1e6),
    st.floats(-1e6, 1e6),
)
def test_a_violation_is_there_exactly_if_the_sentence_is_false(
    sign: str, limit: float, value: float
) -> None:
    found = Constraint.parse(f"params{sign}{limit!r}", UNITS)
    truth = {
        "<=": value <= limit,
        "<": value < limit,
        ">=": value >= limit,
        ">": value > limit,
    }[sign]
    assert (found.violation(value) == 0) is truth


def test_a_violation_is_relative_to_the_limit() -> None:
    limits = Constraints.parse(["params<=100", "latency<=2ms"], UNITS)
    assert limits.violation({"params": 150.0, "latency": 3.0}) == pytest.approx(0.5 + 0.5)
    assert limits.violation({"params": 150.0}) == pytest.approx(0.5)
    assert limits.violation({"params": math.nan}) == math.inf
    assert limits.refusal({"params": 150.0, "latency": 1.0}) == "infeasible: params<=100"
    assert limits.refusal({"params": 100.0, "latency": 2.0}) == ""
    lost = limits.refusal({"latency": math.nan})
    assert lost == "latency for latency<=2ms could not be measured: it has no value"
