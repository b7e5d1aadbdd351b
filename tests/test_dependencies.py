"""What is installed with the package: said on a page, tested at its lowest versions, typed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]


def names(texts: list[str]) -> set[str]:
    found: set[str] = {canonicalize_name(Requirement(text).name) for text in texts}
    return found - {"epsilon-nas"}


def pinned(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if "==" in line and not line.startswith("#")]
    return {canonicalize_name(name): version.split()[0] for name, version in pairs}


def rows(title: str) -> dict[str, list[str]]:
    """The rows of a section's table by the packages in their first cell."""
    section = PAGE[PAGE.index(f"## {title}\n") :].split("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in re.findall(r"^\| `.*$", section, re.M)]
    return {
        canonicalize_name(name): row for row in cells for name in re.findall(r"`([\w-]+)`", row[0])
    }


def test_the_page_has_every_package_and_no_other() -> None:
    assert {*rows("Always")} == names(PROJECT["project"]["dependencies"])
    development = {"test", "dev", "browser", "docs"}
    users = [text for extra, each in EXTRAS.items() if extra not in development for text in each]
    always = names(PROJECT["project"]["dependencies"])
    assert {*rows("Extras")} == names(users) - always
    ours = names([text for extra in development for text in EXTRAS[extra]])
    build = names(PROJECT["build-system"]["requires"])
    assert {*rows("For tests and development")} == ours | build


@pytest.mark.parametrize("title", ["Extras", "For tests and development"])
def test_the_page_names_the_extra_of_each(title: str) -> None:
    for name, row in rows(title).items():
        if row[1] != "the build":
            assert name in names(EXTRAS[row[1]])


def test_every_row_is_whole() -> None:
    for title, columns in (("Always", 5), ("Extras", 6), ("For tests and development", 4)):
        for name, row in rows(title).items():
            assert len(row) == columns, name
            assert all(len(cell.strip("| ")) > 0 for cell in row), name


def test_every_lower_bound_is_the_version_that_was_tested() -> None:
    tested = pinned("constraints-minimal.txt")
    whole = [*PROJECT["project"]["dependencies"], *EXTRAS["test"]]
    whole += [text for name in ("dask", "export", "fit", "pandas", "tensorboard")
              for text in EXTRAS[name]]  # fmt: skip
    for text in whole:
        need = Requirement(text)
        name = canonicalize_name(need.name)
        if name in ("torch", "epsilon-nas"):  # the page and the file say why torch is another
            continue
        (bound,) = [each.version for each in need.specifier if each.operator == ">="]
        version = tested[name]
        assert version == bound or re.fullmatch(rf"{re.escape(bound)}(\.0)*", version), name


def test_the_package_is_typed_and_says_what_it_is() -> None:
    project = PROJECT["project"]
    assert (ROOT / "nas" / "py.typed").exists()
    assert project["readme"] == "README.md"
    assert project["license-files"] == ["LICENSE"]
    assert "MIT License" in (ROOT / "LICENSE").read_text()
    assert "Typing :: Typed" in project["classifiers"]
    said = {text.rpartition(" ")[2] for text in project["classifiers"] if ":: 3." in text}
    assert said == {"3.11", "3.12", "3.13"}
    for text in project["classifiers"]:
        assert not text.startswith("License ::"), "license= says it"
