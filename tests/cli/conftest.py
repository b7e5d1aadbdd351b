"""Every test of this room works in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _in_an_empty_folder(here: Path) -> None:
    """Run in an empty folder, because a search without `out=` writes into the current one."""
