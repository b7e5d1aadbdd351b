"""A check that code does not change global state."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from random import getstate

import numpy as np
import torch


@contextmanager
def unchanged_globals() -> Iterator[None]:
    """Assert that the code inside does not change torch's, numpy's and Python's global state."""
    before = _globals()
    yield
    for name, value in _globals().items():
        assert str(value) == str(before[name]), f"{name} was changed"


def _globals() -> dict[str, object]:
    return {
        "torch's generator": torch.get_rng_state().tolist(),
        "the default dtype": torch.get_default_dtype(),
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "the thread count": torch.get_num_threads(),
        "what becomes of numbers below 1.2e-38": (torch.tensor([1e-38]) * 0.1).item(),
        "the collection of garbage": gc.isenabled(),
        "random's generator": getstate(),
        "numpy's generator": np.random.get_state()[1].tolist(),  # type: ignore[index]
    }
