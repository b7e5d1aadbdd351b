"""Weights, exported programs, ONNX and JSON, by the command line and from Python."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
import torch
from torch import nn

import nas as package
from nas import Candidate, UsageError
from nas.exporting import content, formats, model_of
from nas.exporting.source import source
from nas.network.module import NetworkModule
from nas.seeding import generator
from tests.exporting.test_source import imported
from tests.network.test_names import LAYERED
from tests.support.command_line import RUN, SMALL, best, check_mistake, nas, snapshot
from tests.support.small import SMALL as SIZES
from tests.support.small import small

ARCH = "(3, 2, 1, 4, 3, 3)"
NOISY = pytest.mark.filterwarnings("ignore")
"""Exporters warn about their own insides."""


def candidate(name: str, seed: int = 3) -> Candidate:
    space = small(name)
    return Candidate(space, space.sample(Random(seed)), seed=5)


def test_weights_fit_the_source(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    space = small("nasbench201")
    arch = (3, 2, 1, 4, 3, 3)
    source_path = package.export(space, arch, "source", tmp_path / "net.py")
    weights_path = package.export(space, arch, "weights", tmp_path / "net.safetensors", seed=5)
    model = imported(source_path.read_text()).create_model()
    model.load_state_dict(load_file(weights_path))
    ours = Candidate(space, arch, seed=5).model()
    inputs = space.batch(3, generator(0)).inputs
    torch.testing.assert_close(model(inputs), ours(inputs), rtol=1e-6, atol=1e-6)


@pytest.mark.long
@NOISY
@pytest.mark.parametrize("name", ["nasbench201", "vit"])
def test_an_exported_program_takes_any_batch(name: str, tmp_path: Path) -> None:
    made = candidate(name)
    path = tmp_path / "net.pt2"
    path.write_bytes(content(model_of(made), "pt2"))
    program = torch.export.load(path).module()
    model = made.model().eval()
    for size in (1, 7):
        inputs = made.space.batch(size, generator(size)).inputs
        torch.testing.assert_close(program(inputs), model(inputs), rtol=1e-5, atol=1e-6)


def check_onnx(name: str) -> None:
    """The file is checked with onnxruntime when it is made; here its inputs are looked at."""
    import onnx

    made = onnx.load_from_string(content(model_of(candidate(name)), "onnx"))
    (inputs,) = made.graph.input
    assert inputs.name == "inputs"
    first = inputs.type.tensor_type.shape.dim[0]
    assert first.dim_param
    assert not first.dim_value


@pytest.mark.long
@NOISY
def test_onnx_takes_any_batch() -> None:
    check_onnx("transnas_macro")


@NOISY
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SIZES))
def test_onnx_of_every_space(name: str) -> None:
    check_onnx(name)


@NOISY
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SIZES))
def test_a_program_of_every_space(name: str) -> None:
    assert content(model_of(candidate(name)), "pt2")


@pytest.mark.long
@NOISY
def test_onnx_that_is_wrong_is_refused() -> None:
    model = model_of(candidate("transnas_macro"))
    module = model.candidate.under(6).model().eval()
    made = content(model, "onnx")
    formats._check_onnx(made, model.candidate.model().eval(), model)  # the right one passes
    with pytest.raises(UsageError, match="onnxruntime gives outputs"):
        formats._check_onnx(made, module, model)


class Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2 if x.mean() > 0 else x.relu()


@pytest.mark.parametrize("format", ["pt2", "onnx"])
def test_a_module_that_torch_cannot_follow_is_one_quiet_sentence(
    format: str, capfd: pytest.CaptureFixture[str]
) -> None:
    model = model_of(Candidate.of(Branching(), torch.ones(2, 4)))
    with pytest.raises(UsageError, match=r"torch\.export cannot follow the module") as caught:
        content(model, format)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["vit", "nasbench_nlp"])
def test_a_space_of_modules_has_weights_and_json_but_no_source(name: str) -> None:
    model = model_of(candidate(name))
    with pytest.raises(UsageError, match=f"the space {name} gives modules and no layers"):
        content(model, "source")
    assert json.loads(content(model, "json"))["layers"] is None
    assert content(model, "weights")


@pytest.mark.parametrize("name", LAYERED)
def test_json_has_the_layers(name: str) -> None:
    made = candidate(name)
    found = json.loads(content(model_of(made), "json"))
    assert made.network is not None
    assert len(found["layers"]) == len(made.network.layers)
    assert [each["name"] for each in found["layers"]] == [x.name for x in made.network.layers]
    assert tuple(found["tuple"]) == made.arch
    assert found["space"] == {"name": name, **found["space"]}


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda _: None)
    for name in formats.PACKAGES:
        with pytest.raises(UsageError, match=r"pip install 'epsilon-nas\[export\]'"):
            content(model_of(candidate("nasbench201")), name)


@pytest.mark.long
def test_the_source_of_a_runs_winner(here: Path) -> None:
    assert nas("search", *RUN, "out=run").code == 0
    done = nas("export", "run", "out=net.py")
    assert (done.code, done.err) == (0, "")
    text = (here / "net.py").read_text()
    assert best(here / "run")["arch"] in text
    space = package.SPACES.build("nasbench201", channels=2, cells=1, resolution=8)
    network = space.network(tuple(best(here / "run")["tuple"]))
    assert network is not None
    model, ours = imported(text).create_model(), NetworkModule(network.live)
    model.load_state_dict(ours.state_dict())
    inputs = torch.randn(3, 3, 8, 8, generator=generator(1))
    torch.testing.assert_close(model(inputs), ours(inputs), rtol=1e-6, atol=1e-6)
    before = text
    check_mistake(nas("export", "run", "out=net.py"), ["net.py is there already"])
    assert nas("export", "run", "out=net.py", "replace=true").code == 0
    assert (here / "net.py").read_text() == before


@pytest.mark.parametrize(
    ("words", "wrote"),
    [
        (["out=x.safetensors"], "weights"),
        (["out=x.JSON"], "json"),
        (["out=x.py"], "source"),
        (["out=bare", "format=json"], "json"),
        ([], "source"),
    ],
)
def test_the_suffix_of_the_file_names_the_format(words: list[str], wrote: str, here: Path) -> None:
    done = nas("export", ARCH, *SMALL[:3], *words)
    assert (done.code, done.err) == (0, "")
    assert f"bytes  {wrote} of " in done.out
    (file,) = here.iterdir()
    assert file.name == words[0].removeprefix("out=") if words else "nasbench201.py"


def test_python_takes_the_format_of_the_suffix_too(tmp_path: Path) -> None:
    path = package.export(small("nasbench201"), ARCH, out=tmp_path / "x.json")
    assert json.loads(path.read_text())["tuple"] == [3, 2, 1, 4, 3, 3]
    with pytest.raises(UsageError, match="is a name for format=json, and format=source is asked"):
        package.export(small("nasbench201"), ARCH, "source", tmp_path / "y.json")


@pytest.mark.usefixtures("here")
def test_json_is_scored_as_the_architecture_is() -> None:
    assert nas("export", ARCH, *SMALL[:3], "format=json", "out=net.json").code == 0
    scored = ["batch.size=8", "device=cpu", "proxy=naswot", "json=true"]
    done = nas("score", "net.json", *scored)
    assert (done.code, done.err) == (0, "")
    direct = nas("score", ARCH, *SMALL[:3], *scored)
    one, other = json.loads(done.out), json.loads(direct.out)
    assert {**one, "seconds": 0} == {**other, "seconds": 0}


@pytest.mark.long
def test_the_winner_of_a_run_is_scored(here: Path) -> None:
    assert nas("search", *RUN, "proxy=params", "out=run").code == 0
    for word in ("run", "run/best.json"):
        done = nas("score", word, "proxy=params", "json=true")
        assert (done.code, done.err) == (0, "")
        assert json.loads(done.out)["score"] == best(here / "run")["score"]


def winner(word: str) -> tuple[int, ...]:
    """The architecture that is exported."""
    assert nas("export", word, "format=json", "out=winner.json").code == 0
    found = json.loads(Path("winner.json").read_text())["tuple"]
    Path("winner.json").unlink()
    return tuple(found)


@pytest.mark.long
@pytest.mark.parametrize("kept", ["an earlier result", "no result"])
def test_a_killed_search_has_the_winner_of_its_history(kept: str, here: Path) -> None:
    argv = ["search", *SMALL, "proxy=params", "strategy=random", "seed=1", "finals=none"]
    file = here / "run" / "best.json"
    argv.append("out=run")
    assert nas(*argv, "budget=1").code == 0
    stale, earlier = best(here / "run"), file.read_text()
    assert nas(*argv, "budget=40").code == 0
    last = best(here / "run")
    assert last["score"] > stale["score"]
    found, svg = tuple(last["tuple"]), nas("draw", last["arch"], *SMALL[:3], "out=a.svg")
    assert svg.code == 0
    if kept == "no result":
        file.unlink()  # as a kill leaves it
    else:
        file.write_text(earlier)
        assert winner("run/best.json") == found
    assert winner("run") == found
    assert nas("draw", "run", "out=b.svg").code == 0
    assert (here / "b.svg").read_bytes() == (here / "a.svg").read_bytes()
    assert json.loads(nas("score", "run", "proxy=params", "json=true").out)["arch"] == last["arch"]

    done = nas("report", "run")
    assert (done.code, done.err) == (0, "")
    assert last["arch"] in done.out
    there = best(here / "run")
    assert {**there, "elapsed": 0} == {**last, "elapsed": 0}
    written = file.stat().st_mtime_ns
    assert nas("report", "run").code == 0
    assert file.stat().st_mtime_ns == written, "what is right stays"


def test_a_run_without_a_score_has_no_winner(here: Path) -> None:
    assert nas("search", *RUN, "proxy=params", "budget=2", "out=never").code == 0
    nothing = {"arch": None, "tuple": None, "score": None}  # of a summary without a score
    (here / "never" / "best.json").write_text(json.dumps({**best(here / "never"), **nothing}))
    (here / "never" / "history.jsonl").unlink()
    check_mistake(nas("export", "never"), ["never has no winner: no trial had a score"])
    check_mistake(nas("draw", "never"), ["never has no winner: no trial had a score"])


@pytest.mark.long
@NOISY
def test_onnx_says_that_it_works(here: Path) -> None:
    small_one = ["space.channels=2", "space.cells=1", "space.resolution=8"]
    done = nas("export", ARCH, *small_one, "out=x.onnx")
    assert (done.code, done.err.count("\n")) == (0, 1)
    assert "exporting to ONNX" in done.err
    assert (here / "x.onnx").exists()


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        ([ARCH, "format=foo"], ["format=foo must be source, weights, pt2, onnx or json"]),
        (["empty"], ["there is no run in empty"]),
        (["begun"], ["begun has no trials yet"]),
        (["lost/run"], ["there is no run or file lost/run"]),
        (["list.json"], ["list.json names no architecture"]),
        (["other.json"], ["other.json does not say the space"]),
        (["torn.json"], ["torn.json cannot be read as JSON"]),
        ([], ["needs one run's folder or one architecture, not 0"]),
        ([ARCH, ARCH], ["not 2"]),
        (["(9, 9)"], ["is not in the space"]),
        ([ARCH, "out=empty"], ["empty is a folder"]),
        ([ARCH, "out=list.json"], ["list.json is there already"]),
        ([ARCH, "out=x.txt"], ["out=x.txt names no format", ".onnx"]),
        ([ARCH, "out=bare"], ["out=bare names no format"]),
        ([ARCH, "format=onnx", "out=x.py"], ["x.py is a name for format=source", "format=onnx"]),
        ([ARCH, "format=onnx", "out=x.txt"], ["x.txt names no format", "must end in .onnx"]),
        ([ARCH, "seed=-1"], ["seed=-1 must be a whole number"]),
        (["(0,)", "space=nasbench_nlp"], []),
    ],
)
def test_mistakes_are_one_sentence_and_nothing_is_written(
    words: list[str], fragments: list[str], here: Path
) -> None:
    (here / "empty").mkdir()
    assert nas("search", *RUN, "proxy=params", "budget=2", "out=begun").code == 0
    (here / "begun" / "history.jsonl").write_text("")
    (here / "list.json").write_text("[]")
    (here / "other.json").write_text('{"tuple": [1]}')
    (here / "torn.json").write_text('{"tuple": [1')
    before = snapshot(here)
    check_mistake(nas("export", *words), fragments)
    assert snapshot(here) == before


@pytest.mark.usefixtures("here")
def test_files_of_two_spaces_are_not_scored_together() -> None:
    for name, arch in (("nasbench201", ARCH), ("transnas_macro", "64-41414-basic")):
        assert nas("export", arch, f"space={name}", "format=json", f"out={name}.json").code == 0
    done = nas("score", "nasbench201.json", "transnas_macro.json")
    check_mistake(done, ["nasbench201.json and transnas_macro.json are not of one space"])


def test_python_refuses_what_the_command_line_does(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        package.export("nasbench201", ARCH, out=path)
    with pytest.raises(UsageError, match="format=foo must be one of source"):
        package.export("nasbench201", ARCH, "foo")
    assert path.read_text() == "mine"
    package.export("nasbench201", ARCH, out=path, replace=True)
    network = small("nasbench201").network((3, 2, 1, 4, 3, 3))
    assert network is not None
    assert "def create_model" in path.read_text()
    assert source(network, "Net", "x") == source(network, "Net", "x")
