"""Help pages, which must be quick."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from nas.cli.config_files import conf_dir
from nas.cli.main import COMMANDS
from tests.support.command_line import (
    nas,
    snapshot,
)


@pytest.mark.parametrize("flags", [["--help"], ["-h"], []])
def test_help_names_the_commands(flags: list[str]) -> None:
    done = nas(*flags)
    assert (done.code, done.err) == (0, "")
    for name, text in COMMANDS.items():
        assert re.search(rf"^ +{name} +{text}$", done.out, re.MULTILINE)


@pytest.mark.parametrize("argv", [[], ["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_does_not_import_torch(argv: list[str]) -> None:
    program = (
        "import sys\nfrom nas.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as stop: sys.exit(stop.code or 10 * ('torch' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *argv], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: nas" if len(argv) < 2 else f"nas {argv[0]}")


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_every_option_with_its_default(command: str, flag: str, here: Path) -> None:
    done = nas(command, flag)
    assert (done.code, done.err) == (0, "")
    content = yaml.safe_load((conf_dir() / f"{command}.yaml").read_text())
    for entry in content.pop("defaults"):
        for group, name in entry.items() if isinstance(entry, dict) else ():
            names = ", ".join(sorted(path.stem for path in (conf_dir() / group).glob("*.yaml")))
            assert f"\n{group}: {names}\n" in done.out
            assert f"\n{group}:\n  name: {name}\n" in done.out
    del content["hydra"]
    for option, value in content.items():
        assert f"\n{yaml.safe_dump({option: value}).splitlines()[0]}\n" in done.out
    assert not snapshot(here)


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


@pytest.mark.parametrize("argv", [["--help"], ["list", "--help"], ["convert", "--help"]])
def test_help_does_not_import_polars(argv: list[str]) -> None:
    program = (
        "import sys\nfrom nas.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as stop: sys.exit(stop.code or 10 * ('polars' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *argv], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
