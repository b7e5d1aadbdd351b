"""Plugins of others: found, listed, refused where names clash."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from nas import STRATEGIES
from nas.cli.config_files import conf_dir
from nas.cli.main import COMMANDS
from nas.version import __version__
from tests.support.command_line import Done, check_mistake, history
from tests.support.site import KINDS, MINE, MY_SEARCH, SMALL, Site, config, spaces

CELLS = [*SMALL, "space.cells=1"]


FAILING = """
    def network(self, arch):
        raise NotImplementedError("write me")
"""


# Found, listed, used


def test_list_has_plugins_with_distribution_and_file_and_broken_ones_with_the_reason(
    everything: Site,
) -> None:
    done = everything.nas("list", NAS_PLUGINS="alone,my_space")
    assert (done.code, done.err) == (0, "")
    assert f"from NAS_PLUGINS, {everything.folder / 'alone.py'}\n" in done.out
    for kind in KINDS:
        origin = rf"from my_{kind} 0\.1\.0, my_{kind}/__init__\.py"
        assert re.search(rf"^  my_{kind} +\S.*\.\n +{origin}$", done.out, re.MULTILINE)
    assert re.search(r"^  nasbench201 +.*\n +from epsilon-nas [\d.]+, spaces/", done.out, re.M)
    assert done.out.endswith(
        "plugins that cannot be imported\n"
        "  broken (broken 0.1): ModuleNotFoundError: No module named 'not_there'\n"
    )
    assert "half" not in done.out  # what it registered before it failed


@pytest.mark.parametrize("command", ["search", "score", "compare"])
def test_help_lists_plugins_and_imports_none(command: str, site: Site) -> None:
    site.add("mine", "import torch\nraise SystemExit('imported')\n", "space/mine")
    done = site.nas(command, "--help")
    assert (done.code, done.err) == (0, "")
    assert f": {spaces('mine')} space.channels=" in " ".join(done.out.split())


def test_completion_knows_plugins_and_commands(everything: Site) -> None:
    def complete(line: str) -> list[str]:
        return everything.nas("-sc", "query=bash", COMP_LINE=line).out.split()

    assert complete("nas search space=my") == ["space=my_space"]
    assert complete("nas search strategy=my_strategy strategy.p") == ["strategy.patience="]
    assert complete("nas sea") == list(COMMANDS)


@pytest.fixture(scope="module")
def searched(everything: Site) -> tuple[Path, Done]:
    """The folder of a search with plugins of every kind, and what it printed."""
    return everything.here / "run", everything.nas("search", *MY_SEARCH, "out=run")


def test_a_search_with_plugins_of_every_kind(
    everything: Site, searched: tuple[Path, Done]
) -> None:
    folder, done = searched
    assert done.code == 0, done.err
    assert "not_there" not in done.err
    assert "space my_space · proxy my_proxy · strategy my_strategy" in done.out
    arch = json.loads((folder / "best.json").read_text())["arch"]
    scored = everything.nas("score", arch, *SMALL, "space=my_space", "proxy=[my_proxy,params]")
    assert scored.code == 0, scored.err
    assert arch in scored.out


@pytest.mark.parametrize("executor", ["processes", pytest.param("dask", marks=pytest.mark.slow)])
def test_workers_find_the_plugins(
    executor: str, everything: Site, searched: tuple[Path, Done]
) -> None:
    if executor == "dask":
        pytest.importorskip("distributed")
    there = [f"executor={executor}", "executor.workers=1", f"out={executor}"]
    done = everything.nas("search", *MY_SEARCH, *there)
    assert done.code == 0, done.err
    assert history(everything.here / executor) == history(searched[0])


def test_a_combination_of_proxies_can_be_a_plugin(site: Site) -> None:
    site.add("pair", "")
    path = site.folder / "pair" / "conf" / "proxy" / "pair.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(
        "# @package _global_\ndefaults:\n  - /proxy@proxy.params: params\n"
        "  - /proxy@proxy.flops: flops\n  - _self_\n\nproxy:\n  name: pair\n"
    )
    done = site.nas("score", *CELLS, "1,1,1,1,1,3", "proxy=[pair,l2_norm]", "json=true")
    assert done.code == 0, done.err
    assert set(json.loads(done.out)["scores"]) == {"params", "flops", "l2_norm"}


# Broken ones, and names that exist twice


def test_a_broken_plugin_is_silent_until_it_is_asked_for(everything: Site) -> None:
    fine = everything.nas("search", *CELLS, "proxy=params", "budget=5", "out=fine")
    assert fine.code == 0
    assert "broken" not in fine.out + fine.err
    done = everything.nas("search", "space=broken")
    why = (
        "the plugin broken (broken 0.1), which cannot be imported: ModuleNotFoundError: No module"
    )
    check_mistake(done, ["the space 'broken' is of", why, "'not_there'"])


BROKEN = {
    "raises": ("raise RuntimeError('no\\nmore')", "RuntimeError: no"),
    "exits": ("import sys; sys.exit()", "SystemExit()"),
    "open": ("x = (", "SyntaxError: '(' was never closed"),
    "divides": ("1 / 0", "ZeroDivisionError: division by zero"),
}


def test_whatever_plugins_do_others_work(site: Site) -> None:
    for name, (code, _) in BROKEN.items():
        site.add(name, code)
    site.add("mine", MINE.format(name="mine"), "space/mine")
    site.distribute("lost", "not_there")
    program = (
        "from nas import STRATEGIES, SPACES; print(*SPACES, *STRATEGIES)\n"
        "from nas.registry.options import Choice\n"
        "try: SPACES.configured(Choice('other'))\n"
        "except ValueError as error: print(error)"
    )
    done = site.run(sys.executable, "-c", program)
    assert (done.code, done.err) == (0, "")
    names, error = done.out.splitlines()
    assert names.split() == [*spaces("mine").split(", "), *STRATEGIES]
    known = f"there are: {spaces('mine')}; a config has this name"
    assert error.startswith(f"there is no space 'other'; {known}")
    for name, (_, why) in BROKEN.items():
        assert f"the plugin {name} ({name} 0.1) cannot be imported: {why}" in error
    without = site.nas("search", "space=other")
    check_mistake(without, [f"are: {spaces('mine')}; there is no module 'not_there', which"])


def test_a_broken_plugin_takes_no_sibling_with_it(site: Site) -> None:
    for name, code in (("good", ""), ("bad", "import not_there\n")):
        folder = site.folder / "acme"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(MINE.format(name=name) + code)
        site.distribute(f"acme_{name}", f"acme.{name}")
    listed = site.nas("list")
    assert listed.code == 0, listed.err
    assert re.search(r"^  good +Cells of my own\.\n +from acme_good 0\.1", listed.out, re.M)
    assert not re.search(r"^  bad ", listed.out, re.M)
    assert "  acme.bad (acme_bad 0.1): ModuleNotFoundError" in listed.out


def test_a_mistake_while_a_plugin_is_imported_is_the_plugins(site: Site) -> None:
    site.add("mine", "from nas import SPACES\nSPACES.build('nasbench201', channelz=3)\n")
    site.add("odd", "from nas import SPACES\nSPACES.register('odd')(print)\n")
    listed = site.nas("list")
    assert (listed.code, listed.err) == (0, "")
    assert "  mine (mine 0.1): UsageError: space nasbench201 has no option" in listed.out
    assert "  odd (odd 0.1): TypeError: the space 'odd' is <built-in function print>" in listed.out


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("", "space/mine.yaml does not say whose it is: add name: mine"),
        ("nme: mine\n", "space/mine.yaml does not say whose it is: add name: mine"),
        ("name: [\n", "a config cannot be read: while parsing"),
    ],
)
def test_a_config_that_is_none_is_named(site: Site, text: str, fragment: str) -> None:
    site.add("mine", MINE.format(name="mine"), "space/mine")
    (site.folder / "mine" / "conf" / "space" / "mine.yaml").write_text(text)
    check_mistake(site.nas("search", "space=mine"), [fragment])


def test_what_fails_for_other_reasons_is_no_lack_of_memory(site: Site) -> None:
    site.add("mine", MINE.format(name="mine") + FAILING, "space/mine")
    done = site.nas("search", *CELLS, "space=mine", "budget=2")
    assert done.code == 2
    assert "memory" not in done.err
    assert "nas: NotImplementedError: write me (the first 2 architectures all fail so" in done.err
    strict = site.nas("search", *CELLS, "space=mine", "budget=2", "strict=true")
    assert strict.code == 1
    assert "NotImplementedError: write me\n" in strict.err
    assert strict.err.splitlines()[-1].startswith("While measuring |")


def test_a_name_registered_twice_names_both(site: Site) -> None:
    site.add("mine", MINE.format(name="mine"), "space/mine")
    site.add("yours", MINE.format(name="mine"), distribution="your-plugin")
    both = ["the space 'mine' exists twice: in mine (mine 0.1) and in yours (your-plugin 0.1)"]
    check_mistake(site.nas("list"), both)


def test_a_name_of_ours_registered_again_names_both(site: Site) -> None:
    site.add("mine", MINE.format(name="nasbench201"))
    fragment = f"in spaces.nasbench201 (epsilon-nas {__version__}) and in mine (mine 0.1)"
    check_mistake(site.nas("search"), ["the space 'nasbench201' exists twice", fragment])


def test_two_configs_of_one_name_are_named(site: Site) -> None:
    site.add("mine", MINE.format(name="mine"), "space/mine")
    site.add("yours", MINE.format(name="yours"), "space/mine")
    for command in (["list"], ["search", "--help"]):
        done = site.nas(*command)
        files = [
            f"{site.folder / name}/conf/space/mine.yaml ({name} 0.1)" for name in ("mine", "yours")
        ]
        check_mistake(done, ["space=mine has two configs", *files])


def test_a_config_of_ours_again_is_named(site: Site) -> None:
    config(site.here, "space/nasbench201")
    done = site.nas("search", f"--config-dir={site.here}")
    ours = f"{conf_dir() / 'space' / 'nasbench201.yaml'} (epsilon-nas {__version__})"
    theirs = f"{site.here}/space/nasbench201.yaml (--config-dir)"
    check_mistake(done, ["space=nasbench201 has two configs", ours, theirs])


def test_one_module_of_two_distributions_is_an_error(site: Site) -> None:
    site.add("mine", MINE.format(name="mine"), "space/mine")
    site.distribute("other", "mine", "2.0")
    check_mistake(site.nas("search"), ["the plugin 'mine'", "mine 0.1", "other 2.0"])


# Without a package


@pytest.mark.long
def test_a_module_on_the_path_and_a_folder_of_configs(site: Site) -> None:
    (site.here / "mine.py").write_text(MINE.format(name="mine"))
    config(site.here / "configs", "space/mine")
    where = ["--config-dir", "configs", "space=mine"]
    run = [
        *CELLS,
        "proxy=params",
        "budget=8",
        "block=4",
        "executor=processes",
        "executor.workers=1",
        "out=run",
    ]
    done = site.nas("search", *where, *run, NAS_PLUGINS="mine")
    assert done.code == 0, done.err
    assert "space mine" in site.nas("report", "run", NAS_PLUGINS="mine").out
    hint = "a config has this name, but nothing is registered under it"
    check_mistake(site.nas("report", "run"), ["no space 'mine'", hint, "NAS_PLUGINS=MODULE"])
    wrong = site.nas("search", *where, "space.x=3")
    check_mistake(wrong, ["no option of space=mine 'space.x'", "space.cells"])


def test_configs_beside_a_module_need_no_option(site: Site) -> None:
    (site.folder / "one.py").write_text(MINE.format(name="one"))
    (site.folder / "two").mkdir()
    (site.folder / "two" / "spaces_of_mine.py").write_text(MINE.format(name="two"))
    config(site.folder / "conf", "space/one")
    config(site.folder / "two" / "conf", "space/two")
    plugins = " one, two.spaces_of_mine,"
    done = site.nas("search", "space=two", "--help", NAS_PLUGINS=plugins)
    assert f": {spaces('one', 'two')} " in " ".join(done.out.split())
    assert "\n  space=two " in done.out
    names = "from nas import SPACES; print(*SPACES)"
    done = site.run(sys.executable, "-c", names, NAS_PLUGINS=plugins)
    assert done.out.split() == spaces("one", "two").split(", ")


@pytest.mark.long
def test_what_is_missing_is_said(site: Site) -> None:
    done = site.nas("search", "space=mine", NAS_PLUGINS="mine")
    check_mistake(done, ["no space 'mine'", "no module 'mine', which NAS_PLUGINS names"])
    (site.here / "mine.py").write_text(MINE.format(name="mine"))
    argv = [*CELLS, "space=mine", "proxy=params", "budget=2"]
    done = site.nas("search", *argv, NAS_PLUGINS="mine")
    assert done.code == 0, done.err  # its signature is its config
    assert "space mine" in done.out
