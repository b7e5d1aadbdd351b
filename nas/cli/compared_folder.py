"""The folder of a comparison: its page, written at its end and again from the folder alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import UsageError
from nas.report.writing import PAGE, write
from nas.runs.folder import CONFIG, SCORES, read_record

if TYPE_CHECKING:
    from nas.report.page import Page
    from nas.report.points import Points

RESULT, CSV = "compare.json", "scores.csv"
BOARD = "leaderboard.json"
SHOWN = (RESULT, CSV, "under.csv", SCORES, CONFIG)


def is_comparison(folder: Path) -> bool:
    """Whether a folder has the result of a comparison, or of one in each of several spaces."""
    return (folder / RESULT).is_file() or (folder / BOARD).is_file()


def again(folder: Path, as_json: bool = False) -> bool:
    """Print the result in a folder, and write its page again; whether the page is there.

    Raises UsageError if the result cannot be read.
    """
    name = RESULT if (folder / RESULT).is_file() else BOARD
    result = _read(folder / name)
    print(json.dumps(result, ensure_ascii=False) if as_json else _text(result, name))
    if name == RESULT:
        return leave_page(folder, result, lambda: _points(folder, result))
    return leave_board(folder, result)


def leave_page(
    folder: Path, result: Mapping[str, Any], points: Callable[[], Points | None]
) -> bool:
    """Write the page of a comparison; a failure is a note. Whether the page is there."""

    def page() -> Page:
        from nas.report.compare import compare_page

        made_by = read_record(folder)[1] if (folder / CONFIG).is_file() else {}
        files = [name for name in SHOWN if (folder / name).is_file()]
        files += ["pictures/"] if (folder / "pictures" / "agreement.svg").is_file() else []
        return compare_page(result, points(), files, made_by)

    return write(page, folder / PAGE)


def leave_board(folder: Path, board: Mapping[str, Any]) -> bool:
    """Write the page of comparisons in several spaces; a failure is a note."""

    def page() -> Page:
        from nas.report.leaderboard import board_page

        names = [about["space"] for about in board["spaces"]]
        pages = [name for name in names if (folder / name / PAGE).is_file()]
        files = [
            name
            for name in (BOARD, "leaderboard.csv", "leaderboard.png")
            if (folder / name).is_file()
        ]
        return board_page(board, pages, files)

    return write(page, folder / PAGE)


def _text(result: Mapping[str, Any], name: str) -> str:
    from nas.compare import leaderboard, text
    from nas.compare.verdict import board_verdict, rated, verdict

    if name == BOARD:
        return f"{leaderboard.rendered(result)}\n\n{text.told(board_verdict(result))}"
    return f"{text.rendered(result)}\n\n{text.told(verdict(rated(result)))}"


def _points(folder: Path, result: Mapping[str, Any]) -> Points | None:
    from nas.report.points import Points

    return Points.read(folder / CSV, result)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict) or "rows" not in found:
        raise UsageError(f"{path} is no result of a comparison")
    return found
