"""Plugins of others: found, listed, refused where names clash; and those that `nas new` writes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from nas import SPACES, STRATEGIES
from nas.cli.commands.new import LONGEST
from nas.cli.config_files import conf_dir
from nas.cli.main import COMMANDS
from tests.test_cli import Done, check_mistake, history, nas, snapshot

ROOT = Path(__file__).parent.parent
KINDS = ("space", "proxy", "strategy")
SMALL = ["space.channels=2", "space.resolution=8", "batch.size=8", "device=cpu"]
CELLS = [*SMALL, "space.cells=1"]
MY_SEARCH = [*SMALL, *[f"{kind}=my_{kind}" for kind in KINDS], "budget=12", "block=4"]
MINE = """
from dataclasses import dataclass
from spaces.nasbench201 import NASBench201
from nas import SPACES

@SPACES.register("{name}")
@dataclass(frozen=True)
class Mine(NASBench201):
    \"\"\"Cells of my own.\"\"\"
"""
"""Code of a module that registers a space; quicker to write down than one of its own."""


FAILING = """
    def network(self, arch):
        raise NotImplementedError("write me")
"""


class Site:
    """A folder as pip leaves it, with modules and distributions, and an empty one to work in."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.here = folder / "site", folder / "work"
        self.path = [self.folder]
        for path in (self.folder, self.here):
            path.mkdir(exist_ok=True)

    def add(self, name: str, code: str, *configs: str, distribution: str | None = None) -> None:
        """A package with configs, given as space/mine, and the distribution that it is of."""
        package = self.folder / name
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text(code)
        config(package / "conf", *configs)
        if distribution != "":
            self.distribute(distribution or name, name)

    def distribute(self, name: str, module: str, version: str = "0.1") -> None:
        """The metadata of a distribution with a module as its plugin."""
        metadata = self.folder / f"{name}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        (metadata / "entry_points.txt").write_text(f"[nas.plugins]\n{module} = {module}\n")

    def install(self, package: Path) -> None:
        """What `pip install -e` does with a package, as its pyproject.toml says."""
        project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
        ((_, module),) = project["entry-points"]["nas.plugins"].items()
        self.distribute(project["name"], module, project["version"])
        self.path.append(package)

    def run(self, *command: str | Path, **environment: str) -> Done:
        """Run a command in the empty folder, where Python finds what is in the site."""
        path = os.pathsep.join([*map(str, self.path), str(ROOT)])
        done = subprocess.run(
            list(map(str, command)),
            cwd=self.here,
            env={**os.environ, "PYTHONPATH": path, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def nas(self, *argv: str | Path, **environment: str) -> Done:
        return self.run(sys.executable, "-m", "nas", *argv, **environment)


def spaces(*names: str) -> str:
    """The names of ours and of others in the order in which they are listed."""
    return ", ".join(sorted([*SPACES, *names]))


def config(folder: Path, *names: str) -> None:
    """Configs of spaces that are NAS-Bench-201 in all but the name."""
    shipped = (conf_dir() / "space" / "nasbench201.yaml").read_text()
    for name in names:
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(shipped.replace("nasbench201", path.stem))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The packages that `nas new` writes, one of every kind; not to be changed."""
    folder: Path = tmp_path_factory.mktemp("written")
    for kind in KINDS:
        done = nas("new", kind, f"my_{kind}", f"out={folder / kind}")
        assert (done.code, done.err) == (0, "")
    return {kind: folder / kind for kind in KINDS}


@pytest.fixture(scope="module")
def everything(written: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with all of them, a broken one and a module without a distribution."""
    site = Site(tmp_path_factory.mktemp("everything"))
    for package in written.values():
        site.install(package)
    site.add("broken", MINE.format(name="half") + "import not_there\n", "space/broken")
    (site.folder / "alone.py").write_text(MINE.format(name="alone"))
    return site


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
    assert f"\nspace: {spaces('mine')}\n" in done.out


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
        "try: SPACES.configured({'name': 'other'})\n"
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
    assert done.code == 1
    assert "memory" not in done.err
    assert done.err.endswith("NotImplementedError: write me\n")


def test_a_name_registered_twice_names_both(site: Site) -> None:
    site.add("mine", MINE.format(name="mine"), "space/mine")
    site.add("yours", MINE.format(name="mine"), distribution="your-plugin")
    both = ["the space 'mine' exists twice: in mine (mine 0.1) and in yours (your-plugin 0.1)"]
    check_mistake(site.nas("list"), both)


def test_a_name_of_ours_registered_again_names_both(site: Site) -> None:
    site.add("mine", MINE.format(name="nasbench201"))
    fragment = r"in spaces.nasbench201 (epsilon-nas 0.1.0) and in mine (mine 0.1)"
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
    ours = f"{conf_dir() / 'space' / 'nasbench201.yaml'} (epsilon-nas 0.1.0)"
    theirs = f"{site.here}/space/nasbench201.yaml (--config-dir)"
    check_mistake(done, ["space=nasbench201 has two configs", ours, theirs])


def test_one_module_of_two_distributions_is_an_error(site: Site) -> None:
    site.add("mine", MINE.format(name="mine"), "space/mine")
    site.distribute("other", "mine", "2.0")
    check_mistake(site.nas("search"), ["the plugin 'mine'", "mine 0.1", "other 2.0"])


# Without a package


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
    assert f"\nspace: {spaces('one', 'two')}\n" in done.out
    assert "\nspace:\n  name: two\n" in done.out
    names = "from nas import SPACES; print(*SPACES)"
    done = site.run(sys.executable, "-c", names, NAS_PLUGINS=plugins)
    assert done.out.split() == spaces("one", "two").split(", ")


def test_what_is_missing_is_said(site: Site) -> None:
    done = site.nas("search", "space=mine", NAS_PLUGINS="mine")
    check_mistake(done, ["no space 'mine'", "no module 'mine', which NAS_PLUGINS names"])
    (site.here / "mine.py").write_text(MINE.format(name="mine"))
    done = site.nas("search", "space=mine", NAS_PLUGINS="mine")
    check_mistake(done, ["'mine' of mine (NAS_PLUGINS", "has no config", "space/mine.yaml"])


# nas new


@pytest.mark.parametrize("kind", KINDS)
def test_a_written_package_is_small(kind: str, written: Mapping[str, Path]) -> None:
    package, name = written[kind], f"my_{kind}"
    assert {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()} >= {
        "README.md",
        "pyproject.toml",
        f"{name}/__init__.py",
        f"{name}/conf/{kind}/{name}.yaml",
        f"{name}/py.typed",
        f"tests/test_{name}.py",
    }
    assert len((package / name / "__init__.py").read_text().splitlines()) < 80


def test_written_packages_pass_their_own_tests(
    written: Mapping[str, Path], everything: Site
) -> None:
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error"]
    done = everything.run(*argv, "-v", *written.values())
    assert done.code == 0, done.out
    for kind in KINDS:
        assert re.search(rf"test_my_{kind}\.py::TestMy{kind.title()}{kind.title()}::", done.out)


def test_written_configs_have_the_defaults_of_their_classes(everything: Site) -> None:
    program = (
        "import inspect, json; from nas import PROXIES, SPACES, STRATEGIES\n"
        "def options(kind, every):\n"
        "    found = inspect.signature(every[f'my_{kind}']).parameters.values()\n"
        "    return {o.name: o.default for o in found if o.default is not o.empty}\n"
        "every = dict(space=SPACES, proxy=PROXIES, strategy=STRATEGIES)\n"
        "print(json.dumps({kind: options(kind, every[kind]) for kind in every}))"
    )
    done = everything.run(sys.executable, "-c", program)
    assert done.code == 0, done.err
    shown = yaml.safe_load(everything.nas("search", *MY_SEARCH[-5:-2], "--cfg", "job").out)
    for kind, options in json.loads(done.out).items():
        assert {**options, "name": f"my_{kind}"} == shown[kind]


def passes(command: Sequence[str | Path], folder: Path) -> None:
    """Assert that a tool of this environment has nothing to say in a folder."""
    tool = Path(sysconfig.get_path("scripts")) / command[0]
    if not tool.exists():
        pytest.skip(f"{tool.name} is not installed")
    done = subprocess.run(
        [tool, *command[1:]],
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["x", "long_" * (LONGEST // 5 - 1) + "named"])
@pytest.mark.parametrize("kind", KINDS)
def test_written_code_is_clean(kind: str, name: str, tmp_path: Path) -> None:
    """By this project's own settings, which are also those in the package."""
    package = tmp_path / "package"
    assert nas("new", kind, name, f"out={package}").code == 0
    ours, theirs = (
        tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["ruff"]
        for folder in (ROOT, package)
    )
    del ours["lint"]["per-file-ignores"]
    assert theirs == ours
    passes(["ruff", "check", "--no-cache", "."], package)
    passes(["ruff", "check", "--no-cache", "--config", ROOT / "pyproject.toml", "."], package)
    passes(["ruff", "format", "--no-cache", "--check", "."], package)


@pytest.mark.slow
def test_written_code_is_typed(written: Mapping[str, Path], tmp_path: Path) -> None:
    for kind, package in written.items():
        argv = ["mypy", "--strict", f"--cache-dir={tmp_path}", f"my_{kind}", "tests"]
        passes(argv, package)


REFUSED = [
    ("new", ["nas new space|proxy|strategy NAME"]),
    ("new space", ["nas new space|proxy|strategy NAME"]),
    ("new space a b", ["nas new space|proxy|strategy NAME"]),
    ("new spaec mine", ["kind of plugin 'spaec'", "did you mean 'space'"]),
    ("new space my-space", ["'my-space'", "such as my_space"]),
    ("new space 2d", ["'2d'", "letters"]),
    ("new space mine/x", ["'mine/x'", "letters"]),
    ("new space ../mine", ["'../mine'", "letters"]),
    ("new space räume", ["'räume'", "letters"]),
    ("new space _mine", ["'_mine'", "letters"]),
    (f"new space {'x' * (LONGEST + 1)}", ["too long"]),
    ("new space class", ["'class' is a keyword"]),
    ("new space match", ["'match' is a keyword"]),
    ("new space null", ["'null'"]),
    ("new space Nan", ["'Nan'"]),
    ("new space off", ["'off'"]),
    ("new space nasbench201", ["a space 'nasbench201' already"]),
    ("new strategy nasbench201", ["a space 'nasbench201' already"]),
    ("new space epsilon", ["a proxy 'epsilon' already"]),
    ("new proxy several", ["a proxy 'several' already"]),
    ("new space json", ["a module 'json' already"]),
    ("new space this", ["a module 'this' already"]),
    ("new space torch", ["a module 'torch' already"]),
    ("new space spaces", ["a module 'spaces' already"]),
    ("new space hydra_core", ["'hydra-core' is installed already"]),
    ("new space tests", ["'tests' is the name of a folder"]),
    ("new space mine out=there", ["there is there already", "out=FOLDER"]),
    ("new space mine out=file", ["file is there already"]),
    ("new space there", ["there is there already"]),
    ("new space mine out=", ["out="]),
    ("new space mine out=[a]", ["out=['a']"]),
    ("new space mine out=/proc/x", ["/proc/x cannot be written to"]),
    ("new space mine out=file/mine", ["file/mine cannot be written to"]),
    ("new space mine name=x", ["no option of nas new 'name'"]),
]


@pytest.mark.parametrize(("line", "fragments"), REFUSED, ids=[line for line, _ in REFUSED])
def test_new_refuses_in_one_sentence_and_writes_nothing(
    line: str, fragments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "kept").write_text("kept")
    (tmp_path / "file").write_text("kept")
    before = snapshot(tmp_path)
    check_mistake(nas(*line.split(" ")), fragments)
    assert snapshot(tmp_path) == before


def test_new_says_what_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = nas("new", "space", "mine")
    assert (done.code, done.err) == (0, "")
    files, *commands = [re.split(r"  +", line, maxsplit=1) for line in done.out.splitlines()]
    assert set(files[1].removeprefix("mine: ").split(", ")) == {
        str(path.relative_to("mine")) for path in Path("mine").rglob("*") if path.is_file()
    }
    assert commands == [
        ["install", "pip install -e ./mine"],
        ["test", "python -m pytest ./mine"],
        ["use", "nas search space=mine budget=50"],
    ]


def test_new_leaves_nothing_behind_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, *_: Any, **__: Any) -> int:
        if self.suffix == ".yaml":
            raise OSError(28, "No space left on device")
        return write(self, *_, **__)

    write = Path.write_text
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "write_text", full)
    check_mistake(nas("new", "space", "mine", "out=a/b"), ["a/b cannot be written to: No space"])
    assert not snapshot(tmp_path)


@pytest.mark.slow
def test_wheels_in_an_environment_of_their_own(tmp_path: Path) -> None:
    """Both wheels, built and installed as a user would, but with this environment's libraries."""
    pytest.importorskip("build")
    environment = tmp_path / "env"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    (libraries,) = (environment / "lib").glob("python*/site-packages")
    borrowed = [path for path in sys.path if path.endswith("site-packages")]
    (libraries / "borrowed.pth").write_text("".join(f"{path}\n" for path in borrowed))
    there = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def run(*command: str | Path) -> str:
        argv = list(map(str, command))
        done = subprocess.run(
            argv, cwd=tmp_path, env=there, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(folder: Path) -> None:
        shutil.rmtree(tmp_path / "dist", ignore_errors=True)
        run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", folder)
        (wheel,) = (tmp_path / "dist").glob("*.whl")
        run(python, "-m", "pip", "install", "-q", "--no-deps", "--ignore-installed", wheel)

    command = environment / "bin" / "nas"
    install(ROOT)
    assert str(libraries) in run(python, "-c", "import nas; print(nas.__file__)")
    for kind in KINDS:
        run(command, "new", kind, f"my_{kind}")
        install(tmp_path / f"my_{kind}")
        shutil.rmtree(tmp_path / f"my_{kind}" / f"my_{kind}")
        listed = run(command, "list")
        assert re.search(rf"from my_{kind} 0\.1\.0, my_{kind}/__init__\.py", listed)
    out = run(command, "search", *[f"{kind}=my_{kind}" for kind in KINDS], "budget=50", "out=run")
    assert out.startswith("50 of 50 trials · space my_space · proxy my_proxy")
    out = run(command, "search", "space=my_space", "budget=50", "executor=processes", "block=4")
    assert out.startswith("50 of 50 trials · space my_space · proxy epsilon")
    assert spaces("my_space") in run(command, "search", "--help")
