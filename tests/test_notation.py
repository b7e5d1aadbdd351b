"""Named decisions as text: for any options, reading a written text gives the architecture."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nas import notation

OPTION = st.one_of(
    st.integers(-5, 5),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=6),
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
)
DECISIONS = st.dictionaries(
    st.sampled_from(["depth", "width", "a", "b_1"]),
    st.lists(OPTION, min_size=1, max_size=4).map(tuple),
    min_size=1,
)


@given(DECISIONS, st.data())
def test_what_is_written_is_read_again(decisions: dict[str, Any], data: st.DataObject) -> None:
    try:
        notation.check(decisions)
    except TypeError:
        assume(False)
    arch = tuple(data.draw(st.integers(0, len(each) - 1)) for each in decisions.values())
    text = notation.written(decisions, arch)
    assert notation.parsed(decisions, text) == arch
    assert notation.parsed(decisions, json.dumps(notation.named(decisions, arch))) == arch


@given(DECISIONS, st.text(max_size=30))
def test_any_text_is_read_or_refused(decisions: dict[str, Any], text: str) -> None:
    with suppress(ValueError):
        assert len(notation.parsed(decisions, text)) == len(decisions)


@pytest.mark.parametrize(
    ("text", "arch"),
    [
        ("(1, 0)", (1, 0)),
        ("[1,0]", (1, 0)),
        ("1,0,", (1, 0)),
        ("-1", (-1,)),
        ("1 0", None),
        ("k3", None),
        ("", None),
    ],
)
def test_tuples(text: str, arch: tuple[int, ...] | None) -> None:
    assert notation.numbers(text) == arch


def test_an_option_of_the_same_value_in_json_is_found() -> None:
    decisions = {"rate": (1, 2), "on": (False, True)}
    assert notation.parsed(decisions, '{"rate": 2.0, "on": true}') == (1, 1)
    with pytest.raises(ValueError, match="on=1 must be one of false, true"):
        notation.parsed(decisions, '{"rate": 2, "on": 1}')
