"""Every program in `examples/` runs, and its classes can be used on the command line."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

import nas
from nas.cli.kinds import registries
from tests.support import warm

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
PRINTED = {
    "mlp": r"depth=3,width=128,activation=gelu [\d.]+\n",
    "own_proxy": r"depth=\d,width=\d+,activation=\w+ [\d.]+\n",
    "own_metric": r"( +\d+  depth=\d,width=\d+,activation=\w+\n){18}",
    "compare_proxies": r"(\w+ +\w+ +-?[01]\.\d\d\n){3}",
    "my_resnet": r"ResNet on inputs of shape \(3, 32, 32\)\n +value  seconds\n"
    r"(\w+ +-?[\d.,]+(e[+-]\d+)? +[\d.]+(  random labels, for the batch has none)?\n){22}",
    "nas_export": r"\|\S+\nnet\.py: [\d,]+ weights\n",
    "train_exported": r"stripes: .*\nstep   0: accuracy 0\.[0-4].*\n(.*\n)*"
    r"step  40: accuracy (1\.000|0\.[89]\d\d)\n",
    "my_csv": r"\(120, 3\), labels of the data: acute, obtuse, right\n"
    r"(depth=\d,width=\d+ +[\d.]+\n){6}",
    "my_pictures": r"\(30, 3, 16, 16\), labels from subfolders: circle, square, triangle: "
    r"\[10, 10, 10\]\nbest of 10: \|.*\|, [\d.]+\n",
    "resume": r"100 trials, then 150: .*\nthe same trials as in one search of 150: True\n",
    "search_by_training": r"12 trials of 20 steps each, .*=12\n.* is right about \d+% of .*\n",
}
"""What each program prints."""


@pytest.fixture
def as_in_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Import modules as a program in `examples/` does; forget their plugins afterwards."""
    monkeypatch.syspath_prepend(EXAMPLES)
    for registry in registries().values():
        registry.load()
        monkeypatch.setattr(registry, "_plugins", dict(registry._plugins))
    for name in PRINTED:
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_every_example_is_here_and_on_the_page() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*PRINTED}
    page = (EXAMPLES / "README.md").read_text()
    assert {*re.findall(r"\]\((\w+)\.py\)", page)} == {*PRINTED}


@pytest.mark.long
@pytest.mark.usefixtures("as_in_examples")
@pytest.mark.parametrize("name", PRINTED)
def test_an_example_runs(
    name: str, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [name])
    if name == "train_exported":
        space = nas.SPACES.build("nasbench201", channels=8, cells=1, resolution=16)
        net = nas.export(space, (3,) * 6, "source", here / "net.py")
        monkeypatch.setattr(sys, "argv", [name, str(net), "none.npz", "40"])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert re.fullmatch(PRINTED[name], capsys.readouterr().out)


@pytest.mark.usefixtures("as_in_examples")
def test_what_own_metric_counts_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "own_metric.py"), run_name="__main__")
    figures = [int(line.split()[0]) for line in capsys.readouterr().out.splitlines()]
    sizes = [
        depth * 2 * width + 10 for depth in (1, 2, 3) for width in (32, 64, 128) for _ in range(2)
    ]
    assert figures == sizes


@pytest.mark.long
def test_the_classes_can_be_used_on_the_command_line(tmp_path: Path) -> None:
    """The search of the page, with the plugins that it names; no yaml says anything of them."""
    page = (EXAMPLES / "README.md").read_text()
    plugins, command = re.findall(r"(NAS_PLUGINS=\S+)\nnas (.*)\n", page)[0]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(EXAMPLES)]),
        "NAS_PLUGINS": plugins.partition("=")[2],
    }
    done = warm.run(["-m", "nas", *shlex.split(command)], cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert "18 of 18 trials · space mlp · proxy spread" in done.stdout
    assert "activations" in done.stdout
