"""The pages that the site adds to those of the repository, without the program that builds it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

import pytest

import nas
from nas.cli.config_files import combinations
from nas.cli.help import options
from nas.cli.kinds import registries
from nas.cli.main import COMMANDS
from tests.support.pages import ROOT, Shell


@pytest.fixture
def docs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program that stages the pages."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    import build_site

    return build_site


def test_the_reference_has_every_option_and_plugin(docs: ModuleType) -> None:
    text = docs.settings()
    for command in COMMANDS:
        part = text.partition(f"### nas {command}\n")[2].partition("\n### ")[0]
        for line in options(command):
            assert f"| `{line.name}` |" in part, f"{command} {line.name}"
    for kind, registry in registries().items():
        for name in {*registry, *(combinations() if kind == "proxy" else ())}:
            assert f"### {kind}={name}\n" in text
    assert "| `budget` | `1000` | trials, copies included;" in text
    assert "| `proxy.underflow` | `float32` | float32: the paper's rule;" in text


def test_the_reference_has_every_public_name(docs: ModuleType) -> None:
    text = docs.public_names()
    for name in {*nas.__all__} - {"__version__"}:
        assert f"### nas.{name}\n" in text
    assert "    proxy: Proxies | Objective = 'epsilon',\n" in text
    assert "```pycon\n>>> from nas import search\n" in text


def test_links_lead_to_pages_of_the_site(docs: ModuleType) -> None:
    page = "docs/results/x.md"
    for link, on_site in (
        ("../export.md#train-it", "../export.md#train-it"),
        ("../../CONTRIBUTING.md", "../contributing.md"),
        ("../../README.md", "../index.md"),
        ("../../proxies/epsilon.py", "../source/proxies/epsilon.py.md"),
        ("../../proxies", "../source/proxies/index.md"),
        ("https://example.org/x.md", "https://example.org/x.md"),
    ):
        assert docs.rewritten(f"a [b]({link}) c", page) == f"a [b]({on_site}) c"
    code = "```python a.py\n[b](../export.md)\n```\n"
    assert docs.rewritten(code, page) == code.replace(" a.py", ' title="a.py"')


def test_a_notebook_is_a_page(docs: ModuleType) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# One\n", "two"]},
        {"cell_type": "code", "source": ["a = 1\n", "a"], "outputs": [{"data": {}}]},
    ]
    text = docs.notebook(json.dumps({"cells": cells}))
    assert text == "# One\ntwo\n\n```python\na = 1\na\n```\n"
    assert docs.on_site("docs/quickstart.ipynb") == "quickstart.md"


def test_the_pages_are_staged(
    docs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docs, "STAGED", tmp_path)
    others = docs.stage()
    assert {"proxies", "proxies/epsilon.py"} <= others
    assert {f"{name}.py" for name in ("epsilon", "meco")} <= {
        Path(file).name for file in docs.show("proxies")
    }
    docs.show("proxies/epsilon.py")
    assert "class Epsilon" in (tmp_path / "source/proxies/epsilon.py.md").read_text()
    assert (tmp_path / "site.css").exists()
    assert (tmp_path / "site.js").exists()
    for page in re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE):
        assert (tmp_path / page).exists(), page


@pytest.mark.usefixtures("here")
def test_a_shell_refuses_what_it_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(monkeypatch)
    with pytest.raises(AssertionError, match="no way to run curl"):
        shell.type("curl example.org")
    with pytest.raises(AssertionError, match="there is no option"):
        shell.type("nas search no.such=1")
