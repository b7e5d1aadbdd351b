"""A run's folder says what made it; older formats are read, newer ones refused by name."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import nas as package
from nas.storage.journal import check_of
from nas.version import __version__
from tests.support.command_line import RUN, Done, check_mistake, history, nas


@pytest.fixture
def folder(run: tuple[Path, Done], tmp_path: Path) -> Path:
    """A copy of a finished search."""
    path = tmp_path / "run"
    shutil.copytree(run[0], path)
    return path


def config(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((folder / "config.yaml").read_text())
    return content


def rewrite(folder: Path, **changed: object) -> None:
    content = {**config(folder), **changed}
    content = {key: value for key, value in content.items() if value is not None}
    content.pop("check")
    if "format" in content:
        content["check"] = check_of(content)
    (folder / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def test_a_folder_says_its_format_and_versions(folder: Path) -> None:
    content = config(folder)
    assert next(iter(content)) == "format"
    assert content["format"] == 2
    versions = content["versions"]
    assert set(versions) == {"python", "epsilon-nas", "torch", "numpy"}
    assert versions["torch"] == torch.__version__
    assert versions["epsilon-nas"] == package.__version__


def test_the_version_is_printed() -> None:
    assert nas("--version").out == f"nas {package.__version__}\n"
    assert package.__version__ == __version__


def test_a_folder_of_before_there_were_formats_is_read_and_continued(folder: Path) -> None:
    before = history(folder)
    lacking = ("format", "versions", "metrics", "patience", "give_up", "count", "strict")
    rewrite(folder, **dict.fromkeys(lacking))
    report = nas("report", folder)
    assert report.code == 0
    assert "FLOPs" in report.out
    done = nas("search", *RUN[:-1], "budget=70", f"out={folder}")
    assert done.code == 0, done.err
    assert history(folder)[:60] == before
    assert config(folder)["format"] == 2


def test_a_search_of_before_a_strategy_had_an_option_goes_on(folder: Path) -> None:
    before = history(folder)
    strategy = config(folder)["strategy"]
    assert strategy.pop("survival") == "ageing"
    rewrite(folder, strategy=strategy)
    assert nas("report", folder).code == 0
    done = nas("search", *RUN[:-1], "budget=70", f"out={folder}")
    assert done.code == 0, done.err
    assert history(folder)[:60] == before
    assert config(folder)["strategy"]["survival"] == "ageing"


@pytest.mark.parametrize("found", [3, 99, "new", 0, [1]])
def test_a_format_of_the_future_is_refused_by_its_name(found: object, folder: Path) -> None:
    rewrite(folder, format=found)
    for argv in (["report", folder], ["search", *RUN, f"out={folder}"]):
        check_mistake(nas(*argv), [f"has the format {found}", "reads formats up to 2"])


def test_another_version_is_said_and_kept(folder: Path) -> None:
    rewrite(folder, versions={**config(folder)["versions"], "torch": "1.0"})
    done = nas("search", *RUN[:-1], "budget=61", f"out={folder}")
    assert done.code == 0
    assert "was begun with torch 1.0, and goes on with" in done.err
    assert config(folder)["versions"]["torch"] == "1.0"


def test_metrics_decide_what_a_trial_is_and_give_up_does_not(folder: Path) -> None:
    done = nas("search", *RUN, "metrics=[params]", f"out={folder}")
    check_mistake(done, ["other settings: metrics is ['params', 'flops'] there"])
    assert nas("search", *RUN, "give_up=3", "strict=true", f"out={folder}").code == 0
