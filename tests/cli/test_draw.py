"""`nas draw`: pictures of architectures and of runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.command_line import RUN, nas

CELL = "|nor_conv_3x3~0|+|skip_connect~0|avg_pool_3x3~1|+|nor_conv_1x1~0|none~1|skip_connect~2|"


def test_an_architecture_as_svg_in_the_current_folder(here: Path) -> None:
    done = nas("draw", CELL)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"arch     {CELL}",
        "shows    nasbench201, cell, reduction",
        "file     nasbench201.svg",
    ]
    ElementTree.parse(here / "nasbench201.svg")


@pytest.mark.parametrize(
    ("options", "file", "start"),
    [
        (["format=png"], "nasbench201.png", b"\x89PNG"),
        (["out=x.mmd"], "x.mmd", b"flowchart TD"),
        (["out=x.txt", "format=dot"], "x.txt", b"digraph"),
        (["out=1.svg", "what=cell", "theme=dark"], "1.svg", b"<svg"),
    ],
)
def test_formats(here: Path, options: list[str], file: str, start: bytes) -> None:
    done = nas("draw", "3,1,4,2,3,1", *options)
    assert (done.code, done.err) == (0, "")
    assert (here / file).read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "draw needs one architecture or one run's folder, not 0"),
        (["file=net.py:Net", "inputs=[3,8,8]"], "nas draw has no file=, for it draws"),
        (["module=nets:Net"], "nas.draw(module, inputs=(3, 32, 32))"),
        (["3,1,4,2,3,1", "them=dark"], "no option of nas draw 'them'; did you mean 'theme'"),
        (["3,1,4,2,3,1", "3,1,4,2,3,2"], "draw needs one architecture or one run's folder, not 2"),
        ([""], "'' names nothing"),
        (["3,1"], "is not in the space"),
        (["3,1,4,2,3,1", "format=gif"], "format=gif must be svg, png, mermaid or dot"),
        (["3,1,4,2,3,1", "out=x.foo"], "out=x.foo names no format"),
        (["3,1,4,2,3,1", "out=x.svg", "format=png"], "x.svg is a name for format=svg"),
        (["3,1,4,2,3,1", "what=all"], "what=all must be cell, network or both"),
        (["3,1,4,2,3,1", "theme=red"], "theme=red must be auto, light or dark"),
        (["empty"], "there is no run in"),
        (["3,1,4,2,3,1", "out=empty", "format=svg"], "is a folder"),
        (["3,1,4,2,3,1", "out=there.svg"], "is there already: replace=true replaces it"),
        (["3,1,4,2,3,1", "out=no/such/folder/x.svg"], "no/such/folder"),
    ],
)
def test_mistakes_are_one_sentence(here: Path, words: list[str], told: str) -> None:
    (here / "empty").mkdir()
    (here / "there.svg").write_text("mine")
    done = nas("draw", *words)
    assert done.code == 2
    assert told in done.err
    assert len(done.err.splitlines()) == 1
    assert (here / "there.svg").read_text() == "mine"
    assert {path.name for path in here.iterdir()} == {"empty", "there.svg"}


def test_an_existing_file_is_replaced_on_demand(here: Path) -> None:
    (here / "there.svg").write_text("mine")
    assert nas("draw", "3,1,4,2,3,1", "out=there.svg", "replace=true").code == 0
    ElementTree.parse(here / "there.svg")


def test_the_best_of_a_run(here: Path) -> None:
    assert nas("search", *RUN, "proxy=params", "budget=10", "out=found").code == 0
    done = nas("draw", "found", "out=best.svg")
    assert (done.code, done.err) == (0, "")
    arch = nas("report", "found", "json=true").out
    assert done.out.splitlines()[0].removeprefix("arch     ") in arch
    assert "stage 2" in (here / "best.svg").read_text()


PAGE = (Path(__file__).parent.parent.parent / "docs" / "drawing.md").read_text()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "line",
    [
        line
        for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
        for line in block.splitlines()
    ],
)
def test_the_commands_of_the_page_run(line: str) -> None:
    done = nas(*shlex.split(line)[1:])
    assert (done.code, done.err) == (0, "")
    assert Path(done.out.splitlines()[-1].split()[-1]).stat().st_size


def test_the_programs_of_the_page_run(here: Path) -> None:
    programs = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(programs) == 2
    exec("\n".join(programs), {})
    assert {path.name for path in here.iterdir()} == {"cell.svg", "encoder.svg"}


def test_the_pictures_of_the_page_are_there() -> None:
    for name in re.findall(r"\]\((pictures/\S+\.svg)\)", PAGE):
        ElementTree.parse(Path(__file__).parent.parent.parent / "docs" / name)
