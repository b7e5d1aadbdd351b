"""Ranges, counts and fronts of charts against what is computed by hand."""

from __future__ import annotations

from math import inf, nan
from random import Random

import pytest

from nas.report.numbers import histogram, kind, outside, span, thinned, undominated
from nas.report.tables import written
from nas.report.words import duration, limit, listed, ordinal, short


def test_a_few_far_values_do_not_stretch_an_axis() -> None:
    rng = Random(0)
    near = [rng.uniform(90, 95) for _ in range(100)]
    assert span(near) is None
    ends = span([*near, 10.0, 11.0])
    assert ends is not None
    assert 80 < ends[0] < 90
    assert 94 < ends[1] < 96
    assert outside([*near, 10.0, 11.0], ends) == 2
    assert span([*near, 10.0], low=False) is None
    assert span([1.0, 1e9]) is None  # of so few none is far


def test_a_histogram_counts_every_value_once() -> None:
    rng = Random(1)
    values = [rng.gauss(0, 1) for _ in range(500)] + [-1e6, nan, inf]
    found = histogram(values)
    assert sum(found["architectures"]) == 501
    assert found["from"][1:] == found["to"][:-1]
    assert found["from"][0] > -100


def test_the_front_is_what_no_cheaper_one_beats() -> None:
    rng = Random(2)
    costs = [float(rng.randrange(20)) for _ in range(60)]
    values = [float(rng.randrange(20)) for _ in range(60)]
    places = range(60)
    beaten = {
        one
        for one in places
        for other in places
        if costs[other] <= costs[one]
        and values[other] >= values[one]
        and (costs[other], values[other]) != (costs[one], values[one])
    }
    expected = {(costs[place], values[place]) for place in places if place not in beaten}
    found = undominated(costs, values)
    assert {(costs[place], values[place]) for place in found} == expected
    assert len(found) == len(expected)
    assert [costs[place] for place in found] == sorted(costs[place] for place in found)
    assert undominated([nan, 1.0], [5.0, 1.0]) == [1]


def test_positive_values_of_very_different_sizes_are_on_a_logarithmic_axis() -> None:
    assert kind([1.0, 1000.0, nan]) == "log"
    assert kind([1.0, 2.0]) == kind([0.0, 1000.0]) == kind([]) == "linear"


def test_a_part_of_a_cloud_keeps_what_matters() -> None:
    found = thinned(range(10_000), [7, 9_999], 100)
    assert 100 <= len(found) <= 102
    assert {7, 9_999} <= {*found}
    assert thinned(range(5), [], 100) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (nan, "–"),
        (-inf, "−∞"),
        (-1234.5, "−1,234.5"),
        (0.123456789, "0.123457"),
        (1_070_122.0, "1,070,122"),
        (7, "7"),
    ],
)
def test_numbers_are_written_for_readers(value: float | None, text: str) -> None:
    assert written(value) == text


def test_words() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 112)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th")
    ]
    assert [short(n) for n in (999, 15_310, 1_070_122, 2.5e9, None)] == [
        *("999", "15.3 k", "1.07 M", "2.5 G", "–")
    ]
    assert [duration(s) for s in (1.234, 300, 7300)] == ["1.23 s", "5 min", "2.03 h"]
    assert listed(["a", "<b>", "c"]) == "a, &lt;b&gt; and c"
    assert limit("params<=2M") == "<code>params ≤ 2M</code>"
