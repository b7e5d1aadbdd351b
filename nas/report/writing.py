"""Writes a page beside what it shows; a page that fails is a note, and never ends a command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from nas.report.page import Page

PAGE = "report.html"
"""The name of the page in the folder of a search, a comparison or a study."""


def write(make: Callable[[], Page], path: Path) -> bool:
    """Make a page and write it; if that fails, a note on stderr says why. Whether it is there."""
    try:
        make().write(path)
    except Exception as error:  # whatever is wrong with a page, the result is there
        text = str(error).partition("\n")[0][:300]
        print(
            f"note: {path} could not be written: {type(error).__name__}: {text}", file=sys.stderr
        )
        return False
    return True
