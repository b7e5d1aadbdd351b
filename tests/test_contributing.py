"""CONTRIBUTING.md and the other pages for contributors describe the files correctly."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

import nas
from nas.cli.kinds import registries
from tests.test_imports import LADDER, STEP

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
MAP = PAGE[PAGE.index("## Map of the rooms") : PAGE.index("### Who may import whom")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_map_has_every_room_and_nothing_else() -> None:
    here = {f"nas/{path.name}" for path in (ROOT / "nas").glob("*.py")} - {"nas/__main__.py"}
    here |= {f"nas/{path.name}/" for path in (ROOT / "nas").iterdir() if any(path.glob("*.*"))}
    here -= {"nas/__pycache__/"}
    assert {*re.findall(r"^\| `(nas/\w[\w./]*)`", MAP, re.MULTILINE)} == here


def test_the_order_of_imports_is_the_one_that_is_tested() -> None:
    block = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    steps = [{*line.split()} & {*STEP} for line in block[1].splitlines()]
    assert steps == [{*line.split()} for line in LADDER]


def test_every_kind_of_plugin_has_its_row() -> None:
    rows = re.findall(r"^\| ([\w ]+) \| `[\w/.]+` \| `@(\w+)\.register", PAGE, re.MULTILINE)
    assert {kind.partition(" ")[0] for kind, _ in rows} == {*registries()}


def test_a_word_has_one_meaning_and_its_place() -> None:
    glossary = PAGE[PAGE.index("## Glossary") : PAGE.index("## Style")]
    words = re.findall(r"^\| ([\w, ]+) \|", glossary, re.MULTILINE)[1:]
    assert words == sorted(words)
    assert len(words) == len({*words})


def test_links_of_the_pages_lead_somewhere() -> None:
    for page in ("CONTRIBUTING.md", "CHANGELOG.md", "README.md", "examples/README.md"):
        text = (ROOT / page).read_text()
        for link in re.findall(r"\]\(([^)#:]+)(?:#[\w-]*)?\)", text):
            assert (ROOT / page).parent.joinpath(link).exists(), f"{page}: {link}"


def test_the_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert PROJECT["dynamic"] == ["version"], "nas/version.py says it"
    assert citation["version"] == nas.__version__
    assert citation["title"] == PROJECT["name"]
    assert citation["license"] == PROJECT["license"]
    heads = re.findall(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heads[0] == nas.__version__
