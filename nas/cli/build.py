"""From settings to objects: spaces, proxies, batches, objectives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nas.errors import UsageError, at_least, unknown
from nas.proxy import PROXIES, Proxy
from nas.scoring.objective import Objective
from nas.space import SPACES


def make_objective(settings: Mapping[str, Any]) -> Objective:
    """The objective that plain settings name: space, proxies, batch, seed, device, weights."""
    seed = at_least(settings, "seed", 0)
    repeats = at_least(settings, "repeats", 1)
    space = SPACES.configured(settings["space"])  # first, for it needs no torch
    from nas.data.sources import make_batch

    proxies = make_proxies(settings["proxy"])
    device = device_named(settings["device"])
    weights = _weights(settings["ranking"].get("weights"), proxies)
    batch = replace(make_batch(space, **settings["batch"]).to(device), seed=seed)
    return Objective(space, proxies, batch, seed, device, repeats, weights)


def make_proxies(config: Mapping[str, Any]) -> Proxy | dict[str, Proxy]:
    """The proxy that a config names, or, where it holds configs of proxies, those by name.

    A config of proxies inside such a config counts as what it holds.
    """
    inside = members(config)
    if config["name"] == "several" and (lost := {*config} - {*inside, "name"}):
        name = min(lost)
        raise UsageError(
            f"the config proxy/{name}.yaml does not say whose it is: add name: {name}"
        )
    if not inside and config["name"] == "several":
        raise UsageError("proxy=several is what proxy=[one,other] stands for: write that")
    if not inside:
        return PROXIES.configured(config)
    proxies: dict[str, Proxy] = {}
    for name, member in inside.items():
        made = make_proxies(member)
        proxies |= made if isinstance(made, dict) else {name: made}
    return proxies


def members(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The configs of proxies that a proxy's config holds, by name."""
    return {
        name: member
        for name, member in config.items()
        if isinstance(member, Mapping) and "name" in member
    }


def _weights(weights: object, proxies: Proxy | Mapping[str, Proxy]) -> dict[str, float]:
    """The weights of several proxies; UsageError if they are none, or name another proxy."""
    if weights is None:
        return {}
    names = list(proxies) if isinstance(proxies, Mapping) else []
    if not isinstance(weights, Mapping):
        raise UsageError(f"ranking.weights={weights} must be like {{epsilon: 1, naswot: 0.01}}")
    for name, weight in weights.items():
        if name not in names:
            raise unknown("proxy in this search", str(name), names)
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise UsageError(f"ranking.weights.{name}={weight} must be a number")
    return {str(name): float(weight) for name, weight in weights.items()}


def device_named(name: str) -> str:
    """`cpu` or `cuda`; `auto` is cuda where there is one."""
    import torch

    if name not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device={name} must be auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("device=cuda needs a CUDA device, and PyTorch sees none: use device=cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
