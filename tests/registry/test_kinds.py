"""One registry for all kinds: any of them can be a plugin, and none needs a yaml."""

from __future__ import annotations

import pytest

from nas import UsageError
from nas.registry import Registry
from nas.registry.options import Choice, construct
from tests.support.command_line import check_mistake, lines, told
from tests.support.site import Site

MODULE = '''
from contextlib import contextmanager
from dataclasses import dataclass
from math import nan
import torch
from torch import nn
from nas import METRICS, PROXIES, RANKINGS, SPACES, STRATEGIES
from nas import Batch, Metric, Proxy, Space, Strategy
from nas.data.registry import SOURCES
from nas.scoring.executors import EXECUTORS

@SPACES.register("lines")
@dataclass(frozen=True)
class Lines(Space):
    """Linear layers; its fields have names that our own functions use, too."""
    kind: int = 3
    make: str = "a"
    name_: int = 1
    given: int = 2
    decisions = {"width": (2, 3, 4), "bias": (False, True)}

    @property
    def inputs(self):
        return (self.kind,)

    def build(self, width, bias):
        return nn.Sequential(nn.Linear(self.kind, width, bias), nn.ReLU(), nn.Linear(width, 2))

@PROXIES.register("kindly")
class Kindly(Proxy):
    """The width."""
    def __init__(self, kind: float = 1.0, args: int = 0):
        self.kind = kind
    def score(self, candidate, batch):
        return self.kind * candidate.arch[0]

@METRICS.register("weight-bits")
class Bits(Metric):
    """Bits of all weights."""
    unit = "bits"
    def measure(self, candidate, batch):
        return 32 * sum(p.numel() for p in candidate.skeleton().parameters()) + 0.5

@STRATEGIES.register("first")
class First(Strategy):
    """All in order."""
    def __init__(self, space, ranking, *, start: int = 0):
        super().__init__(space, ranking)
        self.told = start
    def ask(self, rng):
        return list(self.space.every())[self.told % self.space.size]
    def tell(self, trial):
        self.told += 1

@RANKINGS.register("least")
def least(trials, *, scale: float = 1.0):
    """The least score first."""
    return [-scale * trial.score for trial in trials]

@SOURCES.register("ones")
def ones(space, *, size: int = 4):
    """Ones."""
    return Batch(torch.ones(size, *space.inputs))

@EXECUTORS.register("backwards")
@contextmanager
def backwards(note: str = ""):
    """From the end."""
    yield lambda function, arguments: [function(each) for each in list(arguments)[::-1]][::-1]
'''


@pytest.fixture
def mine(site: Site) -> Site:
    (site.folder / "mine.py").write_text(MODULE)
    return site


@pytest.mark.long
def test_every_kind_works_from_one_module_without_a_yaml(mine: Site) -> None:
    argv = [
        *("search", "space=lines", "space.kind=5", "proxy=kindly", "proxy.kind=2.5"),
        *("strategy=first", "strategy.start=1", "ranking=least", "batch=ones", "batch.size=3"),
        *("executor=backwards", "metrics=[params,weight-bits]", "budget=6", "finals=none"),
        "out=run",
    ]
    done = mine.nas(*argv, NAS_PLUGINS="mine")
    assert done.code == 0, done.err
    assert "best    width=2,bias=true" in done.out
    assert "ranking least" in done.out
    assert "weight-bits 576.5   (bits)" in done.out
    assert "FLOPs" not in done.out
    trials = lines(mine.here / "run")
    assert [trial["arch"] for trial in trials] == [[0, 1], [1, 0], [1, 1], [2, 0], [2, 1], [0, 0]]
    assert [trial["score"] for trial in trials] == [0.0, 2.5, 2.5, 5.0, 5.0, 0.0]
    assert trials[0]["metrics"] == {"params": 18, "weight-bits": 32 * 18 + 0.5}
    for _ in range(2):
        page = (mine.here / "run" / "report.html").read_text(encoding="utf-8")
        for words in ("search space=lines", "export run format=pt2", "draw run", "report run"):
            assert f"NAS_PLUGINS=mine nas {words}" in page
        report = mine.nas("report", "run", NAS_PLUGINS="mine")
        assert told(report.out) == told(done.out)
    assert mine.nas(*argv[:-2], "budget=8", "out=run", NAS_PLUGINS="mine").code == 0


@pytest.mark.long
def test_their_mistakes_are_sentences(mine: Site) -> None:
    mistakes = {
        "space=line": "there is no space 'line'; did you mean 'lines'?",
        "proxy=null": "there is no proxy 'null'",
        "space.kin=3": "there is no option of space=lines 'space.kin'; did you mean 'space.kind'?",
        "space.kind=much": "space.kind=much must be a whole number",
        "ranking.scale=x": "ranking.scale=x must be a number",
        "metrics=[bits]": "there is no metric 'bits'",
        "metrics=params": "metrics=params must be a list of metrics",
    }
    chosen = ["space=lines", "ranking=least", "proxy=kindly", "budget=2"]
    for wrong, sentence in mistakes.items():
        check_mistake(mine.nas("search", *chosen, wrong, NAS_PLUGINS="mine"), [sentence])


def test_list_has_all_kinds(mine: Site) -> None:
    done = mine.nas("list", NAS_PLUGINS="mine")
    assert done.code == 0, done.err
    for name in ("lines", "kindly", "weight-bits", "first", "least", "ones", "backwards"):
        assert f"\n  {name} " in done.out
    assert "from NAS_PLUGINS, " in done.out
    assert "contextlib" not in done.out


def test_a_strategy_of_the_old_kind_is_told_what_it_must_take(site: Site) -> None:
    (site.folder / "old.py").write_text(
        MODULE.replace(
            "def __init__(self, space, ranking, *,", "def __init__(self, space, *,"
        ).replace("super().__init__(space, ranking)", "super().__init__(space)")
    )
    done = site.nas("search", "space=lines", "strategy=first", "proxy=kindly", NAS_PLUGINS="old")
    check_mistake(done, ["strategy first must take 2 arguments before its options, and takes (sp"])


def test_names_of_our_own_parameters_are_options_like_others() -> None:
    def make(kind: int, name: str, make: int, given: int = 1) -> tuple[object, ...]:
        return kind, name, make, given

    options = {"kind": 3, "name": "x", "make": 4}
    assert construct("thing", "one", make, 0, **options) == (3, "x", 4, 1)
    registry: Registry[tuple[object, ...]] = Registry("thing", "nas.ranking")
    registry.register("one")(make)
    assert registry.build("one", **options) == (3, "x", 4, 1)
    assert registry.configured(Choice("one", options)) == (3, "x", 4, 1)
    assert registry.defaults("one") == {"kind": "???", "name": "???", "make": "???", "given": 1}


def test_what_is_of_no_such_kind_is_refused() -> None:
    registry: Registry[object] = Registry("thing", "nas.ranking")
    with pytest.raises(TypeError, match="must be a function"):
        registry.register("one")(3)  # type: ignore[type-var]
    with pytest.raises(UsageError, match="there is no thing 'none'; there are none"):
        registry["none"]
