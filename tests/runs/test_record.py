"""A run's config.yaml is as it was written, or refused; nothing in its folder hangs or is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import RUN, Done, check_mistake, nas, snapshot


@pytest.fixture
def folder(run: tuple[Path, Done], tmp_path: Path) -> Path:
    """A copy of a finished search."""
    path = tmp_path / "run"
    shutil.copytree(run[0], path)
    return path


EDITS: list[Callable[[str], str]] = [
    lambda text: text.replace("name: epsilon", "name: qarams"),
    lambda text: text.replace("budget: 60", "budget: 600"),
    lambda text: text.replace("  seed: 0\n", "", 1),
    lambda text: text.replace("format: 2\n", ""),
    lambda text: text[: text.index("check:")],
    lambda text: text.replace("seed: 0", "seed: 2024-01-01"),
    lambda text: text.replace("budget: 60", f"budget: {'9' * 40}"),
]


@pytest.mark.parametrize("edit", EDITS)
def test_a_config_that_was_edited_is_refused(edit: Callable[[str], str], folder: Path) -> None:
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    assert edit(text) != text
    config.write_text(edit(text), encoding="utf-8")
    before = snapshot(folder)
    for argv in (["report", folder], ["search", *RUN, f"out={folder}"]):
        check_mistake(nas(*argv), ["config.yaml is not as it was written"])
    assert snapshot(folder) == before


@pytest.mark.parametrize(
    "content",
    [
        "space: {name: [1]}",
        "space: {name: {a: b}}",
        "space: 5",
        "proxy: [1]",
        "metrics: [[1]]",
        "seed: 2024-01-01",
        f"seed: {'9' * 40}",
        "budget: !!binary x",
    ],
)
def test_a_strange_record_of_an_earlier_format_is_a_sentence(content: str, folder: Path) -> None:
    lines = (folder / "config.yaml").read_text(encoding="utf-8").splitlines()
    key = content.partition(":")[0]
    kept, inside = [], False
    for line in lines:
        inside = line.startswith(f"{key}:") or (inside and line.startswith((" ", "-")))
        if not inside and not line.startswith(("format:", "check:")):
            kept.append(line)
    (folder / "config.yaml").write_text("\n".join([*kept, content, ""]), encoding="utf-8")
    check_mistake(nas("report", folder), [])


@pytest.mark.parametrize("name", ["config.yaml", "history.jsonl"])
def test_a_pipe_in_place_of_a_file(name: str, folder: Path) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    for argv in (["report", folder], ["search", *RUN, f"out={folder}"]):
        check_mistake(nas(*argv), [f"{name}", "cannot be"])


def test_a_folder_in_place_of_the_result(folder: Path) -> None:
    (folder / "best.json").unlink()
    (folder / "best.json").mkdir()
    check_mistake(nas("search", *RUN, f"out={folder}"), ["best.json cannot be written to"])


def test_a_byte_order_mark_is_refused_and_stays(folder: Path) -> None:
    journal = folder / "history.jsonl"
    journal.write_bytes(b"\xef\xbb\xbf" + journal.read_bytes())
    before = snapshot(folder)
    for argv in (["report", folder], ["search", *RUN, f"out={folder}"]):
        check_mistake(nas(*argv), ["line 1 of"])
    assert snapshot(folder) == before


def test_a_finished_search_writes_nothing_again(folder: Path) -> None:
    """In a folder on a read-only file system, too."""
    nas("search", *RUN, f"out={folder}")  # the record has this folder's name now
    before = snapshot(folder)
    assert nas("search", *RUN, f"out={folder}").code == 0
    assert snapshot(folder) == before
