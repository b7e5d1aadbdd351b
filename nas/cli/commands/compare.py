"""`nas compare`: how well proxies agree with true figures, with coverage and uncertainty."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from nas.cli.comparing import Prepared, compared, drawing, prepared
from nas.cli.composition import composed_again, run_hydra
from nas.cli.config_files import conf_dirs, literal, quoted
from nas.cli.repeating import go_on
from nas.cli.settings import CompareSettings
from nas.errors import AllFailedError, UsageError, unknown
from nas.report.writing import PAGE
from nas.runs.folder import HISTORY, SCORES
from nas.space import SPACES
from nas.storage.files import (
    check_replaceable,
    path_of,
    remove_file,
    replace_file,
    working_in,
)

COMPOSED = {"table": "auto", "target": None}
"""What a comparison has if nothing else is given."""
BOARD, BOARD_CSV, BOARD_PICTURE = "leaderboard.json", "leaderboard.csv", "leaderboard.png"


def main(argv: Sequence[str]) -> None:
    """Run one comparison, or one in each of several spaces."""

    def task(settings: CompareSettings) -> None:
        words = [*argv, *_data_dir(settings, argv)]
        command = go_on("compare", words, settings.out, settings.record)
        if settings.spaces is None:
            run(settings, command)
        else:
            spaces = _each(settings, argv)
            run_spaces(
                settings.out,
                spaces,
                command,
                {name: _alone(name, each, argv) for name, each in spaces.items()},
            )

    run_hydra("compare", CompareSettings, task, argv)


def _data_dir(settings: CompareSettings, argv: Sequence[str]) -> list[str]:
    """The folder of tables as a word, where the environment named it: another shell may not."""
    given = any(re.match(r"[+~]*data_dir(?!\w)", word) for word in argv)
    if given or settings.table is None or not settings.data_dir:
        return []
    return [f"data_dir={quoted(settings.data_dir)}"]


def run(settings: CompareSettings, again: str) -> None:
    """Compare as the settings say; `again` is the command that continues a stopped comparison."""
    from nas.compare.text import rendered, told

    for key in ("tables", "targets"):
        if getattr(settings, key):
            raise UsageError(f"{key}= is for several spaces: give spaces=, or {key[:-1]}=NAME")
    task = prepared(settings)
    with _stoppable(again):
        result, files = compared(task, again)
    print(rendered(result))
    print(f"\n{told(result['verdict'])}\n\nfiles  {path_of(settings.out)}: {', '.join(files)}")
    if task.truth is None:
        print(task.bring)


@contextmanager
def _stoppable(again: str, where: str = "") -> Iterator[None]:
    """If the comparison inside is stopped, print how it goes on, and exit."""
    from nas.compare import StoppedError

    try:
        yield
    except StoppedError as stopped:
        print(f"{where}{stopped}; go on with\n  {again}")
        sys.exit(130)


def _each(settings: CompareSettings, argv: Sequence[str]) -> dict[str, CompareSettings]:
    """The settings in each of several spaces: as of `nas compare space=NAME out=FOLDER/NAME`."""
    spaces = settings.spaces or ()
    own = next((word for word in argv if re.match(r"[+~]*space(?!\w)", word)), None)
    if own is not None:
        raise UsageError(
            f"{own} is for one space, and spaces= is for several: leave one of them out"
        )
    for key in ("tables", "targets"):
        for name in getattr(settings, key):
            if name not in spaces:
                raise unknown(f"space for {key}= among those of spaces=", name, spaces)
    known = {*SPACES}
    for folder in conf_dirs(argv):
        known |= {path.stem for path in (folder / "space").glob("*.yaml")}
    found = {}
    for name in spaces:
        if name not in known:
            raise unknown("space", name, known)
        changes = [f"space={name}", f"out={literal(str(Path(settings.out) / name))}"]
        changes += ["spaces=null", "tables=null", "targets=null"]
        for key, names in (("table", settings.tables), ("target", settings.targets)):
            changes += [f"{key}={literal(names[name])}"] if name in names else []
        found[name] = composed_again("compare", CompareSettings, changes)
    return found


def _alone(name: str, settings: CompareSettings, argv: Sequence[str]) -> str:
    """The command that compares in one of several spaces alone."""
    several = re.compile(r"(spaces|tables|targets|table|target|out)=")
    words = [word for word in argv if not several.match(word)]
    words += [*_data_dir(settings, argv), f"space={name}"]
    for key in ("table", "target"):
        value = getattr(settings, key)
        if value != COMPOSED[key]:
            words.append(f"{key}={'null' if value is None else quoted(value)}")
    return go_on("compare", words, settings.out, settings.record)


def run_spaces(
    out: str, spaces: Mapping[str, CompareSettings], again: str, alone: Mapping[str, str]
) -> None:
    """Compare in each of several spaces, and make a leaderboard of the results.

    `again` is the command that continues a stopped comparison, `alone` that in each space.
    """
    from nas.compare.leaderboard import leaderboard, rendered
    from nas.compare.text import told
    from nas.compare.verdict import board_verdict

    start = perf_counter()
    folder = path_of(out, "out=")
    tasks = _prepared(spaces)
    results = {}
    with working_in(folder):
        _check(folder, spaces)
        for count, (name, task) in enumerate(tasks.items(), 1):
            print(f"{name}: space {count} of {len(tasks)}", file=sys.stderr)
            with _stoppable(again, f"{name}: "):
                results[name] = _result(task, alone[name])
        board = {"command": again, **leaderboard(results)}
        board |= {"verdict": board_verdict(board), "seconds": round(perf_counter() - start, 3)}
        pictures = all(settings.pictures for settings in spaces.values())
        files = _write(folder, board, pictures)
    print(rendered(board))
    print(f"\n{told(board['verdict'])}")
    print(f"\nfiles  {folder}: {', '.join([*files, *(f'{name}/' for name in spaces)])}")


def _prepared(spaces: Mapping[str, CompareSettings]) -> dict[str, Prepared]:
    """What is compared in each space; raises UsageError if there are no true figures at all."""
    tasks = {name: prepared(settings) for name, settings in spaces.items()}
    lacking = {name: task.bring for name, task in tasks.items() if task.truth is None}
    if len(lacking) == len(tasks):
        raise UsageError(f"a leaderboard needs true figures: {next(iter(lacking.values()))}")
    for name, bring in lacking.items():
        print(
            f"note: {name} has no true figures and no ranks (tables={{{name}: FILE}} gives some): "
            f"{bring}",
            file=sys.stderr,
        )
    return tasks


def _check(folder: Path, spaces: Iterable[str]) -> None:
    """Raise UsageError if the folder has files that are not from a leaderboard."""
    for name, what in ((HISTORY, "search"), (SCORES, "comparison in one space")):
        if (folder / name).exists():
            raise UsageError(f"{folder} holds a {what}: give another out= to a leaderboard")
    begun = any((folder / name / SCORES).exists() for name in spaces)
    for name in (BOARD, BOARD_CSV, BOARD_PICTURE, PAGE):
        if (folder / name).exists() and not begun:
            raise UsageError(
                f"{folder} holds a {name} that is no leaderboard's: give another out="
            )
        check_replaceable(folder / name)


def _result(task: Prepared, command: str) -> dict[str, Any]:
    """The result in a space; if every proxy fails there, the reasons alone."""
    try:
        return compared(task, command, leave_out=True)[0]
    except AllFailedError as error:
        return {"rows": [], "left_out": dict.fromkeys(task.objective.named, str(error))}


def _write(folder: Path, board: Mapping[str, Any], wanted: bool) -> list[str]:
    """Write the leaderboard's files and return their names."""
    from nas.cli.compared_folder import leave_board
    from nas.compare.leaderboard import as_csv

    text = json.dumps(board, indent=1, ensure_ascii=False, allow_nan=False)
    replace_file(folder / BOARD, text + "\n")
    replace_file(folder / BOARD_CSV, as_csv(board))
    remove_file(folder / BOARD_PICTURE)  # from an earlier leaderboard
    files = [BOARD, BOARD_CSV]
    picture = drawing(wanted, "heat_map") if wanted else None
    if picture is not None:
        picture.draw(board, folder / BOARD_PICTURE)
        files.append(BOARD_PICTURE)
    return [PAGE, *files] if leave_board(folder, board) else files
