"""Proxies that are functions: registered, configured, kept apart by what they depend on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

import nas
from nas import PROXIES, Candidate, Proxy, ProxyObjective, Space, UsageError
from nas.batch import Batch
from nas.cli.commands.list import source
from nas.proxy import class_of
from nas.registry.described import place
from nas.scoring.keys import keys
from nas.testing import ProxyContract
from tests.support.command_line import SMALL
from tests.support.command_line import nas as command
from tests.support.small import small


def widest(candidate: Candidate, batch: Batch, *, power: float = 1.0, least: int = 2) -> float:
    """The largest logit, to a power.

    Options: `power`.
    """
    largest: torch.Tensor = candidate.model()(batch.inputs[:least]).max()
    return float(abs(largest.item()) ** power)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> str:
    PROXIES.load()
    monkeypatch.setattr(PROXIES, "_plugins", dict(PROXIES._plugins))
    assert PROXIES.register("widest")(widest) is widest
    return "widest"


class TestAFunction(ProxyContract):
    @pytest.fixture
    def space(self) -> Space:
        return small("nasbench201")

    @pytest.fixture
    def proxy(self) -> Proxy:
        return class_of(widest)(power=2.0)


def test_options_are_keywords_with_hints(registered: str) -> None:
    assert PROXIES.defaults(registered) == {"power": 1.0, "least": 2}
    proxy = PROXIES.build(registered, power=3)
    assert isinstance(proxy, Proxy)
    assert type(proxy) is PROXIES[registered]
    assert (PROXIES[registered].__doc__ or "").startswith("The largest logit")
    assert "test_functions.py" in source(*place(PROXIES[registered]))
    with pytest.raises(UsageError, match=r"no option 'exponent'; its options: power=1.0, least=2"):
        PROXIES.build(registered, exponent=2)
    with pytest.raises(UsageError, match=r"least=1.5 must be a whole number"):
        PROXIES.build(registered, least=1.5)


@pytest.mark.usefixtures("here")
def test_options_on_the_command_line(registered: str) -> None:
    words = ["score", "3,3,3,3,3,3", *SMALL, f"proxy={registered}"]
    one, other = command(*words), command(*words, "proxy.power=2")
    assert (one.code, one.err, other.code) == (0, "", 0)
    scores = [float(done.out.split("score")[1].split()[0]) for done in (one, other)]
    assert scores[1] == pytest.approx(scores[0] ** 2, rel=1e-4)
    wrong = command(*words, "proxy.power=high")
    assert (wrong.code, wrong.err) == (2, "nas: proxy.power=high must be a number\n")


@pytest.mark.parametrize(
    "function", [lambda: 0.0, lambda _one: 0.0, lambda _one, _two, _three: 0.0]
)
def test_other_arguments_are_refused(function: Callable[..., float]) -> None:
    with pytest.raises(TypeError, match=r"takes \(candidate, batch, \*, options\)"):
        PROXIES.register("wrong")(function)
    assert "wrong" not in PROXIES


@pytest.mark.usefixtures("registered")
def test_a_name_of_ours_is_taken() -> None:
    with pytest.raises(UsageError, match="'naswot' exists twice"):
        PROXIES.register("naswot")(widest)


def held(number: float) -> Callable[[Candidate, Batch], float]:
    return lambda _candidate, _batch: number


def test_keys_tell_functions_apart_by_code_options_and_what_they_hold() -> None:
    batch = Batch(torch.zeros(2, 3, 8, 8))

    def key(function: Callable[..., float], **options: Any) -> str:
        proxy = class_of(function)(**options)
        return keys(ProxyObjective(small("nasbench201"), proxy, batch))[""]

    def one(_candidate: Candidate, _batch: Batch) -> float:
        return 1.0

    first = one

    def one(_candidate: Candidate, _batch: Batch) -> float:  # type: ignore[no-redef]
        return 2.0

    functions: list[Callable[..., float]] = [first, one, held(1.0), held(2.0), widest]
    functions.append(partial(widest, power=2.0))
    found = [key(function) for function in functions]
    assert len({*found, key(widest, power=3.0)}) == len(functions) + 1
    assert found == [key(function) for function in functions]


def test_finals_and_several_take_functions() -> None:
    space = small("nasbench201")
    batch = space.batch(4, torch.Generator().manual_seed(0))
    places = nas.finals(space, [(3,) * 6, (1,) * 6], [widest, "params"], batch=batch)
    assert {*places.finalists[0].ranks} == {"widest", "params"}
    assert nas.score(space, [(3,) * 6], widest, batch=batch)[0].score > 0
    with pytest.raises(UsageError, match="must be a name, a function or an instance of a Proxy"):
        nas.score(space, [(3,) * 6], ["params", 3], batch=batch)  # type: ignore[list-item]
