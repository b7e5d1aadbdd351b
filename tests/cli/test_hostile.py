"""Arguments and configs that run code, or that no option can take: one sentence, nothing done."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.support.command_line import SMALL, check_mistake, nas, snapshot

LARGE = 2**63
LONG = "a" * 300
MISTAKES: list[tuple[list[str], str]] = [
    *[
        ([command, *words], "runs what a file says")
        for command in ("search", "report", "list", "score")
        for words in (
            ["--experimental-rerun", "x.pickle"],
            ["--experimental-rerun=x.pickle"],
            ["--experimental-re", "x.pickle"],
            ["--exp=x.pickle"],
        )
    ],
    (["search", "--resolve"], "--resolve goes with --cfg"),
    (["convert", "x", "-sc"], "-sc is for a shell"),
    (["search", "-m", "--cfg", "job"], "do not go together"),
    (["search", "~space=0.1"], "'~space=0.1'"),
    (["list", f"~json={'1' * 4000}"], "4000 digits"),
    (["list", f"~json={'1' * 5000}"], "5000 digits"),
    (["search", "out=a\0b"], "NUL"),
    (["search", "out=a\ud800b"], "UTF-8"),
    (["report", "a\0b"], "NUL"),
    (["search", "-m", "hydra.launcher._target_=os.system", "seed=1,2"], "names code"),
    (["search", "hydra/callbacks=x"], "names code"),
    (["search", "+hydra.callbacks.x._target_=os.system"], "names code"),
    (["search", "+hydra.callbacks={x: {'_target_': os.system}}"], "names code"),
    (["search", "+hydra={callbacks: {x: {_target_: os.system}}}"], "names code"),
    (["search", "+proxy={_target_: os.system}"], "names code"),
    (["search", "hydra.job_logging.handlers={a: {class: os.system}}"], "names code"),
    (["search", "hydra.searchpath=[pkg://antigravity]"], "names a package"),
    (["list", "hydra.mode=MULTIRUN"], "-m runs several searches"),
    (["list", "--config-dir", LONG], "is no folder"),
    (["search", "out=~nobody1/x"], "out=~nobody1/x names the home"),
    (["search", "batch=images", "batch.path=~nobody1/x"], "names the home"),
    (["compare", "table=~nobody1/x"], "table=~nobody1/x names the home"),
    (["list", "data_dir=~nobody1/x"], "data_dir=~nobody1/x names the home"),
    (["score", "archs=~nobody1/x"], "archs=~nobody1/x names the home"),
    (["convert", "~nobody1/x"], "~nobody1/x names the home"),
    (["convert", "~nobody1/x.csv"], "~nobody1/x.csv names the home"),
    (["report", "~nobody1/x"], "~nobody1/x names the home"),
    (["new", "space", "mine", "out=~nobody1/x"], "names the home"),
    (["report", LONG], "File name too long"),
    (["convert", LONG], "File name too long"),
    (["compare", f"table={LONG}"], "File name too long"),
    (["list", f"data_dir={LONG}"], "File name too long"),
    (["new", "space", "mine", f"out={LONG}"], "File name too long"),
    (["score", f"archs={LONG}"], "File name too long"),
    (["search", f"batch.size={LARGE}"], "is too large"),
    (["search", f"batch.size={LARGE // 2}"], "not enough memory"),
    (["search", f"space.resolution={LARGE}"], "is too large"),
    (["search", f"space.classes={LARGE}"], "is too large"),
    (["search", f"seed={LARGE}"], "is too large"),
    (["search", f"budget={LARGE}"], "is too large"),
    (["compare", f"sample={LARGE}"], "is too large"),
]


@pytest.mark.parametrize(("argv", "fragment"), MISTAKES)
def test_it_is_one_sentence_and_nothing_is_written(
    argv: list[str], fragment: str, here: Path
) -> None:
    check_mistake(nas(*argv), [fragment])
    assert not snapshot(here)


CONFIGS: list[tuple[bytes, str]] = [
    (b"name: mine\na: &a [*a]\n", "alias or an anchor"),
    (b"name: mine\ndefaults: 5\n", "defaults: 5"),
    (b"name: mine\xff\n", "cannot be read"),
    (b"name: mine\na: " + b"[" * 900 + b"]" * 900, "nested deeper"),
    (b"# @package hydra.callbacks.x\n_target_: os.system\ncommand: touch code\n", "names code"),
    (b"# @package hydra.launcher\n_target_: os.system\n", "names code"),
    (
        b"# @package hydra.job_logging\nhandlers: {a: {class: os.system, command: touch code}}\n",
        "has handlers",
    ),
]


@pytest.mark.parametrize(("content", "fragment"), CONFIGS)
@pytest.mark.parametrize("sweep", [["seed=1"], ["-m", "seed=1,2"]])
def test_a_config_of_others_runs_no_code(
    content: bytes, fragment: str, sweep: list[str], here: Path
) -> None:
    (here / "configs" / "space").mkdir(parents=True)
    (here / "configs" / "space" / "mine.yaml").write_bytes(content)
    before = snapshot(here)
    check_mistake(nas("search", *sweep, "--config-dir", "configs", "space=mine"), [fragment])
    assert snapshot(here) == before


def test_numba_with_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise ValueError("Number of threads specified must be > 0.")

    class Refusing:
        """As Numba is, when it is imported with such a setting."""

        def __getattr__(self, name: str) -> None:
            refuse()

    monkeypatch.setitem(sys.modules, "numba", Refusing())
    done = nas("search", *SMALL, "budget=3", "out=run")
    assert done.code == 2
    *_, sentence = done.err.splitlines()
    assert sentence.startswith(
        "nas: Numba cannot be used: Number of threads specified must be > 0."
    )


def test_a_current_folder_that_is_gone(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "gone").mkdir()
    monkeypatch.chdir(here / "gone")
    shutil.rmtree(here / "gone")
    for command in ("search", "list", "report", "new"):
        check_mistake(nas(command), ["the current folder is not there any more"])
