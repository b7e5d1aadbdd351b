"""Who may import whom, and what start-up may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nas

ROOT = Path(nas.__file__).parent.parent
CORE = ["registry", "network", "space", "batch", "proxy", "history", "strategy", "objective"]
LEVELS = {
    **{
        "errors": 0,
        "pickles": 0,
        "plugins": 0,
        "registry": 1,
        "network": 1,
        "seeding": 1,
        "module": 1,
        "program": 1,
        "kernels": 1,
        "compiling": 1,
        "collapse": 1,
        "initialisation": 1,
        "journal": 1,
        "executors": 2,
    },
    **{
        "images": 1,
        "text": 1,
        "space": 2,
        "batch": 3,
        "proxy": 4,
        "history": 4,
        "ranking": 5,
        "strategy": 5,
    },
    **{"counts": 5, "objective": 6, "search": 7},
}
"""A core module imports none of a higher level; the others (commands) may import all."""


def imported(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, except for annotations alone."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    names = set()
    for node in ast.walk(tree):
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


def test_the_core_imports_downwards() -> None:
    for name, level in LEVELS.items():
        for path in files(f"nas/{name}") if (ROOT / "nas" / name).is_dir() else [f"{name}.py"]:
            for other in imported(ROOT / "nas" / path):
                if other.startswith("nas.") and other.count(".") == 1:
                    assert LEVELS[other.removeprefix("nas.")] <= level, f"{name} imports {other}"


def test_global_randomness_is_seeded_in_one_place() -> None:
    for folder in ("nas", "spaces", "proxies", "strategies"):
        for path in files(folder):
            if path.name in ("seeding.py", "testing.py"):
                continue
            text = path.read_text()
            for word in ("manual_seed", "np.random", "set_default_dtype", "random.seed"):
                assert word not in text, f"{path} has {word}"


def test_importing_nas_and_its_strategies_needs_no_torch() -> None:
    code = (
        "import sys, nas; list(nas.STRATEGIES); list(nas.SPACES); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'scipy', 'hydra')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
