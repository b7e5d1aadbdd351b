"""`nas new`: writes a small working package with a plugin of yours to change."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from keyword import iskeyword, issoftkeyword
from pathlib import Path
from string import Template

import yaml

from nas.cli.composition import positional, run_hydra
from nas.cli.config_files import conf_dirs
from nas.cli.settings import NewSettings
from nas.errors import UsageError, unknown
from nas.storage.files import path_of
from nas.version import __version__

KINDS = ("space", "proxy", "strategy", "tracker")
TEMPLATES = Path(__file__).parent.parent.parent / "templates"
FILES = {
    "pyproject.toml": "pyproject.toml.txt",
    "README.md": "README.md.txt",
    "$name/__init__.py": "$kind.py.txt",
    "$name/conf/$kind/$name.yaml": "$kind.yaml.txt",
    "tests/test_$name.py": "$kind.test.txt",
    "$name/py.typed": None,
}
"""The files of a package and their templates; None means an empty file."""
LONGEST = 40
"""Most characters of a name, so that the lines with the name are not too long."""


def main(argv: Sequence[str]) -> None:
    """Write the package that the arguments ask for."""
    words, rest = positional(argv)

    def task(settings: NewSettings) -> None:
        if len(words) != 2:
            raise UsageError(f"new needs a kind and a name: nas new {'|'.join(KINDS)} NAME")
        kind, name = words
        run(kind, name, settings.out)

    run_hydra("new", NewSettings, task, rest)


def run(kind: str, name: str, out: str | None) -> None:
    """Write a package with a plugin of the kind into a new folder."""
    if kind not in KINDS:
        raise unknown("kind of plugin", kind, KINDS)
    _check(name)
    folder = path_of(name if out is None else out, "out=")
    values = {
        "name": name,
        "kind": kind,
        "class": "".join(part[:1].upper() + part[1:] for part in name.split("_")) + kind.title(),
        "version": __version__,
    }
    _write(folder, {_filled(path, values): _content(text, values) for path, text in FILES.items()})
    paths = [_filled(path, values) for path in FILES]
    print(f"files    {folder}: {', '.join(paths)}")
    print(f"install  pip install -e {_shown(folder)}")
    print(f"test     python -m pytest {_shown(folder)}")
    print(f"use      nas search {kind}={name} budget=50")


def _shown(folder: Path) -> str:
    """The folder as pip needs it: pip takes a plain word for the name of a package."""
    return shlex.quote(str(folder) if folder.is_absolute() else f"./{folder}")


def _filled(text: str, values: Mapping[str, str]) -> str:
    return Template(text).substitute(values)


def _content(template: str | None, values: Mapping[str, str]) -> str:
    """A template's text with the values filled in."""
    if template is None:
        return ""
    text = (TEMPLATES / _filled(template, values)).read_text(encoding="utf-8")
    return _filled(text, values)


def _check(name: str) -> None:
    """Raise UsageError if the name cannot name a module, a distribution and a plugin at once."""
    if not re.fullmatch(r"[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?", name):
        near = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        hint = f" such as {near}" if re.match(r"[A-Za-z]", near) else ""
        raise UsageError(
            f"'{name}' cannot be a module's name: take letters, digits and _ inside{hint}"
        )
    if len(name) > LONGEST:
        raise UsageError(f"'{name}' is too long: take at most {LONGEST} characters")
    if iskeyword(name) or issoftkeyword(name):
        raise UsageError(f"'{name}' is a keyword of Python: take another name")
    if yaml.safe_load(name) != name or name.lower() in ("inf", "nan", "null", "true", "false"):
        raise UsageError(f"'{name}' is no text in a config: take another name")
    for folder in conf_dirs():
        for kind in KINDS:
            if (folder / kind / f"{name}.yaml").exists():
                raise UsageError(f"there is a {kind} '{name}' already: take another name")
    if name.lower() in ("test", "tests", "conf"):
        raise UsageError(f"'{name}' is the name of a folder in the package: take another name")
    if name in sys.stdlib_module_names or _importable(name):
        raise UsageError(f"there is a module '{name}' already: take another name")
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return
    raise UsageError(f"'{installed.name}' is installed already: take another name")


def _importable(name: str) -> bool:
    """Whether a module has the name; a folder here without code does not count."""
    try:
        spec = find_spec(name)
    except ValueError:  # a module that code made without a spec
        return True
    if spec is None or spec.origin is not None:
        return spec is not None
    here = Path(name).absolute()
    return any(Path(place).absolute() != here for place in spec.submodule_search_locations or ())


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Make the folder with its files; if that fails, remove all of it."""
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"{folder} is there already: give out=FOLDER, which is to be made")
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    made = above / folder.absolute().relative_to(above).parts[0]
    try:
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content, encoding="utf-8")
    except OSError as error:
        shutil.rmtree(made, ignore_errors=True)
        raise UsageError(f"{folder} cannot be written to: {error.strerror or error}") from error
