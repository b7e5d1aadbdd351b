"""What our plugins' files say of them, read without importing them: a list must not wait.

Most proxies need PyTorch, whose import takes longer than everything else that a list does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from inspect import cleandoc, getdoc, getfile, unwrap
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NamedTuple

from nas.registry.plugins import plugins
from nas.registry.registry import Registry


class Described(NamedTuple):
    """A plugin as its file describes it."""

    docs: str
    """The docstring, without indentation; empty if there is none."""
    module: str
    path: Path


def described(registry: Registry[Any]) -> dict[str, Described]:
    """Every plugin of a registry by name, sorted.

    With plugins of other packages or programs, and where a file of ours does not register its
    plugins in the usual way, everything is imported.
    """
    found = _read(registry) if registry.only_ours() and not plugins() else None
    if found is None:
        found = {
            name: Described(docs_of(plugin), *place(plugin)) for name, plugin in registry.items()
        }
    return dict(sorted(found.items()))


def docs_of(plugin: Any) -> str:
    """The plugin's own docstring, not one that its class inherits; empty if there is none."""
    if not isinstance(plugin, type):
        return getdoc(plugin) or ""
    own = cleandoc(vars(plugin).get("__doc__") or "")
    return "" if own.startswith(f"{plugin.__name__}(") else own  # a dataclass makes such a one


def place(plugin: Any) -> tuple[str, Path]:
    """The module of a plugin that is imported, and its file."""
    return plugin.__module__, Path(getfile(unwrap(plugin)))


def _read(registry: Registry[Any]) -> dict[str, Described] | None:
    """What the files of the registry's home say; None if a reader cannot be sure of it."""
    registry.check_home()
    found: dict[str, Described] = {}
    registries = set[str]()
    for module, path in _modules(registry.home):
        try:
            content = path.read_bytes()
            if b".register" not in content:
                continue
            tree = ast.parse(content)
        except (OSError, SyntaxError, ValueError):  # its import says what is wrong
            return None
        calls = sum(map(_is_registration, ast.walk(tree)))
        for node in tree.body:
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                continue
            for call in filter(_is_registration, node.decorator_list):
                calls -= 1
                match call:
                    case ast.Call(ast.Attribute(ast.Name(of)), [ast.Constant(str(name))], []):
                        registries.add(of)
                    case _:
                        return None
                docs = ast.get_docstring(node)
                if docs is None or name in found:  # inherited, or an error
                    return None
                found[name] = Described(docs, module, path)
        if calls:  # some are not decorators of the module's own classes and functions
            return None
    return found if len(registries) == 1 else None


def _modules(home: str) -> Iterator[tuple[str, Path]]:
    """The modules that `Registry.load` imports, and their files."""
    spec = find_spec(home)
    if spec is None or spec.origin is None:
        return
    yield home, Path(spec.origin)
    for module in iter_modules(spec.submodule_search_locations or []):
        if not module.name.startswith("_"):
            name = f"{home}.{module.name}"
            inner = module.module_finder.find_spec(name, None)
            if inner is not None and inner.origin is not None:
                yield name, Path(inner.origin)


def _is_registration(node: ast.AST) -> bool:
    """Whether this is a call such as `PROXIES.register("epsilon")`."""
    match node:
        case ast.Call(ast.Attribute(ast.Name(of), "register")):
            return of.isupper()
    return False
