"""docs/quickstart.ipynb runs from its first cell to its last, and every result shows itself."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parent.parent / "docs" / "quickstart.ipynb"
CELLS: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def test_it_has_ten_cells_and_no_outputs() -> None:
    assert len(CELLS) == 10
    assert len({cell["id"] for cell in CELLS}) == 10
    for cell in CELLS:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def shown(value: Any) -> str:
    """What a notebook shows of the last value of a cell."""
    for name in ("_repr_html_", "_repr_svg_"):
        if hasattr(value, name):
            return str(getattr(value, name)())
    return ""


def test_its_cells_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a kernel runs them: in one namespace, the value of a last expression is shown."""
    names: dict[str, Any] = {"__name__": "__main__"}
    values = []
    for cell in CELLS:
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop()
        exec(compile(tree, cell["id"], "exec"), names)
        if isinstance(last, ast.Expr):
            code = compile(ast.Expression(last.value), cell["id"], "eval")
            values.append((cell["id"], eval(code, names)))
    pages = {cell: shown(value) for cell, value in values if value is not None}
    assert len(pages) == 6
    assert all(page.startswith(("<div", "<svg")) for page in pages.values())
    assert "def create_model" in capsys.readouterr().out
    assert [path.name for path in here.iterdir()] == ["winner.py"]


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_a_kernel_runs_it() -> None:
    """With the real thing, where it is installed."""
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    client.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    kinds = [
        {kind for output in cell.outputs for kind in output.get("data", {})}
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    assert sum(bool({"text/html", "image/svg+xml"} & found) for found in kinds) == 6
