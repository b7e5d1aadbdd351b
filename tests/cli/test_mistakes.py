"""A mistake is one sentence and changes nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from nas import SPACES
from tests.support.command_line import (
    RUN,
    SMALL,
    Done,
    check_mistake,
    lines,
    nas,
    snapshot,
    started,
)

SPACES_THERE_ARE = f"there are: {', '.join(SPACES)}"
MISTAKES: list[tuple[str, list[str]]] = [
    (
        "serach",
        [
            "command 'serach'",
            "did you mean 'search'",
            "list, new, proxify, report, score, search, study",
        ],
    ),
    ("search space=nasbench20", ["space 'nasbench20'", SPACES_THERE_ARE]),
    ("search space=5", ["space '5'", SPACES_THERE_ARE]),
    ("search space=null", ["space 'null'", SPACES_THERE_ARE]),
    ("search space=[a]", ["space=[a] must be the name of a space"]),
    ("search space=a", ["space 'a'", SPACES_THERE_ARE]),
    ("search proxy=epsilom", ["proxy 'epsilom'", "did you mean 'epsilon'"]),
    ("search strategy=evolve", ["strategy 'evolve'", "evolution, exhaustive, "]),
    ("search batch=photos", ["batch 'photos'", "images, natural, noise, ramp"]),
    ("score batch=photos 1,1,1,1,1,1", ["batch 'photos'", "images, natural, noise, ramp"]),
    (
        "search bugdet=3",
        ["'bugdet'", "did you mean 'budget'", "batch, block, budget, "],
    ),
    ("search +colour=3", ["'colour'", "batch, block, budget, "]),
    ("score budget=3 1,1,1,1,1,1", ["option of nas score 'budget'", "archs, batch, device, file"]),
    ("report budget=3 run", ["option of nas report 'budget'", "json"]),
    ("list budget=3", ["option of nas list 'budget'"]),
    ("search strategy.popluation=8", ["'strategy.popluation'", "'strategy.population'"]),
    ("search strategy=random strategy.population=8", ["'strategy.population'", "random"]),
    ("search space.depth=8", ["'space.depth'", "space.cells, space.channels, space.classes"]),
    ("search +proxy.colour=8", ["'colour'", "low=None", "underflow=float32"]),
    ("search ~budget", ["cannot do without budget"]),
    ("search words", ["'words'", "name=value"]),
    ("search finals.proxies.l2_norm.init=normal", ["finals.proxies is a list", "write finals.pr"]),
    ("search constraints.a=1", ["constraints is a list", "write constraints=["]),
    (
        "search proxy=[epsilon,params] ranking=rank_sum ranking.weights={epsilon:0,params:0}",
        ["compares two figures or more", "none is left"],
    ),
    ("search finals.proxies=[trio]", ["is no proxy but a combination", "the list of these names"]),
    ("search -m words", ["'words'", "name=value"]),
    ("search [", ["'['", "name=value"]),
    ("search space=[a", ["'space=[a'", "name=value"]),
    ("search device=a(b", ["'device=a(b'", "name='value'"]),
    ("search device=a=b", ["'device=a=b'", "name='value'", "# ~"]),
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
    ("score 1,1,1,1,1,5", ["(1, 1, 1, 1, 1, 5)", "its number 6 is 5", "from 0 to 4"]),
    ("score 1,1,1,1,1,1 no", ["'no'"]),
    ("score", ["needs an architecture", "archs=FILE"]),
    ("score json=maybe 1,1,1,1,1,1", ["json=maybe", "true or false"]),
    ("score archs=none", ["archs=none"]),
    ("score archs=empty", ["archs=empty"]),
    ("score archs=file", ["'no architecture'"]),
    ("report", ["needs a run's folder", "nas report RUN"]),
    ("report run broken", ["line 5 of broken/history.jsonl"]),
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


@pytest.mark.long
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
