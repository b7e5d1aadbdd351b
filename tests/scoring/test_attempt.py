"""One failing architecture gives one trial without a score and never ends a search."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from torch import nn

from nas import PROXIES, SPACES, Arch, Candidate, NotApplicableError, Proxy, Space, UsageError
from nas.batch import Batch
from nas.scoring.attempt import reason
from tests.support.command_line import check_mistake, history, lines, nas

SMALL = ["batch.size=2", "device=cpu", "strategy=random"]
CELLS = [*SMALL, "space.channels=2", "space.cells=1", "space.resolution=8"]
pytestmark = pytest.mark.usefixtures("here")


class Third(Proxy):
    """The sum of the decisions; an error if it is divisible by three."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        if sum(candidate.arch) % 3 == 0:
            raise ArithmeticError(f"first line\nno {candidate.arch[0]}")
        return float(sum(candidate.arch))


class Never(Proxy):
    """An error, always the same."""

    def __init__(self, error: str = "ZeroDivisionError") -> None:
        self.error = error

    def score(self, candidate: Candidate, batch: Batch) -> float:
        errors = {
            "ZeroDivisionError": ZeroDivisionError("by zero"),
            "NotApplicableError": NotApplicableError("this proxy needs another model"),
            "MemoryError": MemoryError(),
            "CUDA": RuntimeError(f"CUDA out of memory. Tried {sum(candidate.arch)} GiB"),
            "SystemExit": SystemExit(3),
        }
        raise errors[self.error]


class Broken(Space):
    """Modules that cannot be built where the first decision is 1."""

    choices = (4, 9)
    inputs = (3,)

    def build(self, arch: Arch) -> nn.Module:
        if arch[0] == 1:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
        return nn.Linear(3, 1 + sum(arch))


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    """Plugins as a script would register them; gone again for other tests."""
    for registry in (PROXIES, SPACES):
        registry.load()
    PROXIES.register("third")(Third)
    PROXIES.register("never")(Never)
    SPACES.register("broken_space")(Broken)
    yield
    for name in ("third", "never"):
        del PROXIES._plugins[name]
    del SPACES._plugins["broken_space"]


@pytest.mark.long
def test_a_search_goes_on_and_names_what_failed() -> None:
    done = nas("search", "proxy=third", *CELLS, "budget=60", "out=run")
    assert done.code == 0, done.err
    failed = [line for line in lines(Path("run")) if line["score"] is None]
    assert 5 < len(failed) < 40
    for line in lines(Path("run")):
        assert (line["score"] is None) == (sum(line["arch"]) % 3 == 0)
        assert line.get("failed", False) == (line["score"] is None)
        assert line["metrics"]["params"] > 0
    for line in failed:
        assert line["reason"] == f"ArithmeticError: no {line['arch'][0]}"  # type and last line
    assert "× ArithmeticError: no 1" in done.out


@pytest.mark.long
def test_a_search_with_failures_is_resumed_to_the_same_history() -> None:
    argv = ["search", "proxy=third", *CELLS]
    assert nas(*argv, "budget=40", "out=whole").code == 0
    for budget in (7, 23, 40):
        assert nas(*argv, f"budget={budget}", "out=run").code == 0
    assert history(Path("run")) == history(Path("whole"))


@pytest.mark.long
def test_an_executor_does_not_matter() -> None:
    argv = ["search", "proxy=third", *CELLS, "budget=20", "block=5"]
    assert nas(*argv, "out=here").code == 0
    two = ["executor=processes", "executor.workers=1"]
    done = nas("search", "proxy=never", *CELLS, "budget=6", *two, "out=there")
    check = "ZeroDivisionError: by zero"
    assert done.code == 2
    assert check in done.err


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("ZeroDivisionError", "ZeroDivisionError: by zero"),
        ("NotApplicableError", "this proxy needs another model"),
        ("MemoryError", "there is not enough memory for it"),
        ("CUDA", "there is not enough memory for it"),
        ("SystemExit", "SystemExit: 3"),
    ],
)
def test_a_search_gives_up_where_the_first_all_fail_for_one_reason(
    error: str, sentence: str
) -> None:
    argv = ["search", "proxy=never", f"proxy.error={error}", *CELLS, "out=run"]
    done = nas(*argv, "budget=50", "give_up=4")
    assert done.code == 2
    assert done.out == ""
    assert f"nas: {sentence} (the first 4 architectures all fail so" in done.err
    assert "4/" not in done.err.splitlines()[-1]
    assert not Path("run").exists()  # nothing is left of it


@pytest.mark.long
def test_a_reason_that_differs_does_not_end_a_search() -> None:
    assert nas("search", "proxy=third", *CELLS, "budget=30", "give_up=5", "out=run").code == 0


def test_strict_ends_it_with_the_error_and_the_architecture() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        nas("search", "proxy=never", *CELLS, "budget=50", "strict=true", "out=run")
    (note,) = caught.value.__notes__
    assert note.startswith("While scoring |")
    assert note.endswith("by Never")
    assert not Path("run").exists()


@pytest.mark.long
def test_a_module_that_cannot_be_built_is_one_trial_without_score_and_metrics() -> None:
    argv = ["space=broken_space", "proxy=synflow", *SMALL]
    done = nas("search", *argv, "budget=30", "out=run")
    assert done.code == 0, done.err
    failed = [line for line in lines(Path("run")) if line["arch"][0] == 1]
    assert failed
    for line in failed:
        assert line["reason"].startswith("RuntimeError: mat1 and mat2")
        assert line["metrics"] == {"params": None, "flops": None}
        assert "params could not be measured (RuntimeError: mat1" in line["note"]
    assert nas("report", "run").code == 0


def test_a_comparison_goes_on_and_gives_up_likewise() -> None:
    argv = ["compare", *CELLS[:2], *CELLS[3:], "table=null", "sample=30", "pictures=false"]
    done = nas(*argv, "proxy=third", "out=kept")
    assert done.code == 0, done.err
    result = json.loads(Path("kept/compare.json").read_text())
    row = result["rows"][0]
    assert 0 < row["coverage"] < 1
    assert sum(row["reasons"].values()) == 30 - row["scored"]
    check = nas(*argv, "proxy=never", "out=lost", "give_up=3")
    assert check.code == 2
    assert "ZeroDivisionError: by zero (the first 3 architectures all fail so" in check.err
    assert not Path("lost").exists()


def test_scores_of_some_are_printed_and_of_none_are_an_error() -> None:
    cells = CELLS[:2] + CELLS[3:]
    done = nas("score", "proxy=third", *cells, "(0,0,0,0,0,3)", "(0,0,0,0,0,1)", "(0,0,0,0,1,2)")
    assert done.code == 0
    assert done.out.count("score    none: ArithmeticError: no 0") == 2
    assert done.out.count("score    1\n") == 1
    check_mistake(nas("score", "proxy=never", *cells, "(0,0,0,0,0,3)"), ["by zero"])


def test_reasons_in_one_line() -> None:
    assert reason(KeyError("a\nb")) == "KeyError: 'a\\nb'"
    assert reason(ValueError()) == "ValueError"
    assert reason(UsageError("one\nsentence")) == "one sentence"
    assert reason(RuntimeError("[enforce] can't allocate memory: 7")).startswith("there is not")
