"""A run's folder: its settings, its journal, its result."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from nas.errors import UsageError
from nas.runs.summary import summarise
from nas.searching.history import History
from nas.space import SPACES, Space
from nas.storage.files import replace_file, working_in

HISTORY, CONFIG, BEST = "history.jsonl", "config.yaml", "best.json"
SCORES = "scores.jsonl"
"""What a comparison's folder has in place of a history."""
FREE = {"budget", "out", "device", "executor"}
"""Settings that may change when a run goes on: they do not decide what a trial is."""


@contextmanager
def opened(folder: Path, settings: Mapping[str, Any]) -> Iterator[History]:
    """The history in a search's folder, which is made if need be, for this process alone.

    UsageError, before anything is written, where the folder cannot be used or belongs to other
    settings. If no trial comes of it, the folder is left as it was.
    """
    with working_in(folder):
        if (folder / SCORES).exists():
            raise UsageError(f"{folder} holds a comparison: give another out= to a search")
        fresh = not (folder / CONFIG).exists()
        try:
            with History.read(folder / HISTORY) as history:
                if history:
                    _check(folder, settings)
                    _check_trials(history, space_of(settings))
                yield history
        except BaseException:
            if fresh and not (folder / HISTORY).exists():
                (folder / CONFIG).unlink(missing_ok=True)
            raise


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Put the settings into the folder, for `read_settings`."""
    replace_file(folder / CONFIG, _yaml(settings))


def write_best(folder: Path, summary: Mapping[str, Any]) -> None:
    """Put the summary into the folder; a file that is there is replaced in one step."""
    replace_file(folder / BEST, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")


def report(folder: Path) -> dict[str, Any]:
    """The summary of a run, from its folder alone; nothing is written."""
    settings = read_settings(folder)
    with History.read(folder / HISTORY) as history:
        if not history:
            raise UsageError(f"the run in {folder} has no trials yet")
        if history.torn:
            print(f"the last line of {history.path} is torn and left out", file=sys.stderr)
        space = space_of(settings)
        _check_trials(history, space)
        return summarise(history, space, settings)


def space_of(settings: Mapping[str, Any]) -> Space:
    """The space that the settings name."""
    return SPACES.configured(settings["space"])


def read_settings(folder: Path) -> dict[str, Any]:
    """The settings of the run in a folder; UsageError if there are none."""
    try:
        settings = yaml.safe_load((folder / CONFIG).read_text())
    except FileNotFoundError:
        raise UsageError(f"there is no run in {folder}: it has no {CONFIG}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{folder / CONFIG} cannot be read: {error}") from error
    kinds = ("space", "proxy", "strategy", "batch", "ranking")
    if (
        not isinstance(settings, dict)
        or not {"budget", "seed", "repeats", "block"} <= settings.keys()
        or not all(
            isinstance(settings.get(kind), dict) and "name" in settings[kind] for kind in kinds
        )
    ):
        raise UsageError(f"{folder / CONFIG} is not the config of a search")
    return settings


def _check(folder: Path, settings: Mapping[str, Any]) -> None:
    there, here = _flat(read_settings(folder)), _flat(settings)
    different = [
        f"{key} is {there.get(key)!r} there and {here.get(key)!r} here"
        for key in sorted(there.keys() | here.keys())
        if key.partition(".")[0] not in FREE and there.get(key) != here.get(key)
    ]
    if different:
        raise UsageError(
            f"{folder} holds a run with other settings: {', '.join(different)}; "
            f"give those, or another out="
        )


def _check_trials(history: History, space: Space) -> None:
    for trial in history:
        if trial.arch not in space or not {"params", "flops"} <= trial.metrics.keys():
            raise UsageError(
                f"line {trial.number + 1} of {history.path} is no trial of this search: put back "
                f"what was there, or cut the file before that line"
            )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _yaml(settings: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)
