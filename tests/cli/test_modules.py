"""`nas score module=…` and `file=…`: a network of the user's, and what can be wrong with it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.command_line import check_mistake, nas
from tests.support.proxies import LOOKING

NETS = """
from torch import nn

WIDTH = 4

def net(width=WIDTH):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5))

def wide():
    return net(8)

made = nn.Sequential(nn.Flatten(), nn.Linear(192, 5))
narrow = lambda inputs, outputs=3: nn.Linear(inputs, outputs)

def nothing():
    return None

def failing():
    raise ValueError("no network today")

class Nets:
    first = staticmethod(net)

class Wrong(nn.Linear):
    def __init__(self):
        super().__init__(7, 7)
"""
SIZES = ["inputs=[3,8,8]", "batch.size=4", "device=cpu"]

pytestmark = pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")


@pytest.fixture
def nets(here: Path) -> Path:
    (here / "some_nets.py").write_text(NETS)
    (here / "broken_nets.py").write_text("import no_such_thing\n")
    (here / "empty_nets.py").write_text("from os import path\nWIDTH = 3\n")
    (here / "leaving_nets.py").write_text("import sys\nsys.exit(3)\n")
    return here


@pytest.mark.usefixtures("nets")
@pytest.mark.parametrize(
    "option",
    [
        *("file=some_nets.py:net", "module=some_nets:net", "file=some_nets.py:made"),
        "module=some_nets:Nets.first",
    ],
)
def test_a_network_is_scored_by_several_proxies(option: str) -> None:
    done = nas("score", option, "proxy=[l2_norm,az_nas]", "json=true", *SIZES)
    assert (done.code, done.err) == (0, "")
    rows = json.loads(done.out)
    names = ["l2_norm", "expressivity", "progressivity", "trainability", "flops", "params"]
    assert [*rows] == names
    params = 965 if option.endswith(":made") else 3 * 4 * 9 + 4 + 144 * 5 + 5
    assert rows["params"]["value"] == params
    assert rows["l2_norm"]["value"] > 0
    assert rows["progressivity"]["reason"].startswith("progressivity ")


@pytest.mark.usefixtures("nets")
def test_all_proxies_answer_or_say_why_not() -> None:
    done = nas("score", "file=some_nets.py:wide", "proxy=all", *SIZES)
    assert (done.code, done.err) == (0, "")
    heading, _, *lines = done.out.splitlines()
    assert heading == "wide on inputs of shape (3, 8, 8)"
    assert {line.split()[0] for line in lines} == {*LOOKING}
    for line in lines:
        name, value, seconds, reason = re.match(r"(\S+) +(\S+) +(\S+)(.*)", line).groups()  # type: ignore[union-attr]
        assert float(seconds) >= 0
        assert value != "none" or len(reason) > 10, name


def test_images_of_a_file(nets: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), np.uint8)
    np.save(nets / "images.npy", images)
    words = ["batch=images", "batch.path=images.npy", "batch.size=6", "device=cpu"]
    done = nas("score", "file=some_nets.py:net", "inputs=[3,8,8]", "proxy=naswot", *words)
    assert (done.code, done.err) == (0, "")
    assert re.search(r"^naswot +\d", done.out, re.MULTILINE)


@pytest.mark.usefixtures("nets")
@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["file=some_nets.py"], "such as file=net.py:Net"),
        (["module=some_nets"], "such as module=package.nets:Net"),
        (["file=other.py:net"], "there is no file other.py"),
        (["file=some_nets.py:nett"], "did you mean 'net'"),
        (["module=some_nets:Nets.second"], "Nets.second"),
        (["file=empty_nets.py:Net"], "file=empty_nets.py:Net is not there, and no other network"),
        (["module=some_nets:Net"], "is not there: there is no network 'Net'; did you mean 'net'"),
        (["module=no_such_module:net"], "No module named 'no_such_module'"),
        (["file=broken_nets.py:net"], "cannot be imported (ModuleNotFoundError: No module"),
        (["file=leaving_nets.py:net"], "cannot be imported (SystemExit: 3)"),
        (["file=some_nets.py:WIDTH"], "is no network: it must be an nn.Module, or a class"),
        (["file=some_nets.py:narrow"], "needs the arguments inputs: name a function"),
        (["file=some_nets.py:Nets"], "is a class that is no nn.Module"),
        (["file=some_nets.py:nothing"], "nothing() gives None, and must give an nn.Module"),
        (["file=some_nets.py:failing"], "no network today"),
        (["file=some_nets.py:Wrong", "metrics=[flops]"], "cannot be multiplied"),
        (["file=some_nets.py:net", "module=some_nets:net"], "the one network"),
        (["file=some_nets.py:net", "1,1,1,1,1,1"], "the one network"),
        (["file=some_nets.py:net", "space=darts"], "space=darts is for a space, and module="),
        (["module=some_nets:net", "space.cells=2"], "space.cells=2 is for a space"),
        (["file=some_nets.py:net", "ranking=rank_sum"], "ranking=rank_sum is for a space"),
        (["file=some_nets.py:net", "live=false"], "live=false is for a space"),
        (["file=some_nets.py:net", "inputs=[]"], "must be the shape of an example"),
        (["file=some_nets.py:net", "inputs=[3,-8,8]"], "whole number of at least 1"),
        (["1,1,1,1,1,1"], "inputs= is for module= and file="),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], fragment: str) -> None:
    sizes = [word for word in SIZES if not any("inputs=" in each for each in words)]
    check_mistake(nas("score", *words, *sizes), [fragment])


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("command", ["score", "draw", "export"])
def test_an_empty_word_is_no_folder(command: str) -> None:
    check_mistake(nas(command, ""), ["'' names nothing: give an architecture"])


@pytest.mark.usefixtures("nets")
def test_the_shape_must_be_known() -> None:
    done = nas("score", "file=some_nets.py:net", "device=cpu")
    check_mistake(done, ["the shape of net's inputs is not known", "inputs=[3,32,32]"])


def test_a_config_names_no_code(nets: Path) -> None:
    """Neither one that stands before the command's own, nor one that is appended."""
    config = "# @package _global_\nfile: leaving_nets.py:net\n"
    for group in ("proxy", "extra"):
        (nets / "configs" / group).mkdir(parents=True)
        (nets / "configs" / group / "sly.yaml").write_text(f"{config}proxy: {{name: params}}\n")
    words = ["score", "--config-dir=configs", "1,1,1,1,1,1", "batch.size=2", "device=cpu"]
    before = nas(*words, "proxy=sly")
    assert (before.code, before.err) == (0, "")
    assert "skip_connect" in before.out
    check_mistake(nas(*words, "+extra=sly"), ["only the command line names code"])


