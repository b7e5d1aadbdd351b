"""The examples in docstrings run as they stand there."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import nas

HERE = Path(nas.__file__).parent
WITH_EXAMPLES = [
    ".".join(path.relative_to(HERE.parent).with_suffix("").parts)
    for path in sorted(HERE.rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def test_there_are_examples() -> None:
    assert {"nas.notation", "nas.network.graph", "nas.collapse.outputs"} <= {*WITH_EXAMPLES}
