"""Compiling in one process of several: who waits, and what is done meanwhile."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from nas import UsageError

compiling = pytest.importorskip("nas.compiling", reason="needs numba")


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The dtypes that were compiled, with their locks in `tmp_path`."""
    dtypes: list[str] = []
    outputs = compiling.Planes.outputs

    def spied(planes: object, *arguments: object) -> object:
        dtypes.append(str(planes.values.dtype))  # type: ignore[attr-defined]
        return outputs(planes, *arguments)

    monkeypatch.setattr(compiling.Planes, "outputs", spied)
    stats = SimpleNamespace(cache_path=str(tmp_path))
    monkeypatch.setattr(compiling, "run", SimpleNamespace(stats=stats))
    monkeypatch.setattr(compiling, "LONGEST", 0.1)
    compiling.compile_kernels.cache_clear()
    return dtypes


def test_what_is_asked_for_is_compiled_once(compiled: list[str]) -> None:
    compiling.compile_kernels("float64")
    compiling.compile_kernels("float64")
    assert compiled == ["float64"]


def test_while_another_process_compiles_one_this_compiles_the_other(
    compiled: list[str], tmp_path: Path
) -> None:
    with FileLock(tmp_path / "kernels-float32.lock"):
        compiling.compile_kernels("float32")
    assert compiled == ["float64"]  # and the first call compiles, should the other never end


def test_the_output_of_the_least_program_is_its_input() -> None:
    planes = compiling.Planes(compiling.np.full((1, 1, 1, 1), 3.0))
    results, scales = planes.outputs(compiling._plane(), [0.5])
    assert results.tolist() == [[[3.0]]]
    assert scales.tolist() == [[0.0]]


def test_no_room_to_keep_them_is_a_sentence(
    compiled: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setattr(compiling.run.stats, "cache_path", str(file))
    with pytest.raises(UsageError, match=r"file.*set NUMBA_CACHE_DIR"):
        compiling.compile_kernels("float32")
    assert not compiled
