"""`nas new`: the packages that it writes, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from nas.cli.commands.new import LONGEST
from tests.support.command_line import check_mistake, nas, snapshot
from tests.support.site import KINDS, MY_SEARCH, ROOT, Site, passes, spaces


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


@pytest.mark.long
def test_written_packages_pass_their_own_tests(
    written: Mapping[str, Path], everything: Site
) -> None:
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error"]
    done = everything.run(*argv, "-v", *written.values())
    assert done.code == 0, done.out
    for kind in KINDS:
        assert re.search(rf"test_my_{kind}\.py::TestMy{kind.title()}{kind.title()}::", done.out)


@pytest.mark.long
def test_written_configs_have_the_defaults_of_their_classes(everything: Site) -> None:
    program = (
        "import json; from nas import PROXIES, SPACES, STRATEGIES, TRACKERS\n"
        "every = dict(space=SPACES, proxy=PROXIES, strategy=STRATEGIES, tracker=TRACKERS)\n"
        "print(json.dumps({kind: every[kind].defaults(f'my_{kind}') for kind in every}))"
    )
    done = everything.run(sys.executable, "-c", program)
    assert done.code == 0, done.err
    shown = yaml.safe_load(everything.nas("search", *MY_SEARCH[-6:-2], "--cfg", "job").out)
    for kind, options in json.loads(done.out).items():
        assert {**options, "name": f"my_{kind}"} == shown[kind]


@pytest.mark.parametrize("name", ["x", "long_" * (LONGEST // 5 - 1) + "named"])
@pytest.mark.parametrize("kind", KINDS)
def test_written_code_is_clean(kind: str, name: str, tmp_path: Path) -> None:
    """The code is clean by this project's settings; the package has the same settings."""
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
    ("new", ["nas new space|proxy|strategy|tracker NAME"]),
    ("new space", ["nas new space|proxy|strategy|tracker NAME"]),
    ("new space a b", ["nas new space|proxy|strategy|tracker NAME"]),
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
