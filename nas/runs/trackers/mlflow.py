"""A run's steps for MLflow."""

from __future__ import annotations

import logging
import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from filelock import FileLock

from nas.runs.folder import flat
from nas.runs.trackers._ledger import Ledger
from nas.runs.trackers.tracker import TRACKERS, Run, Tracker

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")
LOCAL = "sqlite:///mlflow.db"
"""What MLflow itself takes where nobody says another."""
MOST_METRICS, MOST_PARAMS, LONGEST = 900, 90, 500
"""What MLflow takes at once, and the length of a setting."""
SECONDS = 1.0
"""Steps are sent together after so many seconds."""


@TRACKERS.register("mlflow")
class MLflow(Tracker):
    """A run of MLflow, in a database on this machine or on a server.

    `uri`: where, as http://server:5000 or sqlite:///file.db; null: MLFLOW_TRACKING_URI, and if
    nobody sets that mlflow.db here, which `mlflow ui` shows. `experiment`: what the run belongs
    to. Steps are sent once a second.
    """

    package: ClassVar[str] = "mlflow"
    extra: ClassVar[str] = "mlflow"

    def __init__(self, uri: str | None = None, experiment: str = "epsilon-nas") -> None:
        self.uri, self.experiment = uri, experiment
        self._client: MlflowClient | None = None
        self._run, self._over = "", False
        self._waiting: list[Any] = []
        self._sent = 0.0

    @property
    def _where(self) -> str:
        return self.uri or environ.get("MLFLOW_TRACKING_URI") or LOCAL

    def refusal(self) -> str:
        """A database on this machine needs two packages beside MLflow; the extra has them."""
        if why := super().refusal():
            return why
        lost = [name for name in ("sqlalchemy", "alembic") if find_spec(name) is None]
        if self._where.startswith("sqlite:") and lost:
            return (
                f"tracker=mlflow needs the package {lost[0]} for {self._where}: "
                f"pip install 'epsilon-nas[mlflow]'"
            )
        return ""

    def open(self, run: Run) -> int:
        """Go on with the run that the folder names, or begin one."""
        ledger = Ledger.read(run.folder, "mlflow")
        with _quiet(), _alone(self._where):
            from mlflow import MlflowClient

            self._client = client = MlflowClient(tracking_uri=self._where)
            experiment = self._experiment(client)
            steps = _steps(client, ledger.identity) if ledger.identity else 0
            if ledger.identity and steps <= run.steps:
                client.update_run(ledger.identity, status="RUNNING")
            else:
                made = client.create_run(experiment, run_name=run.name)
                ledger.begin(made.info.run_id)
                self._set(client, ledger.identity, flat(run.settings))
                steps = 0
        self._run, self._over, self._sent = ledger.identity, False, time.monotonic()
        return steps

    def log(self, step: int, figures: Mapping[str, float], texts: Mapping[str, str]) -> None:
        """Keep the figures until it is time to send them; MLflow has no texts of a step."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._waiting += [
            Metric(_named(name), value, now, step) for name, value in figures.items()
        ]
        full = len(self._waiting) > MOST_METRICS - 100
        if full or time.monotonic() - self._sent > SECONDS:
            self._send()

    def finish(self, result: Mapping[str, float | str]) -> None:
        """Add figures as metrics and texts as tags."""
        self._send()
        self._over = True
        if self._client is None:
            return
        with _quiet():
            for name, value in result.items():
                if isinstance(value, str):
                    self._client.set_tag(self._run, _named(name), value)
                else:
                    self._client.log_metric(self._run, _named(name), value)

    def close(self) -> None:
        """Send what waits; the run is finished, or killed if there is no result."""
        client = self._client
        if client is not None:
            self._send()
            self._client = None
            with _quiet():
                client.set_terminated(self._run, "FINISHED" if self._over else "KILLED")

    def _send(self) -> None:
        waiting, self._waiting, self._sent = self._waiting, [], time.monotonic()
        if self._client is not None:
            with _quiet():
                for part in _parts(waiting, MOST_METRICS):
                    self._client.log_batch(self._run, metrics=part)

    def _experiment(self, client: MlflowClient) -> str:
        found = client.get_experiment_by_name(self.experiment)
        made: str = found.experiment_id if found else client.create_experiment(self.experiment)
        return made

    @staticmethod
    def _set(client: MlflowClient, run: str, settings: Mapping[str, object]) -> None:
        from mlflow.entities import Param

        every = [Param(_named(name), str(value)[:LONGEST]) for name, value in settings.items()]
        for part in _parts(every, MOST_PARAMS):
            client.log_batch(run, params=part)


def _steps(client: MlflowClient, run: str) -> int:
    """How many steps a run of MLflow has."""
    names = client.get_run(run).data.metrics
    steps = (each.step for name in names for each in client.get_metric_history(run, name))
    return max(steps, default=-1) + 1


def _parts(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (values[place : place + size] for place in range(0, len(values), size))


def _named(name: str) -> str:
    """A name with the characters that MLflow takes; the others become _."""
    return re.sub(r"[^\w\-. :/]", "_", name)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without MLflow's news about its own database, which are no news of the run."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Alone while a database may be made: two that make its tables at a time both fail."""
    if not uri.startswith("sqlite:///"):
        yield
        return
    with FileLock(f"{Path(uri.removeprefix('sqlite:///'))}.lock"):
        yield
