"""The shell and Python blocks of the pages, and a shell that runs them in this process."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from nas.cli.kinds import registries
from tests.support.command_line import nas
from tests.support.site import Site

ROOT = Path(__file__).parent.parent.parent
FENCE = re.compile(r"^```(\w*)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RUN = ("sh", "bash", "console", "python")
INSTALL = "pip install -c constraints.txt -e ."


@dataclass(frozen=True)
class Block:
    """A block of code on a page; `file` is the name that stands behind its language."""

    page: str
    language: str
    file: str
    text: str

    @property
    def first(self) -> str:
        """Its first line, which names it in lists."""
        return self.text.partition("\n")[0]

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block; those that end with a backslash go on in the next."""
        joined = re.sub(r"\\\n\s*", "", self.text)
        return [line for line in joined.splitlines() if line and not line.startswith("#")]


def pages() -> list[str]:
    """All pages with blocks, as paths from the root."""
    found = ["README.md", "CONTRIBUTING.md", "examples/README.md"]
    return found + sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md"))


def blocks(page: str) -> list[Block]:
    """All blocks of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [Block(page, *match.groups("")) for match in FENCE.finditer(text)]


def quick(words: Sequence[str], smaller: Sequence[tuple[str, str]]) -> list[str]:
    """The command with the options that make it small, instead of its own of these names."""
    line = " ".join(words)
    extra = next((more for start, more in smaller if line.startswith(start)), "").split()
    names = tuple(f"{option.partition('=')[0]}=" for option in extra)
    return [*(word for word in words if not word.startswith(names or ("\0",))), *extra]


@dataclass
class Shell:
    """Runs the blocks of one page in an empty folder, commands of `nas` in this process.

    `smaller` has words that are added to a command, by how it begins, so that it takes seconds.
    """

    patch: pytest.MonkeyPatch
    smaller: Sequence[tuple[str, str]] = ()
    names: dict[str, object] = field(default_factory=lambda: {"__name__": "page"})
    output: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    typed: str = ""

    def __post_init__(self) -> None:
        for registry in registries().values():
            registry.load()
            self.patch.setattr(registry, "_plugins", dict(registry._plugins))
        self.patch.syspath_prepend(Path.cwd())

    def run(self, block: Block) -> None:
        """Run a block, or write it to the file that it names."""
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.text, encoding="utf-8")
            self.files[block.file] = Path(block.file).stem
        elif block.language == "python":
            exec(compile(block.text, block.page, "exec"), self.names)
        else:
            for command in block.commands:
                self.type(command)

    def type(self, command: str) -> None:
        """Do what a shell does with a command of `nas`, `python` or `export`."""
        self.typed += f"{command}\n"
        program, *words = shlex.split(command, comments=True)
        if command == INSTALL:  # of this package, from its clone: it is here already
            return
        while "=" in program and words:  # set for this command; here it stays
            self.set(program)
            program, *words = words
        if program == "export":
            for word in words:
                self.set(word)
        elif program == "nas" or (program == "python" and words[:2] == ["-m", "nas"]):
            done = nas(*quick(words if program == "nas" else words[2:], self.smaller))
            assert done.code == 0, f"{command}\n{done.err}"
            self.output.append(done.out)
        elif program == "python" and words[0].endswith(".py"):
            inside = words[0] if Path(words[0]).exists() else str(ROOT / words[0])
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sys, "argv", words)
                runpy.run_path(inside, run_name="__main__")
        else:
            raise AssertionError(
                f"no way to run {command}: see the lists in test_documentation.py"
            )

    def check_files(self) -> None:
        """Assert that each file that a page writes is used on it."""
        for name, stem in self.files.items():
            assert stem in self.typed, f"nothing on the page uses {name}"

    def set(self, word: str) -> None:
        """Set a variable; modules that NAS_PLUGINS names are imported at once."""
        name, _, value = word.partition("=")
        self.patch.setenv(name, value)
        if name == "PYTHONPATH":
            for folder in value.split(os.pathsep):
                self.patch.syspath_prepend(ROOT / folder)
        if name == "NAS_PLUGINS":
            for module in value.split(","):
                self.patch.setitem(sys.modules, module, ModuleType(module))  # undone afterwards
                del sys.modules[module]
                import_module(module)


@dataclass
class SiteShell:
    """Runs the blocks of one page in a site, each command in a process of its own.

    `smaller` is as in `Shell`.
    """

    site: Site
    smaller: Sequence[tuple[str, str]] = ()
    output: str = ""
    commands: int = 0
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, block: Block) -> None:
        """Type the commands of a block, or write it to the file that it names."""
        if block.file:
            path = self.site.here / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        else:
            assert block.language == "sh"
            for command in block.commands:
                self.type(command)
                self.commands += 1

    def type(self, command: str) -> None:
        """Do what a shell does with a command of `nas`, `python`, `pip` or `export`."""
        program, *words = shlex.split(command, comments=True)
        if program == "export":
            self.variables |= dict(word.split("=", 1) for word in words)
        elif program == "pip":  # nothing is installed into the environment of the tests
            assert words[:2] == ["install", "-e"]
            self.site.install(self.site.here / words[2])
        else:
            words = ["-m", "nas", *words] if program == "nas" else words
            if words[:2] == ["-m", "nas"]:
                words[2:] = quick(words[2:], self.smaller)
            if words[:2] == ["-m", "pytest"]:
                done = self.site.run(sys.executable, *words, **self.variables)
            else:
                done = self.site.python(*words, **self.variables)
            assert done.code == 0, f"{command}\n{done.out}{done.err}"
            self.output += done.out