DATA_NETS = """
from torch import nn

def maps():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5))

def rows():
    return nn.Sequential(nn.Linear(20, 8), nn.ReLU(), nn.Linear(8, 5))

def tokens():
    return nn.Sequential(nn.Embedding(50, 8), nn.Flatten(), nn.LazyLinear(5))
"""


@pytest.mark.parametrize(
    ("net", "words", "shape"),
    [
        ("maps", ["batch=arrays", "batch.path=x.npz"], [3, 12, 10]),
        ("maps", ["batch=images", "batch.path=x.npz"], [3, 12, 10]),
        ("maps", ["batch=images", "batch.path=pictures"], [3, 12, 10]),
        ("rows", ["batch=arrays", "batch.path=whole.npy"], [20]),
        ("rows", ["batch=arrays", "batch.path=x.pt"], [20]),
        ("rows", ["batch=arrays", "batch.path=x.csv"], [20]),
        ("tokens", ["batch=arrays", "batch.path=whole.npy"], [20]),
    ],
)
def test_data_say_the_shape(here: Path, net: str, words: list[str], shape: list[int]) -> None:
    (here / "data_nets.py").write_text(DATA_NETS)
    draw = np.random.default_rng(0)
    images, rows = draw.integers(0, 255, (8, 12, 10, 3), np.uint8), draw.random((8, 20))
    np.savez("x.npz", images=images, labels=np.arange(8) % 5)
    np.save("whole.npy", draw.integers(0, 50, (8, 20)))
    torch.save({"x": torch.from_numpy(rows), "y": torch.arange(8) % 5}, "x.pt")
    np.savetxt("x.csv", rows, delimiter=",", header=",".join("abcdefghijklmnopqrst"), comments="")
    (here / "pictures").mkdir()
    for place, image in enumerate(images):
        Image.fromarray(image).save(here / "pictures" / f"{place}.png")
    given = ["score", f"file=data_nets.py:{net}", "proxy=snip", "batch.size=8", "device=cpu"]
    done = nas(*given, *words)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{net} on inputs of shape {(*shape,)}\n")
    done = nas(*given, *words, "json=true")
    assert json.loads(done.out)["snip"]["value"] > 0


@pytest.mark.usefixtures("nets")
def test_one_dimensional_data_do_not_say_the_shape(here: Path) -> None:
    np.save(here / "x.npy", np.arange(8.0))
    words = ("batch=arrays", "batch.path=x.npy", "batch.size=8", "device=cpu")
    done = nas("score", "file=some_nets.py:net", *words)
    check_mistake(done, "they must be (examples, …)")


@pytest.mark.parametrize("inits", [True, False])
def test_a_file_may_import_others_of_its_package(here: Path, inits: bool) -> None:
    folder = here / "own_package" / "inner"
    folder.mkdir(parents=True)
    for place in (folder, folder.parent) if inits else ():
        (place / "__init__.py").write_text("")
    (folder / "widths.py").write_text("W = 5\n")
    (folder / "relative.py").write_text(
        "from torch import nn\nfrom .widths import W\n\ndef net():\n    return nn.Linear(20, W)\n"
    )
    (folder / "wrong.py").write_text("from .no_such_file import W\n")
    inner = "file=own_package/inner"
    done = nas("score", f"{inner}/relative.py:net", "proxy=l2_norm", "inputs=[20]", "device=cpu")
    assert (done.code, done.err) == (0, "")
    assert "params  " in done.out
    done = nas("score", f"{inner}/wrong.py:net", "inputs=[20]", "device=cpu")
    check_mistake(done, "no_such_file'")
    for name in [name for name in sys.modules if name.split(".")[0] in ("own_package", "inner")]:
        del sys.modules[name]
