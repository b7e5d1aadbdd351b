"""Where networks are computed: on the CPU, or on a CUDA device."""

from __future__ import annotations

from collections.abc import Iterable

from nas.errors import UsageError
from nas.proxy import Proxy


def device_named(name: str, proxies: Iterable[Proxy] = ()) -> str:
    """`cpu` or `cuda`; `auto` is cuda if there is one and a proxy is faster there."""
    import torch

    if name not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device={name} must be auto, cpu or cuda")
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise UsageError("device=cuda needs a CUDA device, and PyTorch sees none: use device=cpu")
    if name == "auto":
        known = list(proxies)
        on_cpu = bool(known) and all(proxy.faster_on_cpu for proxy in known)
        return "cuda" if there and not on_cpu else "cpu"
    return name
