"""`nas table`: trains a sample of architectures, and writes a table of their figures."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nas.cli.build import build_executor, build_space
from nas.cli.chosen import space_words
from nas.cli.composition import positional, run_hydra
from nas.cli.config_files import quoted
from nas.cli.repeating import go_on
from nas.cli.training import check_code, check_folder, job_of, write_settings
from nas.cli.training_settings import TableSettings
from nas.errors import AllFailedError, NotApplicableError, UsageError
from nas.runs.progress import Progress
from nas.runs.stopping import heeding, interrupted
from nas.storage.files import check_replaceable, path_of, replace_file, working_in
from nas.storage.reading import content, decoded

if TYPE_CHECKING:
    from nas.arch import Arch
    from nas.space import Space
    from nas.training.table import Row, Trainer

TABLE, TRAININGS = "table.csv", "trainings"
STOPPED = 130
"""The exit code after Ctrl-C."""


def main(argv: Sequence[str]) -> None:
    """Train the architectures that have no figures yet, and write the table."""
    words, rest = positional(argv)
    if words:
        raise UsageError(f"'{words[0]}' is no option of nas table: options are written name=value")

    def task(settings: TableSettings) -> None:
        check_code(settings, rest)
        run(settings, go_on("table", argv, settings.out, settings.record))

    run_hydra("table", TableSettings, task, rest)


def run(settings: TableSettings, again: str) -> None:
    """Train and write the table; `again` is the command that goes on when it is stopped."""
    from nas.training.table import Trainer

    space = build_space(settings.space)
    archs = _archs(settings, space)
    job = job_of(settings, space, settings.space.name)
    folder = path_of(settings.out, "out=")
    check_replaceable(folder / TABLE)
    check_folder(folder, settings, job, "table")
    with suppress(NotApplicableError):
        job.course(archs[0])  # what is wrong with the data is wrong for all
    trainer = Trainer(
        job, folder / TRAININGS, settings.checkpoint, settings.weights, settings.retry
    )
    with working_in(folder):
        check_folder(folder, settings, job, "table")
        write_settings(folder, settings, job, "table")
        found = _all(trainer, archs, settings, folder)
    if len(found) < len(archs):
        print(f"stopped with {len(found)} of {len(archs)} in the table; go on with\n  {again}")
        sys.exit(STOPPED)
    failed = [row for row in found if row["reason"]]
    if len(failed) == len(found):
        raise AllFailedError(
            f"all {len(found)} trainings fail, the first one: {failed[0]['reason']}"
        )
    print(_shown(found, failed, settings, folder, job.remarks))


def _archs(settings: TableSettings, space: Space) -> list[Arch]:
    """The architectures of the file, or of the sample."""
    from nas.compare.sample import drawn

    if settings.archs is None:
        if settings.sample is not None and settings.sample < 1:
            raise UsageError(f"sample={settings.sample} must be all, or at least 1")
        return drawn(space, settings.sample, settings.seed)
    path = path_of(settings.archs, "archs=")
    try:
        lines = decoded(content(path)).splitlines()
    except (OSError, ValueError) as error:
        why = (error.strerror or error) if isinstance(error, OSError) else "it is no text"
        raise UsageError(f"archs={settings.archs} cannot be read: {why}") from error
    found = [space.read(line) for line in lines if line.strip()]
    if not found:
        raise UsageError(f"{path} names no architecture: write one a line")
    return list(dict.fromkeys(found))


def _all(
    trainer: Trainer, archs: Sequence[Arch], settings: TableSettings, folder: Path
) -> list[Row]:
    """The rows of all architectures, or after Ctrl-C of the first; the table has them."""
    from nas.training.table import as_csv, rows

    found: list[Row] = []
    with (
        build_executor(settings.executor) as executor,
        interrupted() as stops,
        Progress(len(archs), 0, False, "architectures") as progress,
    ):
        for row in rows(trainer, archs, heeding(executor)):
            found.append(row)
            replace_file(folder / TABLE, as_csv(found))
            progress.advance()
            if stops:
                break
    return found


def _shown(
    found: Sequence[Row],
    failed: Sequence[Row],
    settings: TableSettings,
    out: Path,
    remarks: Sequence[str],
) -> str:
    """The text that says what was written, and what reads it."""
    lines = [f"table   {out / TABLE}: {len(found)} architectures"]
    if failed:
        lines.append(f"failed  {len(failed)}, the first: {failed[0]['reason']}")
    figure = "valid_accuracy"
    if all(row[figure] is None for row in found):
        figure = "-valid_loss"
    elif (done := [row for row in found if row[figure] is not None]) and len(done) > 1:
        values = [row[figure] for row in done]
        lines.append(f"range   {figure} from {min(values):.4f} to {max(values):.4f}")
        lines.append(f"best    {done[values.index(max(values))]['arch']}")
    lines += [f"note    {remark}" for remark in remarks]
    table = quoted(str(out / TABLE))
    space = shlex.join(space_words(settings.space))
    lines.append(f"use     nas compare {space} table={table} target={figure}")
    return "\n".join(lines)
