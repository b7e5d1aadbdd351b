"""Every test of this room works in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _in_an_empty_folder(here: Path) -> None:
    """Where a search without `out=` would leave its folder."""
