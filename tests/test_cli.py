"""The command line: what it writes and prints, what it refuses, what it survives."""

from __future__ import annotations

import inspect
import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from math import isnan
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import yaml
from hydra.core.global_hydra import GlobalHydra
from scipy.stats import rankdata

from nas import PROXIES, SPACES, STRATEGIES, History, Objective, Space, Trial, trials
from nas.cli.config_files import conf_dir
from nas.cli.main import COMMANDS, main
from nas.data.sources import make_batch
from nas.registry import Registry
from nas.runs.progress import Progress

SMALL = ["space.channels=2", "space.cells=1", "space.resolution=8", "batch.size=8", "device=cpu"]
EVOLUTION = [*SMALL, "strategy.population=8", "strategy.tournament=4"]
RUN = [*EVOLUTION, "budget=60"]
LONG = [*EVOLUTION, "strategy.tournament=1", "block=3", "budget=1000"]
FILES = {"best.json", "config.yaml", "history.jsonl"}
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


class Done(NamedTuple):
    """What a call of the command line came to."""

    code: int
    out: str
    err: str


def nas(*argv: str | Path) -> Done:
    """Call the command line in this process."""
    out, err = StringIO(), StringIO()
    GlobalHydra.instance().clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [])
        patch.setenv("HYDRA_FULL_ERROR", "")  # so that it is as it was afterwards
        patch.delenv("HYDRA_FULL_ERROR")
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as stop:
            main([str(word) for word in argv])
    assert isinstance(stop.value.code, int)
    return Done(stop.value.code, out.getvalue(), err.getvalue())


@contextmanager
def started(*argv: str, session: bool = False) -> Iterator[subprocess.Popen[str]]:
    """The command line in a process of its own, which is killed in the end."""
    command = [sys.executable, "-m", "nas", *argv]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, start_new_session=session
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait(process: subprocess.Popen[str], path: Path, length: float) -> None:
    """Wait until the process has written a file to more than a length."""
    end = monotonic() + 60
    while size(path) <= length:
        assert process.poll() is None, process.communicate()
        assert monotonic() < end
        sleep(0.001)


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def lines(folder: Path) -> list[dict[str, Any]]:
    """The history as it is in its file."""
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def history(folder: Path) -> list[dict[str, Any]]:
    """The history less what differs between two runs of one search: the seconds."""
    return [{key: line[key] for key in line if key != "seconds"} for line in lines(folder)]


def best(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "best.json").read_text())
    return content


def named(arch: Sequence[int]) -> str:
    """A cell of NAS-Bench-201 as it is published."""
    a, b, c, d, e, f = (OPERATIONS[option] for option in arch)
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


