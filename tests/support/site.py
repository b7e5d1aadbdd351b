"""A folder like site-packages, with plugins of other packages."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from nas import SPACES
from nas.cli.config_files import conf_dir
from tests.support import warm
from tests.support.command_line import Done

ROOT = Path(__file__).parent.parent.parent
KINDS = ("space", "proxy", "strategy", "tracker")
SMALL = ["space.channels=2", "space.resolution=8", "batch.size=8", "device=cpu"]
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


class Site:
    """A folder like site-packages with modules and distributions, and an empty working folder."""

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
        """Run a command in the empty folder, where Python finds what is in the site.

        It uses one thread, as the tests do: on busy processors two threads wait for each other.
        """
        done = subprocess.run(
            list(map(str, command)),
            cwd=self.here,
            env=self._variables(environment),
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def python(self, *words: str | Path, **environment: str) -> Done:
        """Run a program in a file, or -m nas."""
        done = warm.run(words, cwd=self.here, env=self._variables(environment))
        return Done(done.returncode, done.stdout, done.stderr)

    def nas(self, *argv: str | Path, **environment: str) -> Done:
        return self.python("-m", "nas", *argv, **environment)

    def _variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        path = os.pathsep.join([*map(str, self.path), str(ROOT)])
        return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment}


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
