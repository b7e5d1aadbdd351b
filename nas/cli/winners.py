"""An architecture that a search's folder or a JSON file names, and the space it is from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.cli.config_files import literal, quoted
from nas.errors import UsageError
from nas.storage.files import is_there
from nas.storage.reading import content, decoded


def with_winners(words: Sequence[str], rest: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words with architectures in place of runs and JSON files, and the options of Hydra.

    A search's folder, or its `best.json`, stands for its best architecture, which its history
    gives: `best.json` may be of before a kill. A file of `nas export format=json` stands for its
    own. The space is then that of the folder or file: options
    that the user gives come after it. Raises UsageError if a folder is no run or has no winner, or
    if two of them have different spaces.
    """
    texts: list[str] = []
    spaces: dict[str, list[str]] = {}
    for word in words:
        if not word.strip():
            raise UsageError(f"'{word}' names nothing: give an architecture or a search's folder")
        path = Path(word).expanduser()
        if not is_there(path) or not (path.is_dir() or path.suffix == ".json"):
            texts.append(word)
            continue
        arch, space = _winner(path)
        texts.append(arch)
        spaces[word] = space
    if len({tuple(space) for space in spaces.values()}) > 1:
        raise UsageError(f"{' and '.join(spaces)} are not of one space: give them one by one")
    given = {word.partition("=")[0] for word in rest}
    added = next(iter(spaces.values()), [])
    return texts, [*(each for each in added if each.partition("=")[0] not in given), *rest]


def _winner(path: Path) -> tuple[str, list[str]]:
    """The architecture as a text, and the options that give its space."""
    from nas.runs.folder import BEST, CONFIG, HISTORY, read_record

    folder = path if path.is_dir() else path.parent
    if (path.is_dir() or path.name == BEST) and (folder / HISTORY).exists():
        from nas.cli.reporting import read_run

        found = read_run(folder, figures=False).summary
        path = folder / BEST
    else:
        if path.is_dir():
            read_record(path)  # raises where there is no run
            if not (path / BEST).exists():
                raise UsageError(f"the run in {path} has no winner yet: it has no {HISTORY}")
            path = path / BEST
        found = _read(path)
    if path.name == BEST and found.get("score") is None and "proxy" in found:
        raise UsageError(f"the run in {folder} has no winner: no trial had a score")
    numbers = found.get("tuple")
    if not isinstance(numbers, list) or not all(isinstance(each, int) for each in numbers):
        raise UsageError(f"{path} names no architecture: it has no list of numbers at 'tuple'")
    space = found.get("space")
    if not isinstance(space, dict) and (path.parent / CONFIG).exists():
        space = read_record(path.parent)[0].get("space")
    if not isinstance(space, dict) or not isinstance(space.get("name"), str):
        raise UsageError(f"{path} does not say the space of its architecture")
    options = [f"space.{name}={_value(value)}" for name, value in space.items() if name != "name"]
    return str(tuple(numbers)), [f"space={space['name']}", *options]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(decoded(content(path)))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path} names no architecture: it is no JSON object")
    return found


def _value(value: Any) -> str:
    """A value in Hydra's grammar."""
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, str):
        return literal(value) if value else quoted(value)
    if isinstance(value, list):
        return f"[{','.join(map(_value, value))}]"
    raise UsageError(f"{value} is no option of a space")
