"""The module that a user names on the command line: `module=package.nets:Net`, `file=net.py:Net`.

Only a user's own words name code: these options and `data=python:…` are on the command line
alone, and a config cannot set them.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nas.errors import UsageError, unknown
from nas.storage.files import path_of

if TYPE_CHECKING:
    from torch import nn


def module_named(option: str, text: str) -> nn.Module | Callable[[], nn.Module]:
    """The module, or the class or function that makes it; `option` is module or file.

    Raises UsageError, a sentence, where there is none, its code raises an error, or it needs
    arguments.
    """
    place, colon, name = text.rpartition(":")
    if not colon or not place or not name:
        example = "package.nets:Net" if option == "module" else "net.py:Net"
        raise UsageError(
            f"{option}={text} must say where the network is and what it is called, such as "
            f"{option}={example}"
        )
    given = f"{option}={text}"
    code = _imported(place, given) if option == "module" else _run(place, given)
    found: Any = code
    for part in name.split("."):
        if not hasattr(found, part):
            raise _lacking(given, name, vars(found))
        found = getattr(found, part)
    return _checked(found, given)


def digest_of(place: str) -> str:
    """A hash of a file of code and of those that it imports from its folder or its package."""
    first = path_of(place, "file=").resolve()
    root = first.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    found: set[Path] = set()
    waiting = [first]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imports(path, (first.parent, root))
    content = sha256()
    for path in sorted(found):
        content.update(sha256(path.read_bytes()).digest())
    return content.hexdigest()


def _imports(path: Path, folders: Sequence[Path]) -> Iterator[Path]:
    """The files in some folders that the imports of a file name."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names, bases = [each.name for each in node.names], folders
        elif isinstance(node, ast.ImportFrom):
            begin = f"{node.module}." if node.module else ""
            names = [f"{begin}{each.name}" for each in node.names]
            bases = [path.parents[node.level - 1]] if node.level else folders
        else:
            continue
        for name in names:
            parts = name.split(".")
            for base in bases:
                for end in range(1, len(parts) + 1):
                    own = base.joinpath(*parts[:end])
                    both = own / "__init__.py", own.with_name(f"{own.name}.py")
                    yield from (each.resolve() for each in both if each.is_file())


def called(text: str) -> Any:
    """What the function of data=python:TEXT gives; UsageError where there is none or it fails."""
    given = f"data=python:{text}"
    place, colon, name = text.rpartition(":")
    if not colon or not place or not name:
        raise UsageError(
            f"{given} must say where the function is and what it is called, such as "
            f"data=python:package.data:examples"
        )
    code = _run(place, given) if place.endswith(".py") else _imported(place, given)
    found = getattr(code, name, None)
    if not callable(found):
        raise UsageError(f"{given} is not there: {place} has no function {name}")
    try:
        return found()
    except (Exception, SystemExit) as error:
        lines = str(error).strip().splitlines()
        why = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
        raise UsageError(f"{given} fails ({why})") from error


def _lacking(given: str, name: str, there: Mapping[str, Any]) -> UsageError:
    """The error for a name that is not there, with the names that make networks."""
    names = []
    for each, value in there.items():
        with suppress(UsageError):
            if not each.startswith("_") and not isinstance(value, ModuleType):
                _checked(value, each)
                names.append(each)
    if not names:
        return UsageError(f"{given} is not there, and no other network is")
    return UsageError(f"{given} is not there: {unknown('network', name, names)}")


def _checked(found: Any, given: str) -> nn.Module | Callable[[], nn.Module]:
    """What makes a module without arguments, or is one; raises UsageError for anything else."""
    from torch import nn

    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise UsageError(
            f"{given} is no network: it must be an nn.Module, or a class or a function that makes "
            f"one, and it is {found!r:.40}"
        )
    if isinstance(found, type) and not issubclass(found, nn.Module):
        raise UsageError(f"{given} is a class that is no nn.Module: name one that is")
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):  # a builtin says nothing of its arguments
        parameters = {}.values()
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [
        each.name
        for each in parameters
        if each.default is each.empty and each.kind not in variadic
    ]
    if needed:
        raise UsageError(
            f"{given} needs the arguments {', '.join(needed)}: name a function without arguments "
            f"that calls it"
        )
    made: Callable[[], nn.Module] = found
    return made


def _imported(name: str, given: str) -> ModuleType:
    """A module by its name, also one in the current folder."""
    with _searched(Path.cwd()), _explained(given):
        return import_module(name)


def _run(place: str, given: str) -> ModuleType:
    """The module of a file; the files beside it can be imported by it."""
    path = path_of(place, "file=")
    if not path.is_file():
        raise UsageError(f"{given} cannot be read: there is no file {path}")
    name = path.stem if path.stem not in sys.modules else f"nas_file_{path.stem}"
    spec = spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UsageError(f"{given} is no file of Python: its name must end in .py")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look there
    with _searched(path.resolve().parent), _explained(given):
        try:
            spec.loader.exec_module(module)
        except ImportError as error:
            if "attempted relative import with no known parent" not in str(error):
                raise
            del sys.modules[name]
            return _in_package(path.resolve())
    return module


def _in_package(path: Path) -> ModuleType:
    """The module of a file that imports others of its package, which is the folder around it."""
    folder, names = path.parent.parent, [path.parent.name, path.stem]
    while (folder / "__init__.py").is_file():
        folder, names = folder.parent, [folder.name, *names]
    with _searched(folder):
        found = import_module(".".join(names))
    if Path(found.__file__ or "").resolve() != path:
        raise ImportError(f"another package is called {names[0]}: rename the folder {path.parent}")
    return found


@contextmanager
def _searched(folder: Path) -> Iterator[None]:
    """Have Python find the modules of a folder, after all others."""
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


@contextmanager
def _explained(given: str) -> Iterator[None]:
    """An error of the user's code as a UsageError."""
    try:
        yield
    except (Exception, SystemExit) as error:
        lines = str(error).strip().splitlines()
        why = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
        raise UsageError(f"{given} cannot be imported ({why})") from error
