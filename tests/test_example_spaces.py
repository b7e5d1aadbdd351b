"""The example spaces run, keep the contract, and every proxy scores them or says why not."""

from __future__ import annotations

import importlib
import re
import runpy
import sys
from math import isfinite
from pathlib import Path
from random import Random

import pytest

from nas import PROXIES, SPACES, Arch, Candidate, NotApplicableError, Proxy, Space
from nas.seeding import generator
from nas.testing import SpaceContract
from tests.support.command_line import nas
from tests.support.proxies import LOOKING

FOLDER = Path(__file__).parent.parent / "examples" / "spaces"
NAMES = ["tabular_mlp", "signals_cnn", "text_transformer", "segmentation_unet"]
ALONE = {"dextr", "dss", "meco", "meco_image", "meco_opt"}
DRAWN = {"dextr", "expressivity", "intrain", "linear_regions", "meco", "meco_opt", "progressivity"}
DRAWN |= {"trainability", "vkdnw", "zen"}
REFUSED = {
    "tabular_mlp": {"skip", *ALONE},  # they run one row alone, which its batch norm refuses
    "signals_cnn": {"skip", "dss"},
    "text_transformer": {
        *("skip", "nasgraph", "jacob_cov"),
        *DRAWN,  # tokens are no numbers from N(0, 1)
        *("l_swag", "naswot", "swap", "wrcor"),  # it has no ReLU
    },
    "segmentation_unet": {"skip", "dss"},
}
"""Proxies that say in a sentence why they do not apply; all others give a number."""


@pytest.fixture(autouse=True)
def _as_in_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Import the spaces as programs there do; forget them afterwards."""
    monkeypatch.syspath_prepend(FOLDER)
    SPACES.load()
    monkeypatch.setattr(SPACES, "_plugins", dict(SPACES._plugins))
    for name in NAMES:
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.fixture(params=NAMES)
def space(request: pytest.FixtureRequest) -> Space:
    importlib.import_module(request.param)
    return SPACES.build(request.param)


def test_every_space_is_here_and_short() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == {*NAMES}
    assert all(len(path.read_text().splitlines()) < 60 for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_it_searches_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert re.fullmatch(r"(\w+=\w+,)+\w+=\w+ -?[\d.]+\n", capsys.readouterr().out)


class TestContract(SpaceContract):
    @pytest.fixture(params=NAMES)
    def space(self, request: pytest.FixtureRequest) -> Space:
        importlib.import_module(request.param)
        return SPACES.build(request.param)


def asked(proxy: Proxy, space: Space, arch: Arch) -> float | str:
    """The score, or the sentence of a refusal."""
    try:
        return proxy.score(Candidate(space, arch), space.batch(16, generator("contract")))
    except NotApplicableError as error:
        return str(error)


@pytest.mark.parametrize("proxy", LOOKING)
def test_every_proxy_scores_or_says_why_not(space: Space, proxy: str) -> None:
    answer = asked(PROXIES.build(proxy), space, space.sample(Random(1)))
    if proxy in REFUSED[type(space).__module__]:
        assert isinstance(answer, str)
        assert " " in answer
    else:
        assert isinstance(answer, float)
        assert isfinite(answer)


@pytest.mark.parametrize("norm", ["none", "layer"])
@pytest.mark.parametrize(
    ("proxy", "says"), [("dss", "attention"), ("meco", "one number"), ("zen", ""), ("epsilon", "")]
)
def test_vectors_without_batch_norms(norm: str, proxy: str, says: str) -> None:
    """A network of linear layers from a `Builder`."""
    importlib.import_module("tabular_mlp")
    space = SPACES.build("tabular_mlp")
    arch = space.parse(f"depth=2,width=16,activation=relu,norm={norm},skips=false")
    answer = asked(PROXIES.build(proxy), space, arch)
    assert says in answer if isinstance(answer, str) else not says


def test_decisions_by_name_are_exported(here: Path) -> None:
    importlib.import_module("tabular_mlp")
    text = "depth=2,width=16,activation=relu,norm=none,skips=true"
    done = nas("export", "space=tabular_mlp", text, "out=x.py")
    assert (done.code, done.err) == (0, "")
    assert f"Architecture: {text}" in (here / "x.py").read_text()
