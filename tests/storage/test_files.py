"""Files that are replaced in one step, and folders that one process works in."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from nas import UsageError
from nas.storage.files import replace_file, working_in
from tests.support.command_line import full_beyond, snapshot

HOLD = """
import sys
from pathlib import Path
from nas.storage.files import working_in
with working_in(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.read()
"""
"""Works in a folder until its input ends."""


# replace_file


@pytest.mark.parametrize("content", ["räume\n", b"\x00\xff", ""])
def test_a_file_is_what_was_written(content: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for _ in range(2):
        replace_file(path, content)
        written = content if isinstance(content, bytes) else content.encode()
        assert path.read_bytes() == written
        assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_shorter_file_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "a"
    replace_file(path, "x" * 1000)
    replace_file(path, "y")
    assert path.read_text() == "y"


def test_a_reader_sees_the_old_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the one step the old one is whole, and the new one is whole beside it."""
    path, seen = tmp_path / "a", list[tuple[str, str]]()
    replace_file(path, "old")
    step = Path.replace

    def watched(draft: Path, target: Path) -> Path:
        seen.append((target.read_text(), draft.read_text()))
        return step(draft, target)

    monkeypatch.setattr(Path, "replace", watched)
    replace_file(path, "new")
    assert seen == [("old", "new")]
    assert path.read_text() == "new"


def test_who_has_the_old_file_open_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "a"
    replace_file(path, "old")
    with path.open() as file:
        replace_file(path, "new")
        assert file.read() == "old"


@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk_leaves_the_old_file_and_no_draft(there: bool, tmp_path: Path) -> None:
    path = tmp_path / "a"
    if there:
        replace_file(path, "old")
    before = snapshot(tmp_path)
    with (
        full_beyond(100),
        pytest.raises(UsageError, match=rf"^{tmp_path} cannot be written to: File too large$"),
    ):
        replace_file(path, "x" * 1000)
    assert snapshot(tmp_path) == before


def test_a_step_that_fails_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "a" / "kept").mkdir(parents=True)
    before = snapshot(tmp_path)
    with pytest.raises(UsageError, match="cannot be written to"):
        replace_file(tmp_path / "a", "no folder")
    assert snapshot(tmp_path) == before


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"^{tmp_path}/none cannot be written to: No such file"):
        replace_file(tmp_path / "none" / "a", "x")


# working_in


def test_the_folder_and_those_above_it_are_made_and_stay(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    with working_in(folder):
        assert folder.is_dir()
        assert not snapshot(folder)  # the lock is no file
    assert folder.is_dir()
    assert not snapshot(folder)


def test_if_nothing_comes_of_it_what_was_made_goes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(KeyboardInterrupt), working_in(tmp_path / "a" / "b" / "c"):
        raise KeyboardInterrupt
    assert list(tmp_path.rglob("*")) == [tmp_path / "a"]


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), working_in(tmp_path):
        raise ZeroDivisionError
    assert tmp_path.is_dir()


def test_what_has_something_in_it_stays(tmp_path: Path) -> None:
    with suppress(ZeroDivisionError), working_in(tmp_path / "a" / "b"):
        (tmp_path / "a" / "kept").touch()
        raise ZeroDivisionError
    assert {path.name for path in tmp_path.rglob("*")} == {"a", "kept"}


def enter(folder: Path) -> None:
    """Work in a folder, and do nothing there."""
    with working_in(folder):
        pass


def test_a_folder_is_for_one(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    with working_in(folder):
        with pytest.raises(UsageError, match=rf"^another process is working in {folder}$"):
            enter(folder)
        assert folder.is_dir()
        enter(folder / "b")  # others are others
        enter(tmp_path)
    enter(folder)  # it was let go


@pytest.mark.parametrize("killed", [True, False])
def test_another_process_keeps_it_until_it_ends(killed: bool, tmp_path: Path) -> None:
    command, pipe = [sys.executable, "-c", HOLD, str(tmp_path)], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        with pytest.raises(UsageError, match="another process is working"):
            enter(tmp_path)
        if killed:
            process.kill()
        process.communicate()
    enter(tmp_path)


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("kept")
    with pytest.raises(UsageError, match=rf"^out={tmp_path}/a is no folder$"):
        enter(tmp_path / "a")
    with pytest.raises(UsageError, match=rf"^{tmp_path}/a/b cannot be written to: Not a dir"):
        enter(tmp_path / "a" / "b")
    assert (tmp_path / "a").read_text() == "kept"


def test_a_folder_that_cannot_be_made_is_named() -> None:
    with pytest.raises(UsageError, match=r"^/proc/none/a cannot be written to: No such file"):
        enter(Path("/proc/none/a"))
