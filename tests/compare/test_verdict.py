"""The verdict in words: which proxy is called the best, and where the words are careful."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nas.compare.text import glued, told
from nas.compare.verdict import board_verdict, brief, rated, share, verdict

WHERE = "On t (acc, 100 architectures)"


def figure(value: float | None, low: float | None = None, high: float | None = None) -> Any:
    return {"value": value, "low": low, "high": high}


def row(name: str, rho: float | None, behind: Any = None, scored: int = 100, **more: Any) -> Any:
    """A row as `compare` gives it, with what a verdict reads."""
    ends = (None, None) if rho is None else (round(rho - 0.05, 3), round(rho + 0.05, 3))
    nothing = figure(None)
    return {
        "proxy": name,
        "coverage": scored / 100,
        "scored": scored,
        "spearman": {"last": figure(rho, *ends), "dropped": nothing},
        "difference": {"to": "params", "spearman": {"last": nothing, "dropped": nothing}},
        "behind": None if behind is None else {"best": "", **behind},
        "best_of": {"1": {"mean": 3.0, "sd": 1.0}},
        **more,
    }


BEST = figure(0.0, 0.0, 0.0)
SURE, MAYBE = figure(0.15, 0.13, 0.17), figure(0.02, -0.01, 0.05)


def result(*rows: Any, **more: Any) -> dict[str, Any]:
    truth = {"target": "acc", "mean": 2.0, "sd": 0.5, "best_of": {"1": {"mean": 3.0, "sd": 1.0}}}
    whole = {"n": 100, "table": "t", "truth": truth, "baselines": ["params", "flops"]}
    return {**whole, "rows": list(rows), **more}


def test_the_best_is_surely_better() -> None:
    found = verdict(result(row("meco", 0.9, BEST), row("params", 0.75, SURE)))
    assert found == (
        f"{WHERE} meco ranks best: ρ .90 [.85, .95], better than params by .15 [.13, .17]."
    )


def test_what_cannot_be_told_apart_is_named_and_counted() -> None:
    near = [row(f"p{place}", 0.88, MAYBE) for place in range(5)]
    found = verdict(result(row("meco", 0.9, BEST), row("params", 0.75, SURE), *near))
    assert "meco ranks best: ρ .90 [.85, .95], but cannot be told apart from" in found
    assert "p0 (.88), p1 (.88), p2 (.88) and 2 more, better than params by .15" in found
    found = verdict(result(row("meco", 0.9, BEST), row("params", 0.88, MAYBE)))
    assert found.endswith("ρ .90 [.85, .95], but cannot be told apart from params (.88).")
    unknown = figure(0.3)  # a resample without a value: then there is no interval
    found = verdict(result(row("meco", 0.9, BEST), row("params", 0.6, unknown)))
    assert "cannot be told apart from params (.60)" in found


def test_nothing_is_better_than_a_baseline() -> None:
    found = verdict(result(row("a", 0.7, SURE), row("params", 0.85, BEST), row("b", 0.6, SURE)))
    assert found == (
        f"{WHERE} no proxy ranks better than params, a baseline: ρ .85 [.80, .90]. The best of "
        "the others, a, has ρ .70 [.65, .75], worse by .15 [.13, .17]."
    )
    rows = [row("a", 0.83, MAYBE), row("params", 0.85, BEST), row("b", 0.6, SURE)]
    assert verdict(result(*rows)).endswith("[.80, .90]. a (.83) cannot be told apart from it.")
    rows = [row("a", 0.85, BEST), row("params", 0.85, BEST), row("b", 0.6, SURE)]
    assert "a and params rank alike, and best: ρ .85 [.80, .90]." in verdict(result(*rows))
    rows = [row("params", 0.85, BEST), row("a", 0.85, BEST), row("b", 0.6, SURE)]
    assert "[.80, .90]. a is exactly as good." in verdict(result(*rows))


@pytest.mark.parametrize(
    ("behind", "words"),
    [
        (SURE, ": it is worse than params (.85) by .15 [.13, .17]."),
        (MAYBE, ": it cannot be told apart from params (.85)."),
        (BEST, ", exactly as params (.85)."),
    ],
)
def test_one_proxy_is_compared_with_the_baseline(behind: Any, words: str) -> None:
    found = verdict(result(row("params", 0.85, BEST), row("a", 0.7, behind)))
    assert found == f"{WHERE} a has ρ .70 [.65, .75]{words}"


def test_one_alone_the_wrong_way_and_by_chance() -> None:
    alone = verdict(result(row("a", 0.7, BEST), baselines=[]))
    assert alone == f"{WHERE} a has ρ .70 [.65, .75]; nothing else is compared."
    wrong = verdict(result(row("a", -0.3, BEST), row("params", -0.5, SURE)))
    assert wrong == f"{WHERE} no proxy ranks the right way round: a has ρ −.30 [−.35, −.25]."
    chance = verdict(result(row("a", 0.03, BEST), row("params", -0.5, SURE)))
    assert chance.endswith("[.13, .17]; a random order could be as good.")


def test_what_has_no_score_is_told() -> None:
    rows = [
        row("a", 0.9, BEST),
        row("params", 0.5, SURE),
        *(row(f"p{scored}", 0.4, SURE, scored) for scored in (59, 80, 70, 90)),
        row("few", 0.1, SURE, 4),
        row("none", None, None, 0),
        row("flat", None, undefined="the score is constant, 7"),
    ]
    found = verdict(result(*rows, left_out={"broken": "why"}))
    for sentence in (
        "p59 has no score for 41 %, p70 for 30 %, p80 for 20 % and 1 more for less.",
        "few has a score for 4 only.",
        "none has no score at all.",
        "flat has no correlation: the score is constant, 7.",
        "broken failed and is left out.",
    ):
        assert sentence in found
    nothing = verdict(result(row("a", None, None, 0), row("params", None, None, 0)))
    assert (
        nothing == f"{WHERE} no proxy has a rank correlation. a and params have no score at all."
    )


def test_a_proxy_that_is_better_where_it_scores_is_named() -> None:
    scored = {"last": figure(-0.3, -0.4, -0.2), "dropped": figure(0.07, 0.01, 0.13)}
    own = {"difference": {"to": "params", "spearman": scored}}
    rows = [row("params", 0.85, BEST), row("a", 0.5, SURE, 60, **own), row("b", 0.4, SURE)]
    found = verdict(result(*rows))
    assert "Over the 60 % that it scores, a is better than params by .07 [.01, .13]." in found
    both = {"last": figure(0.3, 0.2, 0.4), "dropped": figure(0.07, 0.01, 0.13)}
    rows[1] = row("a", 0.5, SURE, 60, difference={"to": "params", "spearman": both})
    assert "Over the" not in verdict(result(*rows))


def test_without_true_figures_none_is_better() -> None:
    agreed = {
        "proxies": ["a", "b", "c"],
        "spearman": [[1, 0.5, None], [0.5, 1, 0.2], [None, 0.2, 1]],
    }
    whole = {"n": 100, "rows": [row("a", None), row("b", None)], "agreement": agreed}
    found = verdict(whole)
    assert found == (
        "Without true figures no proxy can be called better than another; a and b agree most: ρ "
        ".50."
    )


def test_an_old_result_gets_intervals_that_are_too_wide() -> None:
    less = {"last": figure(-0.2, -0.3, -0.1), "dropped": figure(None)}
    rows = [
        row("params", 0.8),
        row("a", 0.6, difference={"to": "params", "spearman": less}),
        row("same", 0.8),
    ]
    for each in rows:
        del each["behind"]
    found = rated(result(*rows))
    behind = [each["behind"] for each in found["rows"]]
    assert behind[1] == {"best": "params", "value": 0.2, "low": 0.1, "high": 0.3}
    assert behind[2] == {"best": "params", "value": 0.0, "low": 0.0, "high": 0.0}
    rows[1]["difference"]["to"] = "same"
    wide = rated(result(*rows))["rows"][1]["behind"]
    ends = [wide[key] for key in ("value", "low", "high")]
    assert ends == pytest.approx([0.2, 0.1, 0.3])
    assert found["rows"][0]["best_of"]["1"] == {"mean": 2.0, "sd": 0.5}  # one at random
    assert found["truth"]["best_of"]["1"] == {"mean": 2.0, "sd": 0.5}


def test_a_leaderboard_in_words() -> None:
    def cell(space: str, proxy: str, rank: float | None, rho: float | None) -> dict[str, Any]:
        return {"space": space, "proxy": proxy, "rank": rank, "rho_all": figure(rho)}

    rows = [cell("s", "a", 1, 0.9), cell("s", "b", 2, 0.5), cell("u", "a", 2, 0.4)]
    rows += [cell("u", "b", 1, 0.6), cell("v", "a", 1, 0.7), cell("v", "b", 2, None)]
    rows += [cell("w", "a", None, None), cell("w", "b", None, None)]
    ranks = [{"proxy": "a", "mean_rank": 4 / 3}, {"proxy": "b", "mean_rank": 5 / 3}]
    assert board_verdict({"rows": rows, "proxies": ranks}) == (
        "Over 3 spaces with true figures, a ranks best: mean rank 1.33 of 2, the best in 2 of "
        "them, with ρ from .40 to .90. b follows with 1.67."
    )
    ranks = [{"proxy": "a", "mean_rank": 1.5}, {"proxy": "b", "mean_rank": 1.5}]
    assert "a and b rank best: mean rank 1.5 of 2." in board_verdict(
        {"rows": rows, "proxies": ranks}
    )
    none = board_verdict({"rows": rows[-2:], "proxies": [{"proxy": "a", "mean_rank": None}]})
    assert none == "No space has true figures, so no proxy can be called better than another."


def test_numbers_are_short_and_stay_in_one_line() -> None:
    shown = [brief(value) for value in (0.904, -0.25, 1.0, 0.001, -0.001, 0.0, -1.0)]
    assert shown == [".90", "−.25", "1.00", "<.01", "−<.01", "0", "−1.00"]
    assert [share(part) for part in (0, 0.001, 0.41, 0.999, 1)] == [
        "0 %",
        "<1 %",
        "41 %",
        ">99 %",
        "100 %",
    ]
    text = "meco ranks best: ρ .90 [.89, .91], for 41 % of them "
    assert glued(text).count("\u00a0") == 4
    rng = np.random.default_rng(0)
    for _ in range(20):
        words = "".join(["x" * int(rng.integers(1, 9)) + " "] * 12)
        lines = told(words + text * 3).splitlines()
        assert all(len(line) < 100 for line in lines)
        assert all("ρ .90 [.89, .91]" in line for line in lines if "ρ" in line or ".91" in line)
