"""A system in another encoding, and a folder on a read-only file system."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.command_line import SMALL, nas, snapshot

NAS = [sys.executable, "-m", "nas"]
SEARCH = ["search", "proxy=params", *SMALL, "finals=none", "out=run"]


def in_latin1(folder: Path) -> dict[str, str]:
    """An environment under ISO-8859-1, or a test that is skipped where none can be made."""
    if not shutil.which("localedef"):
        pytest.skip("no localedef")
    made = ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(folder / "de_DE.ISO-8859-1")]
    if subprocess.run(made, capture_output=True).returncode:
        pytest.skip("no locale can be made here")
    latin = {"LOCPATH": str(folder), "LC_ALL": "de_DE.ISO-8859-1", "PYTHONUTF8": "0"}
    return {**os.environ, **latin}


@pytest.mark.long
def test_a_search_goes_on_under_latin1(
    here: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A name with letters beyond a-z is the same setting when the search is given again."""
    env = in_latin1(tmp_path_factory.mktemp("locale"))
    images = np.random.default_rng(0).normal(size=(8, 3, 8, 8)).astype(np.float32)
    name = "bilder_ü.npz".encode("latin-1")
    np.savez(here / "plain.npz", x=images)
    (here / "plain.npz").rename(here / os.fsdecode(name))
    journal, before = here / "run" / "history.jsonl", b""
    for budget in (5, 9):
        words = [*SEARCH, "batch=images", f"budget={budget}"]
        done = subprocess.run(
            [*NAS, *words, b"batch.path=" + name], env=env, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert journal.read_bytes().count(b"\n") == budget
        assert journal.read_bytes().startswith(before)
        before = journal.read_bytes()


def read_only(folder: Path, *argv: str) -> subprocess.CompletedProcess[bytes]:
    """The command where `folder` cannot be written to, or a test that is skipped."""
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" || exit 77; exec "$@"'
    try:
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, str(folder), *NAS, *argv],
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("no unshare")
    if done.returncode == 77 or b"unshare" in done.stderr:
        pytest.skip("no file system can be mounted here")
    return done


@pytest.mark.long
def test_a_read_only_file_system(here: Path) -> None:
    """A finished search can be reported and given again; a new one is refused in a sentence."""
    folder = here / "there"
    folder.mkdir()
    finished = [*SEARCH[:-1], "budget=5", f"out={folder}/run"]
    assert nas(*finished).code == 0
    before = snapshot(folder)
    for argv in (["report", f"{folder}/run"], finished):
        done = read_only(folder, *argv)
        assert (done.returncode, done.stderr.count(b"Traceback")) == (0, 0), done.stderr
    for argv in ([*finished, "budget=7"], [*finished, f"out={folder}/new"]):
        done = read_only(folder, *argv)
        assert done.returncode == 2
        assert b"Read-only file system" in done.stderr.splitlines()[-1]
    assert snapshot(folder) == before
