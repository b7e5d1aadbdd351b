"""What the launchers of sweeps are told."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from nas.scoring.executors.spawning import end_with_parent


def end_workers_with_command() -> None:
    """Have the processes that joblib starts end with this one, those without a job, too."""
    if find_spec("joblib") is None:
        return
    from joblib import register_parallel_backend  # type: ignore[import-untyped]
    from joblib.parallel import BACKENDS  # type: ignore[import-untyped]

    loky = BACKENDS.get("loky")
    if loky is None or issubclass(loky, _Marked):
        return

    class Ending(loky, _Marked):  # type: ignore[misc, valid-type]
        """Joblib's processes, each of which watches its parent."""

        def configure(self, *args: Any, **options: Any) -> int:
            options.setdefault("initializer", end_with_parent)
            workers: int = super().configure(*args, **options)
            return workers

    register_parallel_backend("loky", Ending)


class _Marked:
    """A backend that was changed already."""
