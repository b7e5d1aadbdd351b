"""What the commands that train make of their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.modules import called
from nas.cli.training_settings import TrainingSettings
from nas.errors import UsageError
from nas.runs.folder import CONFIG, HISTORY, SCORES, check_same, read_record, write_record
from nas.space import Space
from nas.storage.files import check_replaceable, path_of

if TYPE_CHECKING:
    from nas.training.course import Precision
    from nas.training.job import Job
    from nas.training.recipe import Recipe

FREE = {
    *("out", "device", "executor", "workers", "checkpoint", "pictures", "recipe", "arch"),
    *("sample", "archs", "weights", "retry"),
}
"""Settings that may change when a training goes on; what a recipe holds is recorded by itself."""
USUAL: Mapping[str, Any] = {"epochs": 20, "optimizer": "sgd"}
"""Options of a recipe where neither the user nor a file says one."""
CODE = "data=python:"


def recipe_of(settings: TrainingSettings) -> Recipe:
    """The recipe of the settings: options that are given count before those of the file."""
    from nas.training.recipe import OPTIONS, Recipe, read_recipe

    every = {name: getattr(settings, name) for name in OPTIONS}
    given = {name: value for name, value in every.items() if value is not None}
    if settings.recipe is not None:
        return read_recipe(path_of(settings.recipe, "recipe="), given)
    usual = dict(USUAL)
    if "steps" in given:
        del usual["epochs"]
    return Recipe(**{**usual, **given})


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
    from nas.training.course import Plan
    from nas.training.examples import Given
    from nas.training.job import Job

    if settings.data is None:
        raise UsageError(f"training needs data=: a folder, a file, or {CODE}MODULE:FUNCTION")
    if settings.data.startswith("python:") and settings.valid_data is not None:
        raise UsageError("data=python:… gives the part to measure on itself: leave valid_data out")
    recipe = recipe_of(settings)
    from nas.cli.build import device_named

    device = device_named(settings.device)
    job = Job(
        recipe.narrowed(space),
        title,
        settings.data,
        settings.valid,
        settings.valid_data,
        Plan(
            recipe, settings.seed, settings.patience, _precision(settings, device), settings.task
        ),
        settings.live,
        device,
        settings.workers,
        (settings.inputs, settings.labels),
        called,
    )
    examples = job.data.train.examples
    if settings.augment is None and settings.recipe is None and not isinstance(examples, Given):
        shape = tuple(next(examples.batches([job.data.train.numbers[:1]], ()))[0].shape)
        plan = replace(
            job.plan, recipe=replace(recipe, augment=shape[1:2] == (3,) and len(shape) == 4)
        )
        job = replace(job, plan=plan)
    return job


def _precision(settings: TrainingSettings, device: str) -> Precision:
    """`bf16` where it is asked for, or the device multiplies in it."""
    import torch

    if settings.precision != "auto":
        return "bf16" if settings.precision == "bf16" else "full"
    if device != "cuda" or torch.cuda.get_device_capability() < (8, 0):
        return "full"
    return "bf16"


def check_folder(folder: Path, settings: TrainingSettings, job: Job, command: str) -> None:
    """Raise UsageError unless the folder is free, or holds a part of just this."""
    for name, what in ((HISTORY, "search"), (SCORES, "comparison")):
        if (folder / name).exists():
            raise UsageError(f"{folder} holds a {what}: give another out=")
    check_replaceable(folder / CONFIG)
    if (folder / CONFIG).exists():
        before, _ = read_record(folder)
        if before.get("command") != command:
            raise UsageError(f"{folder} holds another run, no {command}: give another out=")
        check_same(folder, before, record_of(settings, job, command), FREE)


def record_of(settings: TrainingSettings, job: Job, command: str) -> dict[str, Any]:
    """The settings as they are recorded: with the options that the recipe had."""
    return {"command": command, **settings.record, **job.plan.recipe.options}


def write_settings(folder: Path, settings: TrainingSettings, job: Job, command: str) -> None:
    """Write the settings into the folder."""
    write_record(folder, record_of(settings, job, command))
