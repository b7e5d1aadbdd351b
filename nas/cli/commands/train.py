"""`nas train`: trains an architecture or an exported network, and goes on after a kill."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.arguments import is_notation, names_a_path
from nas.cli.build import build_space, build_tracker
from nas.cli.comparing import drawing
from nas.cli.composition import positional, run_hydra
from nas.cli.config_files import options_of
from nas.cli.repeating import go_on
from nas.cli.training import check_code, check_folder, job_of, write_settings
from nas.cli.training_settings import TrainSettings
from nas.cli.winners import with_winners
from nas.errors import NothingFoundError, UsageError
from nas.runs.folder import flat
from nas.runs.progress import Progress
from nas.runs.stopping import interrupted
from nas.runs.trackers import Run
from nas.runs.tracking import Log, logged, name_of_run
from nas.storage.files import path_of, working_in

if TYPE_CHECKING:
    from nas.arch import Arch
    from nas.training.course import Course
    from nas.training.job import Job

STOPPED = 130
"""The exit code after Ctrl-C."""
MAKES = "create_model"
"""The function of an exported file that makes the network."""


def main(argv: Sequence[str]) -> None:
    """Train the architecture, the winner of the run, or the network that the arguments name."""
    options = {*options_of("train"), "hydra"}
    words, rest = positional(argv, lambda word: names_a_path(word) or is_notation(word, options))
    words, rest = with_winners(words, rest)
    named = any(re.match(r"\+{0,2}file=", word) for word in rest)

    def task(settings: TrainSettings) -> None:
        if settings.file is not None and not named:
            raise UsageError("a config says file: only the command line names code")
        check_code(settings, rest)
        run(settings, words, go_on("train", argv, settings.out, settings.record))

    run_hydra("train", TrainSettings, task, rest)


def run(settings: TrainSettings, words: Sequence[str], again: str) -> None:
    """Train, and print what came of it; `again` is the command that goes on when it is stopped."""
    from nas.training.folder import check_files, read_figures, restore

    texts = [*words, *([settings.arch] if settings.arch is not None else [])]
    tracker = build_tracker(settings.tracker)
    job, arch = _job(settings, texts)
    folder = path_of(settings.out, "out=")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"out={folder} is no folder")
    check_files(folder)
    own = {"trained": job.about(arch)["arch"], **_content(settings.file)}
    settings = replace(settings, record={**settings.record, **own})
    check_folder(folder, settings, job, "train")
    course = job.course(arch)
    with working_in(folder):
        check_folder(folder, settings, job, "train")
        figures = read_figures(folder, course.data.digest)
        if figures is None:
            write_settings(folder, settings, job, "train")
            restore(course, folder)
            name, done = name_of_run(settings.out), len(course.state.rows)
            with logged(tracker, Run(name, settings.record, folder, done)) as log:
                figures = _trained(course, folder, job.about(arch), settings.checkpoint, log)
        if figures is None:
            print(f"stopped; go on with\n  {again}")
            sys.exit(STOPPED)
        names = _draw(folder, settings.pictures)
    print(_shown(figures, job, folder, names))


def _trained(
    course: Course, folder: Path, about: Mapping[str, Any], every: int | None, log: Log
) -> dict[str, Any] | None:
    """Train with a progress bar; None after Ctrl-C. NothingFoundError where it diverges."""
    from nas.training.fitting import DivergedError
    from nas.training.folder import train

    try:
        with (
            interrupted() as stops,
            Progress(course.steps, course.state.step, False, "steps") as progress,
        ):
            rows = course.state.rows
            kept = len(rows)

            def told() -> None:
                nonlocal kept
                progress.advance()
                log.rows(rows[:kept])  # those that the last checkpoint has
                kept = len(rows)

            figures = train(course, folder, about, every, told, lambda: bool(stops))
            log.rows(rows)
            if figures is not None:
                log.finish(flat(figures, "result/"))
            return figures
    except DivergedError as error:
        raise NothingFoundError(
            f"the training diverged: {error}: give a smaller lr than {course.plan.recipe.rate:g}"
        ) from error
    return None


def _job(settings: TrainSettings, texts: Sequence[str]) -> tuple[Job, Arch]:
    """What is trained on what; UsageError where no or several networks are named."""
    if settings.file is not None:
        if texts:
            raise UsageError("file= names the network that is trained: give no architecture")
        return _of_file(settings)
    if len(texts) != 1:
        raise UsageError(
            f"train needs one run's folder or one architecture, not {len(texts)}: "
            f"nas train RUN data=FILE"
        )
    space = build_space(settings.space)
    arch = space.read(texts[0])
    return job_of(settings, space, settings.space.name), arch


def _of_file(settings: TrainSettings) -> tuple[Job, Arch]:
    """The network of an exported file, whose inputs are those of the data."""
    from nas.cli.modules import module_named
    from nas.one_module import ARCH, OneModule

    text = settings.file or ""
    make = module_named("file", ":".join(_place(text)))
    return job_of(settings, OneModule(make), text).fitting(), ARCH


def _place(text: str) -> tuple[str, str]:
    """The file of file=, and the name of the function there."""
    whole = text if re.search(r":\w+$", text) else f"{text}:{MAKES}"
    place, _, name = whole.rpartition(":")
    return place, name


def _content(file: str | None) -> dict[str, str]:
    """What the record says of the network's code."""
    from nas.cli.modules import digest_of
    from nas.training.options import CODE

    return {} if file is None else {CODE: digest_of(_place(file)[0])}


def _draw(folder: Path, wanted: bool) -> list[str]:
    """Draw the learning curve; the names of the files."""
    from nas.training.folder import PICTURE, read_curve

    pictures = drawing(wanted, "pictures", "training") if wanted else None
    if pictures is None:
        return []
    drawn: list[str] = pictures.draw(read_curve(folder), folder, PICTURE)
    return drawn


def _shown(figures: Mapping[str, Any], job: Job, folder: Path, names: Sequence[str]) -> str:
    """The figures as a text."""
    from nas.training.folder import CURVE, METRICS, WEIGHTS

    lines = [f"network   {figures['arch']} of {figures['space']}"]
    for part, label in (("train", "trained on"), ("valid", "kept apart")):
        own = figures[part]
        accuracy = f", accuracy {own['accuracy']:.4f}" if "accuracy" in own else ""
        lines.append(f"{label}  {own['examples']:,} examples: loss {own['loss']:.4f}{accuracy}")
    kept = figures["kept_epoch"]
    early = figures["steps"] < figures["planned_steps"]
    lines.append(
        f"epochs    {figures['epochs']}, {figures['steps']:,} steps, {figures['seconds']:.0f} s"
        + (f"; ended early, with the weights of epoch {kept}" if early else "")
    )
    lines += [f"note      {remark}" for remark in job.remarks]
    lines.append(f"files     {folder}: {', '.join([WEIGHTS, METRICS, CURVE, *names])}")
    return "\n".join(lines)
