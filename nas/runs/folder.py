"""A search's folder: its record (settings and versions), its journal, its result."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

from nas.errors import AllFailedError, UsageError
from nas.runs.front import PICTURE, TABLE
from nas.runs.versions import FORMAT, VERSIONS, check_format, differences, versions
from nas.searching.history import History
from nas.space import Space
from nas.storage.files import check_replaceable, replace_file, working_in
from nas.storage.journal import check_of
from nas.storage.yaml_files import as_yaml, read_yaml

HISTORY, CONFIG, BEST = "history.jsonl", "config.yaml", "best.json"
FINALS = "finals.jsonl"
WARMUP, MOVE = "warmup.jsonl", "move.jsonl"
"""The scores that a search needs of architectures before they are trials."""
JOURNALS = (HISTORY, WARMUP, MOVE)
CHECK = "check"
"""The name of what protects a record: the CRC-32 of the rest of it, as in a journal's lines."""
SCORES = "scores.jsonl"
"""The file that a comparison's folder has instead of a history."""

FREE = {
    *("budget", "count", "patience", "timeout", "give_up", "finals"),
    *("out", "device", "executor", "strict", "reference", "data_dir", "tracker"),
}
"""Settings that may change when a run goes on, because no trial depends on them."""

OWN = "scores"
"""The key that only records of searches from Python have: what their scores depend on."""
OWN_FIGURES = "own_figures"
"""The key of the figures that are looked for and that only the program that searched can name."""

Record = Mapping[str, Any]
"""The settings of a run as plain values. This module does not need to know their meaning."""


@contextmanager
def opened(
    folder: Path,
    record: Record,
    free: Collection[str],
    complete: Callable[[Record, Path], Record],
) -> Iterator[History]:
    """Open the history in a search's folder, for this process alone; make the folder if needed.

    Settings named in `free` may change when a run goes on; `complete` adds to a record of an
    earlier format what it lacks. Raises UsageError, before anything is written, if the folder
    cannot be used or has a run with other settings. If the search scores nothing, or gives up
    because all first trials fail, the folder stays as it was.
    """
    with working_in(folder):
        if (folder / SCORES).exists():
            raise UsageError(f"{folder} holds a comparison: give another out= to a search")
        for name in (CONFIG, BEST, FINALS, WARMUP, MOVE, TABLE, PICTURE):
            check_replaceable(folder / name)
            _check_ours(folder, name, complete)
        fresh = not (folder / CONFIG).exists() and not (folder / HISTORY).exists()
        try:
            with History.read(folder / HISTORY) as history:
                if history or _begun(folder):
                    before, made_by = read_record(folder)
                    check_same(folder, complete(before, folder / CONFIG), record, free)
                    for line in differences(made_by):
                        print(f"note: the run in {folder} was begun with {line}", file=sys.stderr)
                yield history
        except BaseException as error:
            if fresh and isinstance(error, AllFailedError):
                for name in JOURNALS:
                    (folder / name).unlink(missing_ok=True)
            if fresh and not _begun(folder):
                (folder / CONFIG).unlink(missing_ok=True)
            raise


def _begun(folder: Path) -> bool:
    """Whether a search has scored anything in a folder."""
    return any((folder / name).exists() for name in JOURNALS)


def _check_ours(folder: Path, name: str, complete: Callable[[Record, Path], Record]) -> None:
    """Raises UsageError if a file that a search writes is there, and no search wrote it."""
    if not (folder / name).exists() or (folder / HISTORY).exists():
        return
    try:
        complete(read_record(folder)[0], folder / CONFIG)
    except UsageError:
        raise UsageError(
            f"{folder} holds a {name} that is no search's: give another out="
        ) from None


def write_record(folder: Path, record: Record) -> None:
    """Write the settings into the folder, with the versions of the packages.

    A run that goes on keeps the versions that it began with.
    """
    path = folder / CONFIG
    before = read_record(folder)[1] if path.exists() else {}
    whole = {FORMAT: check_format(None, folder), **record, VERSIONS: before or versions()}
    replace_file(path, as_yaml({**whole, CHECK: check_of(whole)}))


def read_record(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings of the run in a folder, and the versions that it began with.

    Raises UsageError if there are none, if they were edited, or if their format is newer than this
    version knows.
    """
    try:
        content = read_yaml(folder / CONFIG)
    except FileNotFoundError:
        raise UsageError(f"there is no run in {folder}: it has no {CONFIG}") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise UsageError(f"{folder / CONFIG} is not the config of a search")
    check_format(content.get(FORMAT), folder)
    check = content.pop(CHECK, None)
    # a folder of before there were formats has none
    if (check is not None or FORMAT in content) and check != check_of(content):
        raise UsageError(
            f"{folder / CONFIG} is not as it was written: put back what was there, or give "
            f"another out="
        )
    content.pop(FORMAT, None)
    made_by = content.pop(VERSIONS, {})
    return content, made_by if isinstance(made_by, dict) else {}


def read_trials(folder: Path, space: Space, metrics: Collection[str]) -> History:
    """The trials of the run in a folder; raises UsageError if there are none. Writes nothing."""
    with History.read(folder / HISTORY) as history:
        if not history:
            warming = ": its warm-up is not over" if (folder / WARMUP).exists() else ""
            raise UsageError(f"the run in {folder} has no trials yet{warming}")
        if history.torn:
            print(f"the last line of {history.path} is torn and left out", file=sys.stderr)
        check_trials(history, space, metrics)
        return history


def write_best(folder: Path, summary: Mapping[str, Any]) -> None:
    """Write the summary into the folder; an existing file is replaced in one step."""
    replace_file(folder / BEST, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")


def read_best(folder: Path) -> dict[str, Any]:
    """The summary in a folder; raises UsageError if there is none."""
    try:
        with (folder / BEST).open(encoding="utf-8") as file:
            found = json.load(file)
        if isinstance(found, dict):
            return found
    except (OSError, ValueError, RecursionError):
        pass
    raise UsageError(f"there is no result in {folder} yet: it has no {BEST} that can be read")


def read_elapsed(folder: Path) -> float:
    """The seconds that the search in a folder took so far, without its finals; 0 if unknown."""
    try:
        with (folder / BEST).open(encoding="utf-8") as file:
            elapsed = float(json.load(file)["elapsed"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return 0.0  # no result yet, or one of an earlier version
    return elapsed if 0 <= elapsed < inf else 0.0


def check_trials(history: History, space: Space, metrics: Collection[str]) -> None:
    """Raise UsageError if a trial is not of the space or lacks a metric."""
    for trial in history:
        if trial.arch not in space or not {*metrics} <= trial.metrics.keys():
            raise UsageError(
                f"line {trial.number + 1} of {history.path} is no trial of this search: put back "
                f"what was there, or cut the file before that line"
            )


def check_same(folder: Path, before: Record, record: Record, free: Collection[str]) -> None:
    """Raise UsageError if the run in the folder has other settings."""
    there, here = flat(before), flat(record)
    different = [
        f"{key} is {there.get(key)!r} there and {here.get(key)!r} here"
        for key in sorted(there.keys() | here.keys())
        if key.partition(".")[0] not in free
        and key.rpartition(".")[2] != "data_dir"  # what a table holds is compared, not where
        and there.get(key) != here.get(key)
    ]
    if different:
        raise UsageError(
            f"{folder} holds a run with other settings: {', '.join(different)}; "
            f"give those, or another out="
        )


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one mapping, with a point between the names."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
