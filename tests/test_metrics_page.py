"""Every command and every program of docs/metrics.md runs as written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from nas import METRICS
from tests.support.command_line import SMALL, nas

PAGE = (Path(__file__).parent.parent / "docs" / "metrics.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found


def test_every_metric_and_every_option_is_on_the_page() -> None:
    ours = [name for name in METRICS if METRICS[name].__module__.startswith("nas.metrics.")]
    for name in ours:
        assert f"| `{name}` | {METRICS[name].unit.partition(' of ')[0]}" in PAGE
    for option, value in METRICS.defaults("latency").items():
        shown = "null" if value is None else f"{value:g}"
        assert f"| `metric.latency.{option}` | {shown} |" in PAGE


@pytest.mark.long
def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    search, score = (shlex.split(line)[1:] for line in "".join(blocks("sh")).splitlines())
    done = nas(*search, *SMALL)
    assert done.code == 0, done.err
    assert re.search(r"^latency [\d.e-]+ +\(ms, interquartile range", done.out, re.MULTILINE)
    assert re.search(r"^memory +[\d,]+ +\(bytes\)$", done.out, re.MULTILINE)
    again = nas(*score)
    assert again.code == 0, again.err
    assert "interquartile range" in again.out


@pytest.mark.long
def test_the_programs_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    METRICS.load()
    monkeypatch.setattr(METRICS, "_plugins", dict(METRICS._plugins))
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks("python"):
        exec(compile(block, "metrics.md", "exec"), names)
    shown = capsys.readouterr().out
    assert "'ms_iqr'" in shown
    assert shown.endswith("\n50\n")
