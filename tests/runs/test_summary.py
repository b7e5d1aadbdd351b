"""What came out of a search, and the report of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from math import nan
from pathlib import Path

import pytest

from nas import SPACES, Trial
from nas.cli.build import build_metrics
from nas.ranking import by_score
from nas.runs.summary import Question, rendered, summarise
from tests.support.command_line import (
    Done,
    best,
    lines,
    named,
    nas,
    snapshot,
    told,
)

QUESTION = Question(
    "my space",
    "my proxy",
    "my strategy",
    "my batch",
    "score",
    seed=3,
    repeats=1,
    block=1,
    budget=9,
)
METRICS = build_metrics(["params", "flops"])


def made_trials() -> list[Trial]:
    """One good, one better, a copy of that, and one without a score."""
    figures = [(1.0, None, ""), (2.0, None, ""), (2.0, 1, ""), (nan, None, "why")]
    return [
        Trial(number, (number,) * 6, score, {"params": 10 + number, "flops": 2000}, 0.5, reason)
        if copy_of is None
        else Trial(number, (number,) * 6, score, {"params": 12, "flops": 2000}, 0.0, copy_of=1)
        for number, (score, copy_of, reason) in enumerate(figures)
    ]


def test_the_summary_is_what_the_history_says(run: tuple[Path, Done]) -> None:
    folder, done = run
    summary = best(folder)
    own = [line for line in lines(folder) if "copy_of" not in line]
    scored = [line for line in own if line["score"] is not None]
    reasons = Counter(line["reason"] for line in own if line["score"] is None)
    top = sorted(scored, key=lambda line: line["score"], reverse=True)[:10]
    assert len(scored) > 10
    assert len(own) < 60
    assert reasons
    described = [
        {
            "arch": named(line["arch"]),
            "tuple": line["arch"],
            "score": line["score"],
            **line["metrics"],
            "trial": line["number"],
        }
        for line in top
    ]
    assert summary["top"] == described
    assert {key: summary[key] for key in described[0]} == described[0]
    assert summary["trials"] == {
        "total": 60,
        "used": 60,
        "scored": len(scored),
        "repeated": 60 - len(own),
        "no_score": reasons.total(),
        "reasons": dict(reasons),
    }
    seconds = sum(line["seconds"] for line in lines(folder))
    assert summary["seconds"] == pytest.approx(seconds, abs=1e-3)
    assert summary["trials_per_second"] == pytest.approx(60 / seconds, rel=0.01)

    row = r"^ +(\S+) +([\d,]+) +([\d,]+)  (\|\S+)$"
    assert re.findall(row, done.out, re.MULTILINE) == [
        (f"{one['score']:.6g}", f"{one['params']:,}", f"{one['flops']:,}", one["arch"])
        for one in described
    ]
    winner = described[0]
    for shown in (
        rf"best +{re.escape(winner['arch'])}",
        rf"tuple +{re.escape(str(tuple(winner['tuple'])))}",
        rf"score +{winner['score']:.6g} +\(trial {winner['trial']}\)",
        rf"params +{winner['params']:,}",
        rf"FLOPs +{winner['flops']:,} .*",
        rf"trials +{len(scored)} scored, {60 - len(own)} repeated, {reasons.total()} without.*",
        *(rf" +{count} × {re.escape(reason)}" for reason, count in reasons.items()),
    ):
        assert re.search(f"^{shown}$", done.out, re.MULTILINE), shown


def test_a_report_is_what_the_search_printed_and_writes_nothing(run: tuple[Path, Done]) -> None:
    folder, done = run
    before = snapshot(folder)
    text, as_json = nas("report", folder), nas("report", folder, "json=true")
    assert snapshot(folder) == before
    assert text.code == as_json.code == 0
    assert text.err == as_json.err == ""
    assert told(text.out) == told(done.out)
    assert as_json.out.count("\n") == 1
    assert json.loads(as_json.out) == best(folder)


def test_a_summary_of_trials_that_were_made_up() -> None:
    summary = summarise(made_trials(), SPACES.build("nasbench201"), by_score, [*METRICS], QUESTION)
    assert (summary["tuple"], summary["score"], summary["trial"]) == ([1] * 6, 2.0, 1)
    assert [row["trial"] for row in summary["top"]] == [1, 0]
    assert summary["trials"] == {
        "total": 4,
        "used": 4,
        "scored": 2,
        "repeated": 1,
        "no_score": 1,
        "reasons": {"why": 1},
    }
    assert (summary["seconds"], summary["trials_per_second"]) == (1.5, 2.67)
    text = rendered(summary, METRICS)
    assert text.startswith(
        "4 of 9 trials · space my space · proxy my proxy · strategy my strategy"
    )
    for line in ("score   2   (trial 1)", "params  11", "        1 × why"):
        assert line in text.splitlines()


def test_a_summary_without_a_score() -> None:
    summary = summarise(
        made_trials()[3:], SPACES.build("nasbench201"), by_score, [*METRICS], QUESTION
    )
    assert (summary["arch"], summary["tuple"], summary["score"]) == (None, None, None)
    assert "best" not in rendered(summary, METRICS)