def snapshot(folder: Path) -> dict[Path, tuple[int, bytes] | None]:
    """Everything in a folder: times and contents of files, and folders."""
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes()) if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    path = tmp_path / "here"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """The folder of a search and what the search printed; copy the folder to change it."""
    folder: Path = tmp_path_factory.mktemp("run") / "run"
    done = nas("search", *RUN, f"out={folder}")
    assert done.code == 0, done.err
    return folder, done


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the long search, never interrupted."""
    folder: Path = tmp_path_factory.mktemp("whole") / "run"
    assert nas("search", *LONG, f"out={folder}").code == 0
    return folder


# What a search writes and prints


def test_a_search_writes_three_files(run: tuple[Path, Done]) -> None:
    folder, done = run
    assert {path.name for path in folder.iterdir()} == FILES
    config = yaml.safe_load((folder / "config.yaml").read_text())
    for option in RUN:
        key, _, value = option.partition("=")
        part = config
        for name in key.split("."):
            part = part[name]
        assert str(part) == value
    assert [line["number"] for line in lines(folder)] == list(range(60))
    assert done.out.splitlines()[-1] == f"files   {folder}: best.json, history.jsonl, config.yaml"
    assert done.err.startswith("60/60 trials")


def small_space(folder: Path) -> Space:
    config = yaml.safe_load((folder / "config.yaml").read_text())
    return SPACES.configured(config["space"])


def test_copies_are_the_later_trials_of_one_function(run: tuple[Path, Done]) -> None:
    space = SPACES.build("nasbench201")
    first: dict[tuple[int, ...], dict[str, Any]] = {}
    for line in lines(run[0]):
        original = first.setdefault(space.canonical(tuple(line["arch"])), line)
        assert line.get("copy_of") == (None if original is line else original["number"])
        assert line["score"] == original["score"]
        network = small_space(run[0]).network(tuple(line["arch"]))
        assert network is not None
        assert line["metrics"] == {"params": network.params, "flops": network.flops}


def test_the_summary_is_what_the_history_says(run: tuple[Path, Done]) -> None:
    folder, done = run
    summary = best(folder)
    own = [line for line in lines(folder) if "copy_of" not in line]
    scored = [line for line in own if line["score"] is not None]
    reasons = Counter(line["reason"] for line in own if line["score"] is None)
    top = sorted(scored, key=lambda line: line["score"], reverse=True)[:10]
    assert len(scored) > 10
    assert len(own) < 60
    assert reasons
    described = [
        {
            "arch": named(line["arch"]),
            "tuple": line["arch"],
            "score": line["score"],
            **line["metrics"],
            "trial": line["number"],
        }
        for line in top
    ]
    assert summary["top"] == described
    assert {key: summary[key] for key in described[0]} == described[0]
    assert summary["trials"] == {
        "total": 60,
        "scored": len(scored),
        "repeated": 60 - len(own),
        "no_score": reasons.total(),
        "reasons": dict(reasons),
    }
    seconds = sum(line["seconds"] for line in lines(folder))
    assert summary["seconds"] == pytest.approx(seconds, abs=1e-3)
    assert summary["trials_per_second"] == pytest.approx(60 / seconds, rel=0.01)

    row = r"^ +(\S+) +([\d,]+) +([\d,]+)  (\|\S+)$"
    assert re.findall(row, done.out, re.MULTILINE) == [
        (f"{one['score']:.6g}", f"{one['params']:,}", f"{one['flops']:,}", one["arch"])
        for one in described
    ]
    winner = described[0]
    for shown in (
        rf"best +{re.escape(winner['arch'])}",
        rf"tuple +{re.escape(str(tuple(winner['tuple'])))}",
        rf"score +{winner['score']:.6g} +\(trial {winner['trial']}\)",
        rf"params +{winner['params']:,}",
        rf"FLOPs +{winner['flops']:,} .*",
        rf"trials +{len(scored)} scored, {60 - len(own)} repeated, {reasons.total()} without.*",
        *(rf" +{count} × {re.escape(reason)}" for reason, count in reasons.items()),
    ):
        assert re.search(f"^{shown}$", done.out, re.MULTILINE), shown


def test_a_report_is_what_the_search_printed_and_writes_nothing(run: tuple[Path, Done]) -> None:
    folder, done = run
    before = snapshot(folder)
    text, as_json = nas("report", folder), nas("report", folder, "json=true")
    assert snapshot(folder) == before
    assert text.code == as_json.code == 0
    assert text.err == as_json.err == ""
    assert text.out.splitlines() == done.out.splitlines()[:-1]
    assert as_json.out.count("\n") == 1
    assert json.loads(as_json.out) == best(folder)


def test_a_sweep_makes_a_folder_for_every_combination(here: Path) -> None:
    options = [*SMALL, "budget=80"]
    swept = nas("search", "-m", *options, "strategy=random,evolution", "seed=0,1", "out=X")
    assert swept.code == 0, swept.err
    folders = sorted(path for path in (here / "X").iterdir() if path.is_dir())
    assert len(folders) == 4
    assert len({str(history(folder)) for folder in folders}) == 4
    for strategy in ("random", "evolution"):
        for seed in (0, 1):
            (folder,) = (
                folder
                for folder in folders
                if {f"strategy={strategy}", f"seed={seed}"} <= set(folder.name.split(","))
            )
            single = [f"strategy={strategy}", f"seed={seed}", f"out=single/{strategy}{seed}"]
            assert nas("search", *options, *single).code == 0
            assert history(folder) == history(here / "single" / f"{strategy}{seed}")
            for name in (folder, folder.relative_to(here), f"{folder.relative_to(here)}/"):
                report = nas("report", name, "json=true")
                assert json.loads(report.out) == best(folder), report.err
            assert (best(folder)["strategy"], best(folder)["seed"]) == (strategy, seed)


def test_a_search_is_the_library_with_the_same_settings(here: Path) -> None:
    space = SPACES.build("nasbench201", channels=2, cells=1, resolution=8)
    objective = Objective(space, PROXIES.build("epsilon"), make_batch(space, size=8, seed=3))
    strategy = STRATEGIES.build("evolution", space, population=8, tournament=4)
    every = list(trials(strategy, objective, History(), budget=60, seed=1, block=5))
    assert nas("search", *RUN, "seed=1", "block=5", "batch.seed=3", "out=run").code == 0
    found = [(tuple(line["arch"]), line["score"]) for line in lines(here / "run")]
    scores = [None if isnan(trial.score) else trial.score for trial in every]
    assert found == [(trial.arch, score) for trial, score in zip(every, scores, strict=True)]


def test_a_search_without_any_score_says_so(here: Path) -> None:
    done = nas("search", *SMALL, "batch.size=1", "budget=5", "out=one")
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("nas: none of the 5 trials has a score")
    assert "5 × constant output" in done.out
    assert [line["score"] for line in lines(here / "one")] == [None] * 5
    assert best(here / "one")["arch"] is None
    report = nas("report", "one")
    assert report.code == 0
    assert report.out.splitlines() == done.out.splitlines()[:-1]


# nas score and nas list


def test_score_takes_every_notation_and_agrees_with_the_search(run: tuple[Path, Done]) -> None:
    for line in [line for line in lines(run[0]) if "copy_of" not in line][:15]:
        arch = line["arch"]
        words = [named(arch), "json=true", str(tuple(arch)), *SMALL, ",".join(map(str, arch))]
        done = nas("score", *words)
        assert (done.code, done.err) == (0, "")
        figures = [json.loads(text) for text in done.out.splitlines()]
        assert len(figures) == 3
        for one in figures:
            assert one.pop("seconds") > 0
            assert list(one.items()) == [
                ("arch", named(arch)),
                ("tuple", arch),
                ("score", line["score"]),
                ("reason", line.get("reason")),
                ("params", line["metrics"]["params"]),
                ("flops", line["metrics"]["flops"]),
            ]


def test_score_says_why_there_is_none() -> None:
    done = nas("score", "(0, 0, 0, 0, 0, 0)", "json=true", *SMALL)
    figures = json.loads(done.out)
    assert list(figures) == ["arch", "tuple", "score", "reason", "params", "flops", "seconds"]
    assert figures["score"] is None
    assert figures["reason"] == "constant output"
    text = nas("score", "(0, 0, 0, 0, 0, 0)", *SMALL).out
    assert text.startswith(f"{figures['arch']}\n")
    assert re.search(r"^  score +none: constant output$", text, re.MULTILINE)
    assert re.search(rf"^  params +{figures['params']:,}$", text, re.MULTILINE)


def test_score_reads_a_file(here: Path) -> None:
    archs = [(1, 2, 3, 4, 0, 1), (3, 3, 3, 1, 1, 1), (1, 1, 1, 1, 1, 1)]
    (here / "archs").write_text(f"{archs[1]}\n\n  {named(archs[2])}  \n")
    done = nas("score", "1,2,3,4,0,1", "archs=archs", "json=true", *SMALL)
    figures = [json.loads(line) for line in done.out.splitlines()]
    assert [tuple(one["tuple"]) for one in figures] == archs
    for arch, one in zip(archs, figures, strict=True):
        text = nas("score", named(arch), *SMALL).out
        assert re.search(rf"^  score +{one['score']:.6g}$", text, re.MULTILINE)
        assert re.search(rf"^  FLOPs +{one['flops']:,} ", text, re.MULTILINE)


def test_list_names_every_plugin_and_where_it_is_from() -> None:
    done = nas("list")
    assert (done.code, done.err) == (0, "")
    blocks = done.out.split("\n\n")
    registries: list[Registry[Any]] = [SPACES, PROXIES, STRATEGIES]
    assert blocks[3].startswith("tables\n")  # more of which in test_convert
    for registry, block in zip(registries, blocks[:3], strict=True):
        for name, plugin in registry.items():
            first = re.escape((inspect.getdoc(plugin) or "").splitlines()[0])
            file = plugin.__module__.replace(".", "/")
            origin = rf"from epsilon-nas [\d.]+, {file}\.py"
            assert re.search(rf"^  {name} +{first}\n +{origin}$", block, re.MULTILINE), name


# Help, which has to be quick


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


def test_a_combination_of_proxies_brings_its_ranking(here: Path) -> None:
    parts = {"expressivity", "progressivity", "trainability", "flops"}
    for proxy, names, ranking in (
        ("proxy=az_nas", parts, "rank_sum"),
        ("proxy=[params,az_nas]", parts | {"params"}, "score"),
    ):
        done = nas("search", *EVOLUTION, "budget=12", proxy, f"out={ranking}")
        assert done.code == 0, done.err
        assert best(here / ranking)["ranking"] == ranking
        assert set(best(here / ranking)["scores"]) == names
    assert "proxy az_nas" in nas("report", "rank_sum").out


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


# Mistakes

SPACES_THERE_ARE = f"there are: {', '.join(SPACES)}"
MISTAKES: list[tuple[str, list[str]]] = [
    ("serach", ["command 'serach'", "did you mean 'search'", "list, new, report, score, search"]),
    ("search space=nasbench20", ["space 'nasbench20'", SPACES_THERE_ARE]),
    ("search space=5", ["space '5'", SPACES_THERE_ARE]),
    ("search space=null", ["space 'null'", SPACES_THERE_ARE]),
    ("search space=[a]", ["space 'a'", SPACES_THERE_ARE]),
    ("search proxy=epsilom", ["proxy 'epsilom'", "did you mean 'epsilon'"]),
    ("search strategy=evolve", ["strategy 'evolve'", "evolution, random, reinforce"]),
    ("search batch=photos", ["batch 'photos'", "images, natural, noise, ramp"]),
    ("score batch=photos 1,1,1,1,1,1", ["batch 'photos'", "images, natural, noise, ramp"]),
    (
        "search bugdet=3",
        ["'bugdet'", "did you mean 'budget'", "block, budget, device, executor, out"],
    ),
    ("search +colour=3", ["'colour'", "block, budget, device, executor, out"]),
    ("score budget=3 1,1,1,1,1,1", ["option of nas score 'budget'", "archs, batch, device, json"]),
    ("report budget=3 run", ["option of nas report 'budget'", "json"]),
    ("list budget=3", ["option of nas list 'budget'"]),
    ("search strategy.popluation=8", ["'strategy.popluation'", "'strategy.population'"]),
    ("search strategy=random strategy.population=8", ["'strategy.population'", "random"]),
    ("search space.depth=8", ["'space.depth'", "space.cells, space.channels, space.classes"]),
    ("search +proxy.colour=8", ["'colour'", "low=None", "underflow=float32"]),
    ("search ~budget", ["cannot do without budget"]),
    ("search words", ["'words'", "name=value"]),
    ("search -m words", ["'words'", "name=value"]),
    ("search [", ["'['", "name=value"]),
    ("search space=[a", ["'space=[a'", "name=value"]),
    ("search out=a(b", ["'out=a(b'", "name='value'"]),
    ("search out=a=b", ["'out=a=b'", "name='value'"]),
    ("search out=${x}", ["'x'"]),
    ("search seed=0,1", ["seed=0,1", "search -m"]),
    ("search strategy=random,evolution", ["strategy=random,evolution", "search -m"]),
    ("search budget=0", ["budget=0", "a whole number of at least 1"]),
    ("search budget=abc", ["budget=abc", "a whole number of at least 1"]),
    ("search budget=1.5", ["budget=1.5", "a whole number of at least 1"]),
    ("search budget=true", ["budget=True", "a whole number of at least 1"]),
    ("search budget=", ["budget=", "a whole number of at least 1"]),
    ("search seed=-1", ["seed=-1", "a whole number of at least 0"]),
    ("search block=0", ["block=0", "a whole number of at least 1"]),
    ("search strategy.tournament=100", ["tournament=100", "population=64"]),
    ("search strategy.population=0", ["population=0", "at least 1"]),
    ("search strategy.population=x", ["strategy.population=x", "a whole number"]),
    ("search proxy.low=2 proxy.high=1", ["low=2", "less than high=1"]),
    ("search proxy.low=2", ["proxy.low=2", "less than proxy.high=1.0"]),
    ("search proxy.low=2 out=empty", ["proxy.low=2", "less than proxy.high=1.0"]),
    ("search proxy.low=-1", ["low=-1", "positive"]),
    ("search proxy.low=x", ["proxy.low=x", "a number"]),
    ("search proxy.underflow=x", ["proxy.underflow=x", "float32, none"]),
    ("search device=tpu", ["device=tpu", "auto, cpu or cuda"]),
    ("score device=tpu 1,1,1,1,1,1", ["device=tpu", "auto, cpu or cuda"]),
    ("search batch.size=0", ["size=0", "at least 1"]),
    ("search batch.size=x", ["batch.size=x", "a whole number"]),
    ("search space.cells=0", ["cells=0", "at least 1"]),
    ("search batch=images", ["batch.path"]),
    ("search batch=images batch.path=none", ["none"]),
    ("search batch=images batch.path=file", ["file"]),
    ("search out=file", ["out=file"]),
    ("search out=file/x", ["file/x", "cannot be written to"]),
    ("search out=/proc/x", ["/proc/x", "cannot be written to"]),
    ("search out=/proc/x/y", ["/proc/x/y", "cannot be written to"]),
    (f"search out={'x' * 300}", ["x" * 300, "cannot be written to"]),
    ("search out=", ["out="]),
    ("search out=null", ["out=None", "folder"]),
    ("score |none~0|", ["'|none~0|'", "none, skip_connect, nor_conv_1x1"]),
    ("score 1,1,1,1,1,5", ["(1, 1, 1, 1, 1, 5)", "(5, 5, 5, 5, 5, 5)"]),
    ("score 1,1,1,1,1,1 no", ["'no'"]),
    ("score", ["needs an architecture", "archs=FILE"]),
    ("score json=maybe 1,1,1,1,1,1", ["json=maybe", "true or false"]),
    ("score archs=none", ["archs=none"]),
    ("score archs=empty", ["archs=empty"]),
    ("score archs=file", ["'no architecture'"]),
    ("report", ["one run's folder, not 0", "nas report RUN"]),
    ("report run broken", ["one run's folder, not 2"]),
    ("report empty", ["empty", "config.yaml"]),
    ("report none", ["none", "config.yaml"]),
    ("report json=maybe run", ["json=maybe", "true or false"]),
    ("report broken", ["line 5 of broken/history.jsonl"]),
    ("report foreign", ["line 9 of foreign/history.jsonl"]),
    ("report strange", ["strange/config.yaml"]),
    ("RUN seed=1 out=run", ["run", "seed is 0 there and 1 here"]),
    ("RUN block=2 batch.seed=3 out=run", ["batch.seed is 0 there and 3", "block is 1 there"]),
    ("RUN strategy.tournament=5 out=run", ["strategy.tournament is 4 there and 5 here"]),
    ("RUN budget=59 out=run", ["60 trials already", "budget=59"]),
    ("RUN budget=70 out=broken", ["line 5 of broken/history.jsonl"]),
    ("RUN budget=70 out=edited", ["line 7 of edited/history.jsonl", "not as it was written"]),
    ("RUN budget=70 out=foreign", ["line 9 of foreign/history.jsonl"]),
    ("RUN budget=70 out=gap", ["line 4 of gap/history.jsonl", "number 4, not 3"]),
    ("RUN budget=70 out=strange", ["strange/config.yaml"]),
]


@pytest.fixture
def place(here: Path, run: tuple[Path, Done]) -> Path:
    """A working folder with runs, sound and damaged, and other things."""
    for name in ("run", "broken", "edited", "foreign", "gap", "strange"):
        shutil.copytree(run[0], here / name)
    sound = lines(here / "run")
    turned = {**sound[6], "arch": sound[6]["arch"][::-1]}
    assert turned != sound[6]
    text = [json.dumps(line) for line in sound]
    damaged = {
        "broken": [*text[:4], text[4][:50], *text[5:]],
        "edited": [*text[:6], json.dumps(turned), *text[7:]],
        "foreign": [*text[:8], json.dumps({**sound[8], "arch": [9] * 6}), *text[9:]],
        "gap": [*text[:3], *text[4:]],
    }
    for name, content in damaged.items():
        (here / name / "history.jsonl").write_text("".join(f"{line}\n" for line in content))
    (here / "strange" / "config.yaml").write_text("budget: 60\n")
    (here / "empty").mkdir()
    (here / "file").write_text("no architecture\n")
    return here


def check_mistake(done: Done, fragments: Sequence[str]) -> None:
    assert done.code == 2
    assert done.out == ""
    assert re.fullmatch(r"nas: .+\n", done.err), done.err
    for fragment in fragments:
        assert fragment in done.err


@pytest.mark.parametrize(("line", "fragments"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_mistake_is_one_sentence_and_changes_nothing(
    line: str, fragments: list[str], place: Path
) -> None:
    before = snapshot(place)
    words = line.split(" ")
    done = nas(*(["search", *RUN] if words[0] == "RUN" else words[:1]), *words[1:])
    assert snapshot(place) == before
    check_mistake(done, fragments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none(here: Path) -> None:
    check_mistake(nas("search", "device=cuda"), ["device=cuda", "use device=cpu"])
    assert not snapshot(here)


def test_a_mistake_in_a_sweep_names_its_job(here: Path) -> None:
    done = nas("search", "-m", *SMALL, "budget=9", "seed=1,x", "out=X")
    assert done.code == 2
    assert "Traceback" not in done.err
    *_, job, sentence = done.err.splitlines()
    assert "'seed=x'" in job
    assert sentence.startswith("nas: seed=x must be")
    assert sum("best.json" in str(path) for path in snapshot(here)) == 1


def test_a_mistake_in_a_process_of_its_own(here: Path) -> None:
    with started("search", "bugdet=3") as process:
        out, err = process.communicate()
    check_mistake(Done(process.returncode, out, err), ["'bugdet'"])
    assert not snapshot(here)


def test_who_stops_reading_gets_no_traceback() -> None:
    with started("list") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == 1
        assert process.stderr is not None
        assert process.stderr.read() == ""


# What a search survives


@pytest.mark.parametrize("cut", ["the end of the last line", "half of it", "all but half a line"])
def test_a_torn_line_is_dropped(cut: str, run: tuple[Path, Done], here: Path) -> None:
    shutil.copytree(run[0], here / "torn")
    journal = here / "torn" / "history.jsonl"
    content = journal.read_bytes()
    keep = {"the": len(content) - 1, "half": len(content) - 40, "all": 50}[cut.split()[0]]
    journal.write_bytes(content[:keep])
    done = nas("search", *RUN, "out=torn")
    assert done.code == 0
    assert "the last line of torn/history.jsonl was torn and is left out" in done.err
    assert history(here / "torn") == history(run[0])


def test_a_finished_search_is_only_shown_again(run: tuple[Path, Done], here: Path) -> None:
    shutil.copytree(run[0], here / "again")
    done = nas("search", *RUN, "out=again")
    assert done.code == 0
    assert "going on in again after 60 trials" in done.err
    assert done.out.splitlines()[:-1] == run[1].out.splitlines()[:-1]
    assert lines(here / "again") == lines(run[0])


def test_a_search_goes_on_with_a_larger_budget(run: tuple[Path, Done], here: Path) -> None:
    assert nas("search", *RUN, "budget=25", "out=more").code == 0
    assert history(here / "more") == history(run[0])[:25]
    assert nas("search", *RUN, "out=more").code == 0
    assert history(here / "more") == history(run[0])
    assert json.loads(nas("report", "more", "json=true").out)["budget"] == 60


@contextmanager
def full_beyond(bytes_a_file: int) -> Iterator[None]:
    """Writing a file beyond its first bytes fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_a_file, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("file", ["config.yaml", "history.jsonl", "best.json"])
