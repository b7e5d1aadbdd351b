"""The leaderboard over several spaces as data: ranks against a slow computation, CSV and text."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nas import UsageError
from nas.compare import heat_map
from nas.compare.leaderboard import as_csv, leaderboard, rendered

NAMES = ("a", "b", "c", "d")
RHO = st.none() | st.sampled_from([-0.5, 0.0, 0.25, 0.75])


def figure(value: float | None) -> dict[str, float | None]:
    return {"value": value, "low": None if value is None else value - 0.1, "high": None}


def row(name: str, rho: float | None, scored: int = 50, **more: Any) -> dict[str, Any]:
    """A row as `compare` gives it, with what a leaderboard reads."""
    return {
        "proxy": name,
        "coverage": scored / 100,
        "scored": scored,
        "seconds_per_arch": 0.25,
        "reasons": {"too wide": 60, "too deep": 40} if not scored else {},
        "spearman": {"last": figure(rho), "dropped": figure(0.5)},
        "ndcg": {"of": 64, "last": figure(0.9)},
        "favourite": {"rank": 7} if scored else None,
        **more,
    }


def result(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"rows": list(rows), "n": 100, "table": "t", "target": "acc", **more}


def board_of(rhos: list[list[float | None]]) -> dict[str, Any]:
    return leaderboard(
        {
            f"space{place}": result(*(row(name, rho) for name, rho in zip(NAMES, each)))  # noqa: B905
            for place, each in enumerate(rhos)
        }
    )


def slow_rank(values: list[float], place: int) -> float:
    """1 for the best; the mean of the places that equal values take."""
    better = sum(value > values[place] for value in values)
    equal = sum(value == values[place] for value in values)
    return fmean(range(better + 1, better + equal + 1))


@given(rhos=st.lists(st.lists(RHO, min_size=4, max_size=4), min_size=1, max_size=4))
def test_ranks_are_means_over_the_spaces(rhos: list[list[float | None]]) -> None:
    board = board_of(rhos)
    counted = [each for each in rhos if any(rho is not None for rho in each)]
    filled = [[-9.0 if rho is None else rho for rho in each] for each in counted]
    means = {
        name: fmean(slow_rank(each, place) for each in filled) if filled else None
        for place, name in enumerate(NAMES)
    }
    found = {each["proxy"]: each["mean_rank"] for each in board["proxies"]}
    assert found == (pytest.approx(means) if filled else means)
    ordered = [each["mean_rank"] for each in board["proxies"]]
    assert not filled or ordered == sorted(ordered)
    rows = {(each["space"], each["proxy"]): each for each in board["rows"]}
    assert len(rows) == 4 * len(rhos)
    for space, each in enumerate(rhos):
        for name, rho in zip(NAMES, each, strict=True):
            one = rows[f"space{space}", name]
            assert one["rho_all"]["value"] == rho
            assert (one["rank"] is None) == (each not in counted)
            assert ("reason" in one) == (rho is None)
    json.dumps(board, allow_nan=False)


def test_what_has_no_figure_is_last_and_says_why() -> None:
    board = leaderboard(
        {
            "one": result(
                row("a", 0.5),
                row("b", None, scored=0),
                row("c", None, undefined="the score is constant, 7"),
                left_out={"d": "it looks at ReLUs"},
            ),
            "two": result(*(row(name, 0.1 * place) for place, name in enumerate(NAMES))),
            "none": {"rows": [{k: v for k, v in row("a", 0.0).items() if k in PLAIN}], "n": 30},
            "broken": {"rows": [], "left_out": dict.fromkeys(NAMES, "it cannot be built")},
        }
    )
    rows = {(each["space"], each["proxy"]): each for each in board["rows"]}
    reasons = {key: each["reason"] for key, each in rows.items() if "reason" in each}
    assert reasons == {
        ("one", "b"): "too wide",
        ("one", "c"): "the score is constant, 7",
        ("one", "d"): "it looks at ReLUs",
        ("none", "a"): "there is no table of true figures",
        **{("none", name): "it was not compared" for name in "bcd"},
        **{("broken", name): "it cannot be built" for name in NAMES},
    }
    assert [rows["one", name]["rank"] for name in NAMES] == [1, 3, 3, 3]
    assert [rows["two", name]["rank"] for name in NAMES] == [4, 3, 2, 1]
    assert {rows[space, name]["rank"] for space in ("none", "broken") for name in NAMES} == {None}
    assert board["proxies"] == [
        {"proxy": "d", "mean_rank": 2},
        *({"proxy": name, "mean_rank": 2.5} for name in "ac"),
        {"proxy": "b", "mean_rank": 3},
    ]
    assert rows["none", "a"]["coverage"] == 0.5
    assert rows["one", "d"]["favourite_rank"] is rows["one", "d"]["seconds_per_arch"] is None
    text = rendered(board)
    for line in (
        "none · 30 architectures · there is no table of true figures",
        "two · 100 architectures · acc of t",
        "b: no figure in one, too wide",
        "d: no figure in one, it looks at ReLUs",
        "no figure in none: there is no table of true figures",
    ):
        assert line in text.splitlines()


PLAIN = ("proxy", "coverage", "scored", "seconds_per_arch", "reasons", "notes")
"""The names in a row of a comparison without true figures."""


def test_the_csv_has_one_row_a_proxy_and_space() -> None:
    board = board_of([[0.5, None, 0.25, -0.5], [0.1, 0.2, 0.3, 0.4]])
    rows = list(csv.DictReader(as_csv(board).splitlines()))
    assert [(each["space"], each["proxy"]) for each in rows] == [
        (each["space"], each["proxy"]) for each in board["rows"]
    ]
    first = next(each for each in rows if each["proxy"] == "a" and each["space"] == "space0")
    assert first == {
        **{"proxy": "a", "space": "space0", "target": "acc", "n": "100", "mean_rank": "2.5"},
        **{"rank": "1.0", "rho_all": "0.5", "rho_all_low": "0.4", "rho_all_high": ""},
        **{"rho_scored": "0.5", "rho_scored_low": "0.4", "rho_scored_high": "", "reason": ""},
        **{"coverage": "0.5", "favourite_rank": "7", "ndcg": "0.9", "ndcg_low": "0.8"},
        **{"ndcg_high": "", "seconds_per_arch": "0.25", "fitted_to": ""},
    }
    lost = next(each for each in rows if each["proxy"] == "b" and each["space"] == "space0")
    assert (lost["rho_all"], lost["rank"]) == ("", "4.0")


def test_the_text_has_every_figure() -> None:
    text = rendered(board_of([[0.5, None, 0.25, -0.5], [0.1, 0.2, 0.3, 0.4]]))
    head = next(line for line in text.splitlines() if "mean rank " in line and "[" not in line)
    assert head.split() == ["proxy", "mean", "rank", "space0", "space1"]
    assert "  a           2.50   0.500   0.100" in text.splitlines()
    assert "  b           3.50       –   0.200" in text.splitlines()
    for word in ("ρ all", "ρ scored", "coverage", "favourite's rank", "nDCG@64", "s per arch"):
        assert text.count(word) == 2
    assert "50.0%" in text


def test_the_heat_map_is_in_the_order_of_the_mean_ranks(tmp_path: Path) -> None:
    board = board_of([[0.5, None, 0.25, -0.5], [0.1, 0.75, 0.25, None]])
    axes = heat_map.heat_map(board).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "c", "b", "d"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["space0", "space1"]
    texts = [text.get_text() for text in axes.texts]
    for number in ("0.50", "–", "0.25", "−0.50", "0.10", "0.75", "acc\nn = 100", "2.0", "2.5"):
        assert number in texts
    bold = [each.get_text() for each in axes.texts if each.get_fontweight() == "bold"]
    assert bold == ["0.50", "0.75"]
    heat_map.draw(board, tmp_path / "leaderboard.png")
    with Image.open(tmp_path / "leaderboard.png") as image:
        assert min(image.size) > 300
    with pytest.raises(UsageError, match="cannot be written to"):
        heat_map.draw(board, tmp_path / "nowhere" / "leaderboard.png")
