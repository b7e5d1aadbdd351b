"""The command on a page makes the same search again: the same settings, the same trials."""

from __future__ import annotations

import shlex
from html import escape
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from nas.cli import repeating
from nas.cli.repeating import again, go_on
from nas.cli.settings import SearchSettings, typed
from nas.runs.folder import read_record
from tests.support.command_line import SMALL, history, nas

WORDS = [*SMALL, "budget=12", "strategy=random"]
FINALS = "finals.size=3"


def record(folder: Path) -> dict[str, Any]:
    found = read_record(folder)[0]
    return {name: value for name, value in found.items() if name != "out"}


@pytest.mark.parametrize(
    "words",
    [
        ["proxy=params", "seed=7", "block=3", FINALS],
        ["proxy=[params,flops]", "finals=none", "metrics=[flops]"],
        ["proxy=naswot", "batch=noise", "finals.size=3", "metrics=[params]"],
        [
            "proxy=params",
            "objective=[params,-flops^0.5]",
            "constraints=[flops<=2M, params>=100]",
            FINALS,
        ],
        ["proxy=params", "objective=params*flops^-0.07", "timeout=10m", "count=scored", FINALS],
        ["proxy=params", "warmup=6", "warmup.proxy=flops", "move=flops", "live=false", FINALS],
        ["proxy=params", "ranking=pareto", "proxy=[params,flops]", "reference=[0,-5.5]", FINALS],
        ["proxy=quintet", "budget=4", FINALS],
        ["proxy=epsilon", "proxy.underflow=none", "strategy=evolution", "strategy.population=4"],
    ],
    ids=lambda words: " ".join(words),
)
def test_a_search_is_made_again(words: list[str], here: Path) -> None:
    assert nas("search", *WORDS, *words, "out=one").code == 0
    page = (here / "one" / "report.html").read_text(encoding="utf-8")
    command = again(read_record(here / "one")[0])
    assert escape(command) in page
    first, second, *rest = shlex.split(command)
    assert (first, second) == ("nas", "search")
    done = nas("search", *rest, "out=other")
    assert done.code == 0, done.err
    assert record(here / "other") == record(here / "one")
    assert history(here / "other") == history(here / "one")


def test_a_combination_of_proxies_is_written_by_its_name() -> None:
    from nas.cli.config_files import conf_dir
    from nas.storage.yaml_files import read_yaml

    parts = ("expressivity", "progressivity", "trainability", "flops")
    members = {name: read_yaml(conf_dir() / "proxy" / f"{name}.yaml") for name in parts}
    found = again({"proxy": {"name": "az_nas", **members}, "ranking": {"name": "rank_sum"}})
    assert shlex.split(found)[2:] == ["ranking=rank_sum", "proxy=az_nas"]


def test_texts_that_look_like_something_else_stay_texts(here: Path) -> None:
    assert nas("search", *WORDS, "proxy=params", "out=one").code == 0
    whole = read_record(here / "one")[0]
    odd = {**whole, "table": "1e5", "target": "null", "data_dir": str(here)}
    words = again(odd)
    typed(SearchSettings, odd)  # these are settings
    done = nas("search", *shlex.split(words)[2:], "out=other")
    assert done.code == 2
    assert "no table of true figures is named 1e5 in" in done.err


def test_a_search_by_a_program_has_no_command() -> None:
    assert again({"scores": {"proxy": "key"}, "space": {"name": "mine"}}) == ""


def test_a_command_that_goes_on_says_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder in quotes that a shell and Hydra read, and the plugins of the environment."""
    monkeypatch.setattr(repeating, "setting", lambda record: f"NAS_PLUGINS={record['space']} ")
    command = go_on("table", ["epochs=2", "out=old", "sample=4"], "a b's", {"space": "mine"})
    plugins, *words = shlex.split(command)
    assert plugins == "NAS_PLUGINS=mine"
    assert words[:-1] == ["nas", "table", "epochs=2", "sample=4"]
    assert OverridesParser.create().parse_override(words[-1]).value() == "a b's"
