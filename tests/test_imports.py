"""Which room may import which, and how much start-up may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import nas

ROOT = Path(nas.__file__).parent.parent

LADDER = (
    "errors seeding storage dominance notebook version",
    "registry",
    "network",
    "collapse",
    "arch notation space one_module batch data",
    "candidate",
    "proxy metric metrics",
    "trial",
    "ranking figures strategy",
    "scoring",
    "searching",
    "runs",
    "compare study surrogates training exporting report drawing",
    "api testing",
    "cli",
)
"""The rooms of `nas` from the ground up: a room imports its own step and those before it."""
STEP = {room: step for step, rooms in enumerate(LADDER) for room in rooms.split()}
PUBLIC = ("__init__", "__main__")
"""Files of no room: `__init__` has the public names of all, `__main__` starts the commands."""


def imported(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, for annotations too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return found


def module(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def room(name: str) -> str:
    return name.split(".")[1]


@pytest.mark.parametrize("kind", ["spaces", "proxies", "strategies"])
def test_a_plugin_imports_nas_and_its_own_folder(kind: str) -> None:
    for path in files(kind):
        assert not tops(path) & ({"spaces", "proxies", "strategies", "tests"} - {kind}), path


def test_strategies_import_no_torch() -> None:
    for path in files("strategies"):
        assert "torch" not in tops(path), path


def test_the_core_names_no_plugin() -> None:
    for path in files("nas"):
        assert not tops(path) & {"spaces", "proxies", "strategies", "tests"}, path


def test_every_room_has_its_step() -> None:
    assert {room(module(path)) for path in files("nas") if path.parent != ROOT / "nas"} <= {*STEP}
    nouns = {path.stem for path in (ROOT / "nas").glob("*.py")} - {*PUBLIC}
    assert nouns <= {*STEP}


def test_rooms_import_downwards() -> None:
    for path in files("nas"):
        if path.parent == ROOT / "nas" and path.stem in PUBLIC:
            continue
        own = room(module(path))
        for other in imported(path):
            if other.startswith("nas.") and room(other) in STEP:
                assert STEP[room(other)] <= STEP[own], f"{module(path)} imports {other}"


def test_no_module_imports_itself_by_way_of_others() -> None:
    modules = {module(path): path for path in files("nas")}
    graph = {name: (imported(path) & {*modules}) - {name} for name, path in modules.items()}
    graph["nas"] = set()  # its public names are for others
    for name in modules:  # a package's __init__ gathers what is inside
        graph[name] -= {other for other in graph[name] if name.startswith(f"{other}.")}
    TopologicalSorter(graph).prepare()  # CycleError names a cycle


def test_the_nouns_are_short() -> None:
    for path in (ROOT / "nas").glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 150, path
    for path in files("nas"):
        limit = 1200 if path.name == "kernels.py" else 400  # Numba's cache sees one file
        assert len(path.read_text(encoding="utf-8").splitlines()) <= limit, path


@pytest.mark.parametrize("folder", ["nas", "spaces", "proxies", "strategies"])
def test_functions_are_short(folder: str) -> None:
    for path in files(folder):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                told = node.body[0] if ast.get_docstring(node) else None
                told_lines = 0 if told is None else (told.end_lineno or 0) - told.lineno
                lines = (node.end_lineno or 0) - node.lineno - told_lines
                assert lines < 50, f"{path}: {node.name}"


def test_global_randomness_is_seeded_in_one_place() -> None:
    for folder in ("nas", "spaces", "proxies", "strategies"):
        for path in files(folder):
            if path.name == "seeding.py" or "testing" in path.parts:
                continue
            text = path.read_text(encoding="utf-8")
            for word in ("manual_seed", "np.random.", "set_default_dtype", "random.seed"):
                assert word not in text.replace("np.random.Generator", ""), f"{path} has {word}"


def test_importing_nas_and_its_strategies_needs_no_torch() -> None:
    code = (
        "import sys, nas; list(nas.STRATEGIES); list(nas.SPACES); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'scipy', 'hydra')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
