from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.browser import Driver, chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Driver]:
    with chromium() as opened:
        yield opened
