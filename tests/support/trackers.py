"""Trackers in tests: all of them log on this machine, in a folder of the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def options_of_tracker(name: str, folder: Path) -> dict[str, Any]:
    """Options with which a tracker writes into a folder and asks nobody on a network.

    MLflow's folder of files stands in for its database, whose tables take 10 s to make.
    """
    return {"uri": (folder / "mlruns").as_uri()} if name == "mlflow" else {}
