"""Help pages, which must be quick."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from nas.cli.comments import comments
from nas.cli.config_files import conf_dir
from nas.cli.help import options
from nas.cli.kinds import registries
from nas.cli.main import COMMANDS, MORE
from tests.support.command_line import check_mistake, nas, snapshot
from tests.support.site import Site


@pytest.mark.parametrize("flags", [["--help"], ["-h"], []])
def test_help_names_the_commands(flags: list[str]) -> None:
    done = nas(*flags)
    assert (done.code, done.err) == (0, "")
    for name, text in {**COMMANDS, **MORE}.items():
        assert re.search(rf"^ +{name} +{re.escape(text)}$", done.out, re.MULTILINE)


@pytest.mark.long
def test_help_and_lists_import_neither_torch_nor_polars() -> None:
    """All pages in one process: none of them has imported one of the two."""
    program = """
import sys
from nas.cli.main import main
for words in sys.argv[1:]:
    try:
        main(words.split())
    except SystemExit as stop:
        print(f"end of {words}:", stop.code, {"torch", "polars"} & {*sys.modules})
    else:
        print(f"end of {words}: 0", {"torch", "polars"} & {*sys.modules})
"""
    pages = {"": "usage: nas", "--help": "usage: nas", "list": "spaces"}
    pages |= {"help proxy": "proxy=", "help batch": "batch="}
    pages |= {f"{name} --help": f"nas {name}" for name in COMMANDS}
    command = [sys.executable, "-c", program, *pages]
    untabled = {name: text for name, text in os.environ.items() if name != "NAS_DATA"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=untabled)
    assert (done.returncode, done.stderr) == (0, "")
    for words, first in pages.items():
        page, _, done.stdout = done.stdout.partition(f"end of {words}: 0 set()\n")
        assert page.startswith(first), words
    assert done.stdout == ""


def entries(page: str) -> dict[str, str]:
    """The lines of a help page by option: default and text."""
    found = re.split(r"^  (?=[\w.]+=)", page, flags=re.MULTILINE)[1:]
    pairs = (re.match(r"([\w.]+)=(.*)", entry, re.DOTALL) for entry in found)
    return {pair[1]: " ".join(pair[2].split()) for pair in pairs if pair}


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_every_option_with_its_default(command: str, flag: str, here: Path) -> None:
    done = nas(command, flag)
    assert (done.code, done.err) == (0, "")
    content = yaml.safe_load((conf_dir() / f"{command}.yaml").read_text())
    shown = entries(done.out)
    for entry in content.pop("defaults"):
        for group, name in entry.items() if isinstance(entry, dict) else ():
            for path in (conf_dir() / group).glob("*.yaml"):
                assert path.stem == "several" or path.stem in shown[group]
            assert shown[group].startswith(f"{name} ")
            config = yaml.safe_load((conf_dir() / group / f"{name}.yaml").read_text())
            assert {f"{group}.{key}" for key in config} <= {*shown, f"{group}.name"}
    del content["hydra"]
    for option, value in content.items():
        default = shown[option]
        if not str(value).startswith(("$", "runs")):
            written = yaml.safe_dump(value, default_flow_style=True).splitlines()[0]
            assert default.startswith(written)
    assert not snapshot(here)


def configs() -> list[Path]:
    return sorted(conf_dir().rglob("*.yaml"))


@pytest.mark.parametrize("path", configs(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_option_says_what_it_is_for(path: Path) -> None:
    content = yaml.safe_load(path.read_text())
    told = comments(path)
    groups = [
        key
        for entry in content.pop("defaults", [])
        if isinstance(entry, dict)
        for key in entry
        if not key.startswith(("/", "override"))
    ]
    for option in [*groups, *({*content} - {"name", "hydra", "proxy"})]:
        assert len(told.get(option, "")) > 3, f"{path}: {option}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_says_what_it_takes(command: str) -> None:
    for line in options(command):
        assert line.takes, line.name
        assert line.text, line.name


def test_help_has_the_options_of_what_is_chosen() -> None:
    done = nas("search", "proxy=[naswot,az_nas]", "strategy=random", "space=vit", "--help")
    shown = entries(done.out)
    assert {"space.patch", "proxy.naswot.init", "proxy.trainability.init"} <= {*shown}
    assert not {"space.cells", "strategy.population", "proxy.low"} & {*shown}
    check_mistake(nas("search", "space=nasbench202", "--help"), ["nasbench201"])


@pytest.mark.parametrize(
    "kind", ["space", "proxy", "strategy", "metric", "batch", "ranking", "executor", "tracker"]
)
def test_help_explains_every_plugin(kind: str) -> None:
    registry = registries()[kind]
    pages = nas("help", *(f"{kind}={name}" for name in registry))
    assert (pages.code, pages.err) == (0, "")
    for name, plugin in registry.items():
        docs = (inspect.getdoc(plugin) or "").splitlines()
        assert f"{kind}={name}: {docs[0]}\nfrom epsilon-nas " in pages.out
        assert docs[-1] in pages.out
        for option, value in registry.defaults(name).items():
            prefix = f"metric.{name}" if kind == "metric" else kind
            assert f"\n  {prefix}.{option}={json.dumps(value)}".replace('"', "") in pages.out


def test_help_about_plugins_of_two_kinds_is_about_both() -> None:
    told = nas("help", "proxy=epsilon", "space=darts").out
    assert {"proxy.low", "space.none"} <= {*entries(told)}


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("naswot", ["proxy"]),
        ("rank_sum", ["ranking"]),
        ("trio", ["proxy"]),
        ("flops", ["metric", "proxy"]),
    ],
)
def test_help_knows_plugins_by_their_names(name: str, kinds: list[str]) -> None:
    told = nas("help", name).out
    assert all(f"{kind}={name}" in told for kind in kinds)
    if len(kinds) == 1:
        assert told == nas("help", f"{kinds[0]}={name}").out


def test_help_says_what_an_option_of_a_plugin_takes() -> None:
    shown = entries(nas("help", "proxy=epsilon").out)
    assert shown["proxy.low"] == "null the low weight; null: the space's own (a number or null)"
    assert shown["proxy.underflow"].endswith("(one of float32, none)")


def test_help_explains_combinations() -> None:
    done = nas("help", "proxy=az_nas")
    assert "expressivity + progressivity + trainability + flops, ranking=rank_sum" in done.out
    assert "arXiv:2403.19232" in done.out
    assert "proxy.trainability.init" in entries(done.out)
    listed = nas("help", "proxy").out
    assert "trio" in listed
    assert "Gracheva 2024" in listed


@pytest.mark.long
def test_help_explains_options_and_commands() -> None:
    done = nas("help", "budget")
    assert done.out.startswith("nas search\n  budget=1000")
    assert nas("help", "search").out == nas("search", "--help").out
    assert nas("help").out == nas("--help").out
    assert "finals.size" in entries(nas("help", "finals=panel").out)


@pytest.mark.parametrize("name", MORE)
def test_help_explains_the_commands_without_settings(name: str) -> None:
    done = nas("help", name)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"nas {name} ")
    assert max(map(len, done.out.splitlines())) < 100


@pytest.mark.parametrize(
    ("word", "fragments"),
    [
        ("complete", ["did you mean 'completion'"]),
        ("proxy=foo", ["no proxy 'foo'", "az_nas", "flops"]),
        ("proxi=epsilon", ["KIND=NAME", "proxy"]),
        ("budgets", ["budgets", "did you mean 'budget'"]),
        ("proxy=", ["KIND=NAME"]),
        ("finals=foo", ["panel"]),
    ],
)
def test_help_about_nothing_is_a_sentence(word: str, fragments: list[str]) -> None:
    check_mistake(nas("help", word), fragments)


@pytest.mark.parametrize("flags", [["--cfg", "job"], ["-c", "job"], ["--cfg=job"]])
def test_the_config_is_shown_and_nothing_runs(flags: list[str], here: Path) -> None:
    done = nas("search", *flags, "budget=7", "space.cells=3", "strategy=random")
    assert (done.code, done.err) == (0, "")
    config = yaml.safe_load(done.out)
    assert config["budget"] == 7
    assert config["space"]["cells"] == 3
    assert config["strategy"] == {"name": "random"}
    assert config["seed"] == 0
    assert not snapshot(here)


OTHER = """
from nas import PROXIES, Proxy

@PROXIES.register("other")
class Other(Proxy):
    \"\"\"A proxy of another package (Nobody 2020).

    It is always one.
    \"\"\"

    def __init__(self, scale: float = 2.0, kind: str | None = None) -> None:
        self.scale = scale

    def score(self, candidate, batch):
        return 1.0
"""


@pytest.mark.long
def test_help_explains_plugins_of_other_packages(site: Site) -> None:
    """With a yaml and without one."""
    site.add("others", OTHER, distribution="others-dist")
    done = site.nas("help", "proxy=other")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(
        "proxy=other: A proxy of another package (Nobody 2020).\nfrom others"
    )
    assert "proxy.scale=2.0" in done.out
    assert "(a text or null)" in done.out
    assert done.out.endswith("It is always one.\n")
    assert "other " in site.nas("help", "proxy").out
    folder = site.folder / "others" / "conf" / "proxy"
    folder.mkdir(parents=True)
    (folder / "other.yaml").write_text("name: other\nscale: 2.0 # how large it is\nkind: null\n")
    assert "how large it is (a number)" in site.nas("help", "proxy=other").out
    shown = entries(site.nas("search", "proxy=other", "--help").out)
    assert shown["proxy.scale"].startswith("2.0 how large it is")
