"""A browser, and searches and a study whose pages are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Driver, chromium
from tests.support.command_line import SMALL, nas

WORDS = [*SMALL, "budget=40", "strategy=random"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Driver]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plain search, one with a front, and one with finals and a warm-up."""
    place = tmp_path_factory.mktemp("runs")
    plain = ["proxy=naswot", "finals=none", "constraints=[params<=1500]"]
    front = ["proxy=params", "objective=[params,-flops]"]
    finals = ["proxy=params", "finals=panel", "finals.size=4", "finals.proxies=[params,flops]"]
    for name, words in (("plain", plain), ("front", front), ("finals", [*finals, "warmup=6"])):
        done = nas("search", *WORDS, *words, f"out={place / name}")
        assert done.code == 0, done.err
        assert "could not be written" not in done.err
    return place


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two strategies over two seeds."""
    place = tmp_path_factory.mktemp("study")
    words = [*SMALL, "budget=12", "proxy=params", "finals=none", "seeds=2", f"out={place / 'S'}"]
    done = nas("study", *words, "+", "strategy=random", "+", "strategy=local")
    assert done.code == 0, done.err
    return place / "S"
