"""Keeps torch from printing while it tries to follow a module: its errors say the same."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO

PACKAGES = ("torch", "onnxscript", "onnx_ir")


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings, logs and graphs that torch.fx, torch.export and the exporters print.

    Exceptions pass. torch.export prints a part of its graph to the standard error, not to a log,
    so that this too is held back.
    """
    known = [name for name in logging.root.manager.loggerDict if _is_theirs(name)]
    loggers = [logging.getLogger(name) for name in {*PACKAGES, *known}]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _is_theirs(name: str) -> bool:
    return name.partition(".")[0] in PACKAGES
