"""A run's steps for Weights & Biases."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Mapping
from time import sleep, strftime
from typing import TYPE_CHECKING, ClassVar, Literal

from nas.runs.trackers._ledger import Ledger
from nas.runs.trackers.tracker import TRACKERS, Run, Tracker
from nas.storage.files import made_folder

if TYPE_CHECKING:
    from wandb import Run as WandbRun

FLUSH, SECONDS = "x_transaction_log_flush_interval", 1.0
"""A step is on the disk after so many seconds at the latest."""


@TRACKERS.register("wandb")
class Wandb(Tracker):
    """A run of Weights & Biases, offline: nothing leaves this machine before `wandb sync`.

    `mode`: offline, or online for those who have logged in. `path`: the folder that gets the
    folder `wandb`; null: the run's own folder.
    """

    package: ClassVar[str] = "wandb"
    extra: ClassVar[str] = "wandb"

    def __init__(
        self,
        mode: Literal["offline", "online"] = "offline",
        project: str = "epsilon-nas",
        path: str | None = None,
    ) -> None:
        self.mode, self.project, self.path = mode, project, path
        self._run: WandbRun | None = None
        self._ledger = Ledger(None)

    def open(self, run: Run) -> int:
        """Go on with the run that the folder names, or begin one."""
        folder = run.place(self.path)
        made_folder(folder)
        self._ledger = Ledger.read(folder, "wandb")
        if not self._ledger.identity or self._ledger.steps > run.steps:
            self._ledger.begin(secrets.token_hex(4))
        if any(folder.glob(f"wandb/*-{strftime('%Y%m%d_%H%M%S')}-{self._ledger.identity}")):
            sleep(1)  # two parts of one second would have one name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import wandb

            settings = wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                disable_code=True,
                x_disable_stats=True,
            )
            if hasattr(settings, FLUSH):  # earlier versions write at once
                setattr(settings, FLUSH, SECONDS)
            self._run = wandb.init(
                project=self.project,
                name=run.name,
                id=self._ledger.identity,
                resume="allow",
                reinit="create_new",  # a run that the program has open stays as it is
                mode=self.mode,
                dir=str(folder),
                config=dict(run.settings),
                settings=settings,
            )
        return self._ledger.steps

    def log(self, step: int, figures: Mapping[str, float], texts: Mapping[str, str]) -> None:
        """Add the figures and texts."""
        if self._run is not None:
            self._ledger.add(step)  # first: after a kill a step is missing rather than there twice
            self._run.log({**figures, **texts}, step=step)

    def finish(self, result: Mapping[str, float | str]) -> None:
        """Put the result into the run's summary."""
        if self._run is not None:
            self._run.summary.update(dict(result))

    def close(self) -> None:
        """Write what waits, and end the run."""
        self._ledger.close()
        if self._run is not None:
            self._run.finish()
            self._run = None
