"""Compiling in one process of several: who waits, and what is done meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock

from nas import UsageError

pytest.importorskip("numba")
compiling = pytest.importorskip("nas.collapse.compiling")


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
    compiling.compile_kernels.cache_clear()
    return dtypes


def test_what_is_asked_for_is_compiled_once(compiled: list[str]) -> None:
    for _ in range(2):
        compiling.compile_kernels.cache_clear()  # as in another process
        compiling.compile_kernels("float64")
    assert compiled == ["float64"]


@pytest.mark.parametrize("done", [True, False])
def test_while_another_process_compiles_one_this_compiles_the_other_and_waits(
    done: bool, compiled: list[str], tmp_path: Path
) -> None:
    """And compiles itself where the other process ends before it is done."""
    lock = FileLock(tmp_path / "kernels-float32.lock", thread_local=False)
    lock.acquire()
    before: list[str] = []

    def end() -> None:
        before.extend(compiled)
        if done:
            (tmp_path / f"kernels-float32.{compiling._version()}").touch()
        lock.release()

    Timer(1, end).start()
    compiling.compile_kernels("float32")
    assert before == ["float64"]
    assert compiled == ["float64"] if done else ["float64", "float32"]


def test_nobody_waits_for_ever(compiled: list[str], tmp_path: Path) -> None:
    compiling_for = compiling._compiled
    with FileLock(tmp_path / "kernels-float32.lock"):
        assert not compiling_for("float32", tmp_path, 0.1)
    assert not compiled
    assert compiling_for("float32", tmp_path, 0.1)


def test_without_locks_whoever_comes_compiles(compiled: list[str], tmp_path: Path) -> None:
    (tmp_path / "kernels-float32.lock").mkdir()
    compiling.compile_kernels("float32")
    assert compiled == ["float32"]


def test_the_output_of_the_least_program_is_its_input() -> None:
    planes = compiling.Planes(compiling.np.full((1, 1, 1, 1), 3.0))
    [(results, scales)] = planes.outputs(compiling._plane(), [0.5])
    assert results.tolist() == [[3.0]]
    assert scales.tolist() == [0.0]


def test_no_room_to_keep_them_is_a_sentence(
    compiled: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compiling.Planes, "outputs", full)
    with pytest.raises(UsageError, match=r"No space left on device.*set NUMBA_CACHE_DIR"):
        compiling.compile_kernels("float32")
    assert not list(tmp_path.glob(f"*{compiling._version()}"))
    assert not compiled


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("level", [0, 1, 3])
def test_the_settings_of_numba_and_python_are_others_only_meanwhile(
    level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Any = compiling.config
    seen: list[tuple[int, bool]] = []

    def looked(*_: object) -> Iterator[None]:
        seen.append((settings.OPT, gc.isenabled()))
        yield

    monkeypatch.setattr(settings, "OPT", type(settings.OPT)(level))
    monkeypatch.setattr(compiling.Planes, "outputs", looked)
    collects = gc.isenabled()
    compiling.compile_kernels("float32")
    assert seen == [(min(level, 1), False)]
    assert (settings.OPT, gc.isenabled()) == (level, collects)
