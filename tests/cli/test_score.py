"""`nas score`: every notation, a file of them, and why there is no score."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

from tests.support.command_line import (
    SMALL,
    Done,
    check_mistake,
    lines,
    named,
    nas,
)


@pytest.mark.long
def test_score_takes_every_notation_and_agrees_with_the_search(run: tuple[Path, Done]) -> None:
    for line in [line for line in lines(run[0]) if "copy_of" not in line][:15]:
        arch = line["arch"]
        words = [named(arch), "json=true", str(tuple(arch)), *SMALL, ",".join(map(str, arch))]
        done = nas("score", *words)
        assert (done.code, done.err) == (0, "")
        figures = [json.loads(text) for text in done.out.splitlines()]
        assert len(figures) == 3
        for one in figures:
            assert one.pop("seconds") > 0
            assert list(one.items()) == [
                ("arch", named(arch)),
                ("tuple", arch),
                ("score", line["score"]),
                ("reason", line.get("reason")),
                ("params", line["metrics"]["params"]),
                ("flops", line["metrics"]["flops"]),
            ]


def test_score_says_why_there_is_none() -> None:
    done = nas("score", "(0, 0, 0, 0, 0, 0)", "json=true", *SMALL)
    figures = json.loads(done.out)
    assert list(figures) == ["arch", "tuple", "score", "reason", "params", "flops", "seconds"]
    assert figures["score"] is None
    assert figures["reason"] == "constant output"
    text = nas("score", "(0, 0, 0, 0, 0, 0)", *SMALL).out
    assert text.startswith(f"{figures['arch']}\n")
    assert re.search(r"^  score +none: constant output$", text, re.MULTILINE)
    assert re.search(rf"^  params +{figures['params']:,}$", text, re.MULTILINE)


def test_score_reads_a_file(here: Path) -> None:
    archs = [(1, 2, 3, 4, 0, 1), (3, 3, 3, 1, 1, 1), (1, 1, 1, 1, 1, 1)]
    (here / "archs").write_text(f"{archs[1]}\n\n  {named(archs[2])}  \n")
    done = nas("score", "1,2,3,4,0,1", "archs=archs", "json=true", *SMALL)
    figures = [json.loads(line) for line in done.out.splitlines()]
    assert [tuple(one["tuple"]) for one in figures] == archs
    for arch, one in zip(archs, figures, strict=True):
        text = nas("score", named(arch), *SMALL).out
        assert re.search(rf"^  score +{one['score']:.6g}$", text, re.MULTILINE)
        assert re.search(rf"^  FLOPs +{one['flops']:,} ", text, re.MULTILINE)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_architecture(here: Path, encoding: str) -> None:
    (here / "archs").write_text(f"{named((1, 2, 3, 4, 0, 1))}\r\n1,1,1,1,1,1\n", encoding=encoding)
    done = nas("score", "archs=archs", "json=true", *SMALL)
    assert done.code == 0, done.err
    assert done.out.count("\n") == 2


def test_a_device_names_no_architectures(here: Path) -> None:
    check_mistake(nas("score", "archs=/dev/zero", *SMALL), ["/dev/zero is a device or a pipe"])
    os.mkfifo(here / "pipe")
    check_mistake(nas("score", "archs=pipe", *SMALL), ["pipe is a device or a pipe"])


def test_a_tuple_is_said_to_be_a_published_cell() -> None:
    one, two = "|avg_pool_3x3~0|+|none~0|nor_conv_3x3~1|+", "|skip_connect~0|avg_pool_3x3~1|"
    text = f"{one}{two}nor_conv_3x3~2|"
    done = nas("score", "(4,0,3,1,4,3)", text, "naslib:(4,1,0,2,4,2)", "proxy=params")
    first, second, third = done.out.split("\n|")
    assert first.startswith(f"{text}\n  tuple    (4, 0, 3, 1, 4, 3)\n")
    assert "read as  a tuple has places in none, skip_connect, " in first
    assert "naslib:(…)" in first
    assert "read as" not in second + third
    assert third.splitlines()[1] == "  tuple    (4, 0, 3, 1, 4, 3)"


@pytest.mark.long
def test_a_proxy_that_fails_leaves_the_scores_of_others() -> None:
    arch = ["score", "space=nasbench201", "3,3,3,3,3,3", "batch.size=2", "device=cpu"]
    done = nas(*arch, "proxy=[snip,dss,nasgraph,training]")
    assert (done.code, done.err) == (0, "")
    assert "score    none: dss: dss looks at attention, and this model has none\n    s" in done.out
    assert re.search(r"^    snip  [\d.]+$", done.out, re.MULTILINE)
    assert re.search(r"^    dss  none$", done.out, re.MULTILINE)
    assert re.search(r"^    training  none: training needs labels", done.out, re.MULTILINE)
    done = nas(*arch, "proxy=[snip,dss]", "json=true")
    figures = json.loads(done.out)
    assert figures["scores"]["snip"] > 0
    assert figures["reasons"] == {"dss": "dss looks at attention, and this model has none"}
    check_mistake(nas(*arch, "proxy=[dss,training]"), "dss looks at attention")


def test_a_combination_has_the_ranks_among_the_given_in_place_of_a_sum() -> None:
    cells = ("(0,1,2,3,4,1)", "(3,3,3,3,3,3)", "(1,3,1,0,2,3)")
    argv = [*SMALL, "proxy=[epsilon,params,l2_norm]", "ranking=rank_sum", "json=true"]
    argv = [*argv, "ranking.weights={params: 2}"]

    def found(*words: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in nas("score", *words).out.splitlines()]

    last = found(*cells, *argv, "ranking.missing=last")
    table = np.array([[*each["scores"].values()] for each in last], float)
    assert np.isnan(table[:, 0]).any()
    ranks = rankdata(np.where(np.isnan(table), -np.inf, table), axis=0) / 3
    assert [each["score"] for each in last] == pytest.approx(
        (np.log(ranks) * [1, 2, 1]).sum(axis=1)
    )
    out = found(*cells, *argv)
    assert [each["score"] is None for each in out] == [*np.isnan(table[:, 0])]
    (alone,) = found(cells[0], *argv)
    assert alone["score"] is None
    assert "several architectures" in alone["reason"]
    text = nas("score", *cells, *argv, "json=false", "ranking.missing=last").out
    assert text.count("(rank_sum among these architectures)") == 3