def test_a_full_disk(file: str, here: Path) -> None:
    argv = ["search", *SMALL, "proxy.underflow=none", "budget=12"]
    assert nas(*argv, "out=whole").code == 0
    sizes = {name: size(here / "whole" / name) for name in FILES}
    limit = {name: sizes[name] * 3 // 4 for name in FILES}[file]
    assert {name for name in FILES if sizes[name] > limit} == {
        "config.yaml": FILES,
        "history.jsonl": {"history.jsonl", "best.json"},
        "best.json": {"best.json"},
    }[file]
    with full_beyond(limit):
        done = nas(*argv, "out=full")
    assert done.code == 2
    assert "Traceback" not in done.err
    *rest, sentence = done.err.splitlines()
    assert re.fullmatch(r"nas: full\S* cannot be written to: File too large", sentence)
    assert not any(line.startswith("nas:") for line in rest)
    if file == "config.yaml":
        assert not (here / "full").exists()
    else:
        left = {path.name for path in (here / "full").iterdir()}
        assert left == {"config.yaml", "history.jsonl"}
    assert nas(*argv, "out=full").code == 0
    assert history(here / "full") == history(here / "whole")
    assert {path.name for path in (here / "full").iterdir()} == FILES


@pytest.mark.parametrize(
    "words",
    [[], ["out=plain"], ["out='a=b, (c) d'"], ["out='it\\'s'"], ["-m", "seed=0,1", "out='a b'"]],
    ids=lambda words: " ".join(words) or "no out",
)
def test_the_command_to_go_on_does(
    words: list[str], run: tuple[Path, Done], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stops(Progress):
        def update(self, trial: Trial) -> None:
            super().update(trial)
            if trial.number == 9:
                signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr("nas.cli.commands.search.Progress", Stops)
        stopped = nas("search", *RUN, *words)
    assert stopped.code == 130
    *_, says, command = stopped.out.splitlines()
    assert says == "stopped after 10 of 60 trials; go on with"
    (folder,) = (path.parent for path in here.rglob("history.jsonl"))
    assert history(folder) == history(run[0])[:10]
    done = nas(*shlex.split(command)[1:])
    assert done.code == 0, done.err
    assert history(folder) == history(run[0])
    journals = list(here.rglob("history.jsonl"))
    assert len(journals) == (2 if "-m" in words else 1)
    assert {len(lines(path.parent)) for path in journals} == {60}


def test_ctrl_c(whole: Path, here: Path) -> None:
    with started("search", *LONG, "out=stopped") as process:
        wait(process, here / "stopped" / "history.jsonl", 2000)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    *_, says, command = out.splitlines()
    count = len(lines(here / "stopped"))
    assert says == f"stopped after {count} of 1000 trials; go on with"
    assert best(here / "stopped")["trials"]["total"] == count < 1000
    assert history(here / "stopped") == history(whole)[:count]
    name, *argv = shlex.split(command)
    assert name == "nas"
    assert nas(*argv).code == 0
    assert history(here / "stopped") == history(whole)


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_kill_at_any_moment_costs_nothing(kills: int, whole: Path, here: Path) -> None:
    rng = Random(0)
    end = size(whole / "history.jsonl")
    moments = sorted(rng.uniform(0, 0.8 * end) for _ in range(kills - 1))
    for moment in [-1.0, *moments]:  # the first while it is starting
        with started("search", *LONG, "out=killed") as process:
            wait(process, here / "killed" / "history.jsonl", moment)
            sleep(rng.uniform(0, 0.5 if moment < 0 else 0.01))
            process.kill()
            assert process.wait() == -signal.SIGKILL
    assert 0 < len((here / "killed" / "history.jsonl").read_bytes().splitlines()) < 1000
    assert nas("search", *LONG, "out=killed").code == 0
    assert history(here / "killed") == history(whole)
    assert {path.name for path in (here / "killed").iterdir()} == FILES


def test_the_number_of_threads_does_not_matter(run: tuple[Path, Done], here: Path) -> None:
    for threads in ("1", "2"):
        command = [sys.executable, "-m", "nas", "search", *RUN, f"out={threads}"]
        environment = {**os.environ, "OMP_NUM_THREADS": threads}
        subprocess.run(command, env=environment, check=True, capture_output=True)
        assert history(here / threads) == history(run[0])


def test_a_folder_is_for_one_process(here: Path) -> None:
    argv = [*SMALL, "strategy=random", "budget=1000000", "out=one"]
    with started("search", *argv) as process:
        wait(process, here / "one" / "history.jsonl", 1000)
        check_mistake(nas("search", *argv), ["another process is working in one"])
        report = nas("report", "one")
        assert process.poll() is None
    assert report.code == 0
    total = re.match(r"(\d+) of 1000000 trials", report.out)
    assert total is not None
    assert 0 < int(total[1]) <= len((here / "one" / "history.jsonl").read_bytes().splitlines())


def stripped(folder: Path) -> list[str]:
    """The history's lines as they are written, but for the seconds."""
    text = (folder / "history.jsonl").read_text()
    return [re.sub(r'"seconds":[^,]+,', "", line) for line in text.splitlines()]


def test_a_continued_history_is_the_same_to_the_byte(here: Path, run: tuple[Path, Done]) -> None:
    shutil.copytree(run[0], here / "cut")
    whole = (here / "cut" / "history.jsonl").read_bytes()
    (here / "cut" / "history.jsonl").write_bytes(whole[: len(whole) // 3])
    assert nas("search", *RUN, "out=cut").code == 0
    assert stripped(here / "cut") == stripped(run[0])


def test_sweeps_over_anything_have_folders_of_their_own(here: Path) -> None:
    done = nas("search", "-m", *SMALL, "budget=20,30", "strategy=random")
    assert done.code == 0, done.err
    (sweep,) = (here / "runs").iterdir()
    folders = sorted(path for path in sweep.iterdir() if path.is_dir())
    assert [path.name for path in folders] == ["budget=20", "budget=30"]
    assert [len(lines(path)) for path in folders] == [20, 30]


def test_changed_images_are_other_settings(here: Path) -> None:
    argv = [*SMALL, "batch=images", "batch.path=images.npy", "out=run", "strategy=random"]
    np.save(here / "images.npy", np.zeros((8, 8, 8, 3), np.uint8))
    np.save(here / "images.npy", np.arange(8 * 8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 8, 3))
    assert nas("search", *argv, "budget=30").code == 0
    np.save(here / "images.npy", np.ones((8, 8, 8, 3), np.uint8))
    done = nas("search", *argv, "budget=40")
    check_mistake(done, ["run holds a run with other settings: inputs_sha256 is"])


def test_several_proxies_and_their_ranking(here: Path) -> None:
    argv = [*SMALL, "proxy=[epsilon,params,flops]", "ranking=rank_sum", "budget=40"]
    assert nas("search", *argv, "out=both").code == 0
    summary = best(here / "both")
    assert summary["proxy"] == "epsilon + params + flops"
    rows = [line for line in lines(here / "both") if "copy_of" not in line and line["score"]]
    columns = [[row["scores"][name] for row in rows] for name in ("epsilon", "params", "flops")]
    value = np.log(np.array([rankdata(column) for column in columns]) / len(rows)).sum(axis=0)
    ordered = [rows[place]["number"] for place in np.argsort(-value, kind="stable")[:10]]
    assert [row["trial"] for row in summary["top"]] == ordered
    assert nas("report", "both").out.startswith("40 of 40 trials")
    one = nas("score", "1,1,1,1,1,3", *SMALL, "proxy=[params,flops]", "json=true")
    assert set(json.loads(one.out)["scores"]) == {"params", "flops"}
    weighted = nas(
        "score",
        "1,1,1,1,1,3",
        *SMALL,
        "proxy=[params,flops]",
        "json=true",
        "ranking.weights={flops: 0}",
    )
    figures = json.loads(weighted.out)
    assert figures["score"] == figures["params"]
