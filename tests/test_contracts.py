"""The shipped contracts, over every registered plugin."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import pytest
from omegaconf import OmegaConf

from nas import (
    METRICS,
    PROXIES,
    SPACES,
    STRATEGIES,
    TRACKERS,
    Arch,
    Candidate,
    Metric,
    NotApplicableError,
    Proxy,
    Space,
    Strategy,
    Tracker,
    UsageError,
)
from nas.cli.config_files import conf_dir
from nas.cli.kinds import registries
from nas.registry import Registry
from nas.seeding import generator
from nas.testing import (
    MetricContract,
    ProxyContract,
    SpaceContract,
    StrategyContract,
    TrackerContract,
)
from tests.support.small import small
from tests.support.trackers import options_of_tracker

REGISTRIES = list(registries().values())
EVERY = [(registry, name) for registry in REGISTRIES for name in registry]
CONFIGURED = [(registry, name) for registry, name in EVERY if registry is not METRICS]
"""Those that have a yaml; metrics have no options yet."""


class TestEverySpace(SpaceContract):
    @pytest.fixture(params=SPACES)
    def space(self, request: pytest.FixtureRequest) -> Space:
        return small(request.param)


CANCELLING = ("plain", "grasp")
"""Proxies whose terms cancel: in float32 the rounding of a device is up to 1 % of their score."""

SIGNS = ("gradsign", "intrain")
"""Proxies of the signs or the shape of gradients, also of those that are 0 but for rounding."""


def tolerance(proxy: Proxy) -> float:
    """How far a score on CUDA may be from the CPU's."""
    sensitive = [PROXIES[name] for name in (*CANCELLING, *SIGNS)]
    return 2e-2 if type(proxy) in sensitive else 1e-3


class TestEveryProxy(ProxyContract):
    @pytest.fixture
    def space(self) -> Space:
        return small("nasbench201")

    @pytest.fixture(params=PROXIES)
    def proxy(self, request: pytest.FixtureRequest) -> Proxy:
        return PROXIES.build(request.param)

    @pytest.fixture
    def device_tolerance(self, proxy: Proxy) -> float:
        return tolerance(proxy)

    @pytest.fixture
    def archs(self, space: Space) -> list[Arch]:
        """Half as many as the contract's: slow tests score others, of all spaces."""
        return [(0,) * len(space.choices), *map(space.sample, map(Random, range(1, 25)))]


class TestTermsThatCancel(ProxyContract):
    @pytest.fixture
    def space(self) -> Space:
        return small("nasbench201")

    @pytest.fixture(params=CANCELLING)
    def proxy(self, request: pytest.FixtureRequest) -> Proxy:
        return PROXIES.build(request.param, dtype="float64")


@pytest.mark.slow
class TestEveryProxyOnEverySpace(ProxyContract):
    @pytest.fixture(params=[name for name in SPACES if name != "nasbench201"])
    def space(self, request: pytest.FixtureRequest) -> Space:
        return small(request.param)

    @pytest.fixture(params=PROXIES)
    def proxy(self, request: pytest.FixtureRequest) -> Proxy:
        return PROXIES.build(request.param)

    @pytest.fixture
    def device_tolerance(self, proxy: Proxy) -> float:
        return tolerance(proxy)

    @pytest.fixture
    def archs(self, space: Space) -> list[Arch]:
        return [space.sample(Random(seed)) for seed in range(10)]


@pytest.mark.parametrize("name", SPACES)
def test_every_proxy_scores_or_says_why_not(name: str) -> None:
    """Its score is a number, or NaN, or it says in a sentence that it does not apply."""
    space = small(name)
    batch = space.batch(4, generator("contract"))
    scored = set()
    refusals = {}
    for proxy in PROXIES:
        try:
            score = PROXIES.build(proxy).score(Candidate(space, space.sample(Random(1))), batch)
        except NotApplicableError as error:
            refusals[proxy] = str(error)
            continue
        assert isinstance(score, float)
        scored.add(proxy)
    assert {"params", *(["epsilon"] if space.shared_weights else [])} <= scored
    assert all(reason for reason in refusals.values())


class TestEveryMetric(MetricContract):
    @pytest.fixture(params=["nasbench201", "nasbench_nlp", "vit"])
    def space(self, request: pytest.FixtureRequest) -> Space:
        return small(request.param)

    @pytest.fixture(params=METRICS)
    def metric(self, request: pytest.FixtureRequest) -> Metric:
        return METRICS.build(request.param)


class TestEveryStrategy(StrategyContract):
    @pytest.fixture(params=STRATEGIES)
    def make(self, request: pytest.FixtureRequest) -> Callable[[], Strategy]:
        return lambda: STRATEGIES.build(request.param, small("nasbench201"))


class TestEveryTracker(TrackerContract):
    @pytest.fixture(params=TRACKERS)
    def make(self, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Tracker]:
        if request.param == "wandb" and not TRACKERS.build("wandb").refusal():
            import_module("wandb").teardown()  # its own process, which a copy would share
        return lambda: TRACKERS.build(request.param, **options_of_tracker(request.param, tmp_path))

    @pytest.fixture(autouse=True)
    def _files(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let MLflow write a folder of files, which it does when it is asked to."""
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")


@pytest.mark.parametrize(("registry", "name"), CONFIGURED)
def test_a_config_has_the_name_and_the_defaults_of_its_plugin(
    registry: Registry[Any], name: str
) -> None:
    content = OmegaConf.load(conf_dir() / registry.kind / f"{name}.yaml")
    command = OmegaConf.create({registry.kind: content})  # one without options of its own
    whole: Any = OmegaConf.to_container(command, resolve=True)
    config = whole[registry.kind]
    assert config.pop("name") == name
    assert config == registry.defaults(name)


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_every_config_has_a_plugin(registry: Registry[Any]) -> None:
    configs = {path.stem for path in (conf_dir() / registry.kind).glob("*.yaml")}
    combinations = (
        {"several", "az_nas", "freerea", "vkdnw_agg", "trio", "quintet"}
        if registry is PROXIES
        else set()
    )
    assert configs - combinations == ({*registry} if registry is not METRICS else set())


@pytest.mark.parametrize(("registry", "name"), EVERY)
def test_a_docstring_begins_with_one_line(registry: Registry[Any], name: str) -> None:
    first, _, rest = (inspect.getdoc(registry[name]) or "").partition("\n")
    assert len(first) > 20
    assert first.endswith(".")
    assert not rest or rest.startswith("\n")


def test_a_package_of_another_owner_is_refused() -> None:
    registry: Registry[object] = Registry("thing", "yaml", object)
    with pytest.raises(UsageError, match=r"'yaml' was found in .*not epsilon-nas's"):
        registry.load()
