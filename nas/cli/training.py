"""What the commands that train make of their settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.modules import called
from nas.cli.training_settings import TrainingSettings
from nas.errors import UsageError
from nas.runs.folder import write_record
from nas.space import Space

if TYPE_CHECKING:
    from nas.training.job import Job

CODE = "data=python:"


def check_code(settings: TrainingSettings, argv: Sequence[str]) -> None:
    """UsageError where a config names the function of a data set: only a user's words may."""
    for name in ("data", "valid_data"):
        value = getattr(settings, name) or ""
        named = any(word.lstrip("+").startswith(f"{name}=") for word in argv)
        if value.startswith("python:") and not named:
            raise UsageError(f"a config says {name}={value}: only the command line names code")
        if name == "valid_data" and value.startswith("python:"):
            raise UsageError(
                "valid_data= is a file or a folder: a function of data=python:… gives both parts"
            )


def job_of(settings: TrainingSettings, space: Space, title: str) -> Job:
    """What the settings train on and how; the data is read."""
    from nas.training import options

    if settings.data is None:
        raise UsageError(f"training needs data=: a folder, a file, or {CODE}MODULE:FUNCTION")
    if settings.data.startswith("python:") and settings.valid_data is not None:
        raise UsageError("data=python:… gives the part to measure on itself: leave valid_data out")
    return options.job_of(settings, space, title, settings.data, called)


def check_folder(folder: Path, settings: TrainingSettings, job: Job, command: str) -> None:
    """Raise UsageError unless the folder is free, or holds a part of just this."""
    from nas.training import options

    options.check_folder(folder, record_of(settings, job, command))


def record_of(settings: TrainingSettings, job: Job, command: str) -> dict[str, Any]:
    """The settings as they are recorded: with the options that the recipe had."""
    return {"command": command, **settings.record, **job.plan.recipe.options}


def write_settings(folder: Path, settings: TrainingSettings, job: Job, command: str) -> None:
    """Write the settings into the folder."""
    write_record(folder, record_of(settings, job, command))
