"""Other people's broken distributions stop no command, and are named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.command_line import SMALL, check_mistake, nas
from tests.support.site import Site


@pytest.fixture
def broken(tmp_path: Path) -> Site:
    """A site with a plugin that works, and two distributions whose entry points are garbage."""
    site = Site(tmp_path)
    for name, content in (("lines", b"[console_scripts]\nfoo\n"), ("bytes", b"[a]\nb = c\xff\n")):
        site.distribute(name, "none")
        (site.folder / f"{name}-0.1.dist-info" / "entry_points.txt").write_bytes(content)
    return site


def test_list_names_the_distribution_and_goes_on(broken: Site) -> None:
    done = broken.nas("list")
    assert (done.code, done.err) == (0, "")
    _, failed = done.out.split("plugins that cannot be imported\n")
    assert "  bytes 0.1: its entry_points.txt cannot be read" in failed
    assert "  lines 0.1: its entry_points.txt cannot be read" in failed


def test_a_name_that_is_not_found_may_be_theirs(broken: Site) -> None:
    check_mistake(broken.nas("search", "space=theirs"), ["space 'theirs'", "lines 0.1: its entry"])


def test_a_comparison_goes_on_without_pictures(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nas.compare.pictures", None)
    done = nas("compare", *SMALL, "proxy=params", "baselines=[flops]", "sample=12", "out=a")
    assert done.code == 0, done.err
    assert "note: no pictures: matplotlib cannot be imported (ModuleNotFoundError" in done.err
    assert (here / "a" / "compare.json").exists()
    assert (here / "a" / "report.html").exists()
