"""A search's folder: what it survives, and which search may use it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.support.command_line import (
    FILES,
    RUN,
    SMALL,
    Done,
    check_mistake,
    full_beyond,
    history,
    lines,
    nas,
    paused,
    size,
    started,
)


@pytest.mark.parametrize("cut", ["the end of the last line", "half of it", "all but half a line"])
def test_a_torn_line_is_dropped(cut: str, run: tuple[Path, Done], here: Path) -> None:
    shutil.copytree(run[0], here / "torn")
    journal = here / "torn" / "history.jsonl"
    content = journal.read_bytes()
    keep = {"the": len(content) - 1, "half": len(content) - 40, "all": 50}[cut.split()[0]]
    journal.write_bytes(content[:keep])
    done = nas("search", *RUN, "out=torn")
    assert done.code == 0
    assert "the last line of torn/history.jsonl was torn and is left out" in done.err
    assert history(here / "torn") == history(run[0])


def test_a_finished_search_is_only_shown_again(run: tuple[Path, Done], here: Path) -> None:
    shutil.copytree(run[0], here / "again")
    done = nas("search", *RUN, "out=again")
    assert done.code == 0
    assert "going on in again after 60 trials" in done.err
    assert done.out.splitlines()[:-1] == run[1].out.splitlines()[:-1]
    assert lines(here / "again") == lines(run[0])


def test_a_search_goes_on_with_a_larger_budget(run: tuple[Path, Done], here: Path) -> None:
    assert nas("search", *RUN, "budget=25", "out=more").code == 0
    assert history(here / "more") == history(run[0])[:25]
    assert nas("search", *RUN, "out=more").code == 0
    assert history(here / "more") == history(run[0])
    assert json.loads(nas("report", "more", "json=true").out)["budget"] == 60


@pytest.mark.parametrize("file", ["config.yaml", "history.jsonl", "best.json"])
def test_a_full_disk(file: str, here: Path) -> None:
    argv = ["search", *SMALL, "finals=none", "proxy.underflow=none", "budget=12"]
    assert nas(*argv, "out=whole").code == 0
    kept = FILES - {"report.html"}  # a page that cannot be written is a note
    sizes = {name: size(here / "whole" / name) for name in kept}
    limit = {name: sizes[name] * 3 // 4 for name in kept}[file]
    assert {name for name in kept if sizes[name] > limit} == {
        "config.yaml": kept,
        "history.jsonl": {"history.jsonl", "best.json"},
        "best.json": {"best.json"},
    }[file]
    with full_beyond(limit):
        done = nas(*argv, "out=full")
    assert done.code == 2
    assert "Traceback" not in done.err
    *rest, sentence = done.err.splitlines()
    assert re.fullmatch(r"nas: full\S* cannot be written to: File too large", sentence)
    assert not any(line.startswith("nas:") for line in rest)
    if file == "config.yaml":
        assert not (here / "full").exists()
    else:
        left = {path.name for path in (here / "full").iterdir()}
        assert left == {"config.yaml", "history.jsonl"}
    assert nas(*argv, "out=full").code == 0
    assert history(here / "full") == history(here / "whole")
    assert {path.name for path in (here / "full").iterdir()} == FILES


@pytest.mark.long
def test_a_folder_is_for_one_process(here: Path) -> None:
    argv = [*SMALL, "strategy=random", "budget=1000000", "out=one"]
    with started("search", *argv, pause=(here / "one" / "history.jsonl", 1000)) as process:
        paused(process)
        check_mistake(nas("search", *argv), ["another process is working in one"])
        report = nas("report", "one")
        assert process.poll() is None
    assert report.code == 0
    total = re.match(r"(\d+) of 1000000 trials", report.out)
    assert total is not None
    assert 0 < int(total[1]) <= len((here / "one" / "history.jsonl").read_bytes().splitlines())


def stripped(folder: Path) -> list[str]:
    """The history's lines as they are written, without the seconds."""
    text = (folder / "history.jsonl").read_text()
    return [re.sub(r'"seconds":[^,]+,', "", line) for line in text.splitlines()]


def test_a_continued_history_is_the_same_to_the_byte(here: Path, run: tuple[Path, Done]) -> None:
    shutil.copytree(run[0], here / "cut")
    whole = (here / "cut" / "history.jsonl").read_bytes()
    (here / "cut" / "history.jsonl").write_bytes(whole[: len(whole) // 3])
    assert nas("search", *RUN, "out=cut").code == 0
    assert stripped(here / "cut") == stripped(run[0])


def test_changed_images_are_other_settings(here: Path) -> None:
    argv = [*SMALL, "batch=images", "batch.path=images.npy", "out=run", "strategy=random"]
    np.save(here / "images.npy", np.zeros((8, 8, 8, 3), np.uint8))
    np.save(here / "images.npy", np.arange(8 * 8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 8, 3))
    assert nas("search", *argv, "budget=30").code == 0
    np.save(here / "images.npy", np.ones((8, 8, 8, 3), np.uint8))
    done = nas("search", *argv, "budget=40")
    check_mistake(done, ["run holds a run with other settings: inputs_sha256 is"])
