"""Plugins as their files describe them: the same as what an import finds."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.cli.kinds import registries
from nas.registry import Registry, described
from nas.registry.described import Described, docs_of
from tests.support.command_line import nas


@pytest.mark.parametrize("kind", registries())
def test_files_say_what_an_import_finds(kind: str) -> None:
    registry = registries()[kind]
    found = described._read(registry)
    assert found is not None
    assert set(found) == set(registry)
    for name, plugin in registry.items():
        assert found[name] == Described(inspect.getdoc(plugin) or "", *described.place(plugin))


class Home:
    """A package whose modules register things."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "home_of_things"
        self.folder.mkdir()
        (self.folder / "__init__.py").touch()
        self.registry: Registry[Any] = Registry("thing", "home_of_things")
        monkeypatch.setattr(self.registry, "check_home", lambda: None)
        monkeypatch.syspath_prepend(folder)

    def read(self, text: str) -> dict[str, Described] | None:
        """What the files say where a module has this text."""
        (self.folder / "module.py").write_text(text)
        importlib.invalidate_caches()
        return described._read(self.registry)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, monkeypatch)


ONE = '@THINGS.register("one")\ndef one():\n    """The first.\n\n    More.\n    """\n'


def test_a_file_that_changed_is_seen(home: Home) -> None:
    assert home.read(ONE) == {
        "one": Described("The first.\n\nMore.", "home_of_things.module", home.folder / "module.py")
    }
    (home.folder / "_two.py").write_text(ONE)  # no module of plugins
    (home.folder / "helpers.py").write_text("def helper():\n    return 1\n")
    changed = home.read(ONE.replace("first", "second"))
    assert changed is not None
    assert changed["one"].docs.startswith("The second.")


@pytest.mark.parametrize(
    "text",
    [
        ONE.replace('"one"', "name"),
        ONE.replace('"""The first.\n\n    More.\n    """', "pass"),
        ONE + ONE,
        ONE + ONE.replace("THINGS", "OTHERS").replace('"one"', '"two"'),
        ONE + 'for name in "ab":\n    THINGS.register(name)(one)\n',
        ONE + "def broken(:\n",
        "def made():\n    @THINGS.register('inner')\n    def inner():\n        '''Inner.'''\n",
    ],
)
def test_what_a_reader_cannot_be_sure_of_is_imported(home: Home, text: str) -> None:
    assert home.read(text) is None


def test_what_a_program_registers_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PROXIES, "_plugins", dict(PROXIES._plugins))

    @PROXIES.register("registered_here")
    def proxy(candidate: Any, batch: Any) -> float:  # noqa: ARG001
        """The proxy of a program."""
        return 0.0

    out = nas("list", "proxies").out
    assert "The proxy of a program." in out
    assert "Normalised difference" in out


def test_a_docstring_is_the_plugins_own() -> None:
    class Plain(Proxy):
        def score(self, candidate: Candidate, batch: Batch) -> float:
            return 0.0

    @dataclass
    class Fields(Plain):
        size: int = 3

    class Told(Plain):
        """What it is.

        More.
        """

    assert [docs_of(each) for each in (Plain, Fields, Told)] == ["", "", "What it is.\n\nMore."]
