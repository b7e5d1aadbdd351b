"""`nas study`: variants of a search over seeds, their curves, and one table with paired tests."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from nas.cli.build import build_executor
from nas.cli.commands import search
from nas.cli.composition import composed_again, positional, run_hydra
from nas.cli.config_files import quoted
from nas.cli.judging import with_figures
from nas.cli.reported import figure_named
from nas.cli.settings import SearchSettings
from nas.cli.study_commands import ASKED, keep
from nas.cli.study_settings import StudySettings
from nas.cli.studying import (
    check_folder,
    read_searches,
    searches_in,
    study_of,
    write_study,
)
from nas.cli.sweeps import apart, combined, folder_name, regrouped
from nas.cli.used_plugins import setting
from nas.errors import AllFailedError, NothingFoundError, UsageError
from nas.runs.folder import BEST, FREE, read_best, read_record
from nas.runs.progress import Progress
from nas.runs.stopping import ending, heeding, interrupted
from nas.scoring.executors import Executor
from nas.scoring.executors.growing import growing
from nas.storage.files import path_of, remove_file, working_in
from nas.study.variants import comparable

CONFIGS = ("--config-dir", "-cd")
"""The options of Hydra's that a study can run with; the others show something."""


STOPPED = 130
"""The exit code after Ctrl-C."""


@dataclass(frozen=True)
class Outcome:
    """How a search of a study ended."""

    stopped: bool = False
    failed: str = ""
    """Why it has found nothing."""


class Variant(NamedTuple):
    """A variant of the search: the words that it does not share, and its settings."""

    own: list[str]
    settings: StudySettings


def main(argv: Sequence[str]) -> None:
    """Run the searches of a study that are not done yet, and print its table."""
    common, groups = apart(argv)
    loose, rest = positional(common)
    if loose:
        raise UsageError(f"'{loose[0]}' is no option of nas study: options are written name=value")
    begin = next((place for place, word in enumerate(rest) if word.startswith("-")), len(rest))
    options = rest[begin:]
    words = combined(rest[:begin], groups)
    own = [[word for word in each if not all(word in other for other in words)] for each in words]

    def task(_: StudySettings) -> None:
        hint = partial(_hint, rest[:begin], groups)
        composed = [_composed(each, mine, hint) for each, mine in zip(words, own, strict=True)]
        settings = composed[0]
        again = shlex.join(word for word in argv if not word.startswith("out="))
        run(settings, list(map(Variant, own, composed)), again)

    shows = any(word.startswith("-") for word in options if word not in CONFIGS)  # such as --cfg
    hydras = [word for word in words[0] if re.match(r"[+~]*hydra[./]", word)]
    run_hydra("study", StudySettings, task, [*(words[0] if shows else hydras), *options])


def _composed(words: Sequence[str], own: Sequence[str], hint: Callable[[], str]) -> StudySettings:
    """The settings of a variant; raises UsageError where an option does not fit the others.

    `hint` says what to type instead.
    """
    from nas.cli.mistakes import explained

    try:
        return composed_again("study", StudySettings, [], words)
    except UsageError as error:
        raise _unfit(own, error, hint()) from error
    except Exception as error:  # Hydra raises many kinds over what was typed
        if ending(error) is not None:
            raise
        told = hint()  # before Hydra is asked what there is, which ends this composition
        raise _unfit(own, explained(error, "study", words), told) from error


def _unfit(own: Sequence[str], error: UsageError, hint: str = "") -> UsageError:
    """The error of a variant, with its own words if there are several variants."""
    if not own:
        return error
    told = hint or "options after a word + are for their own variants alone"
    return UsageError(f"the variant {' '.join(own)} cannot be searched: {error} ({told})")


def _hint(common: Sequence[str], groups: Sequence[Sequence[str]]) -> str:
    """What to type so that options are only for the variants that have them; may be empty."""

    def fits(words: Sequence[str]) -> bool:
        try:
            composed_again("study", StudySettings, [], words)
        except Exception as error:  # Hydra raises many kinds over what was typed
            if ending(error) is not None:
                raise
            return False
        return True

    better = [] if groups else regrouped(common, fits)
    return f"give each its own options: {shlex.join(better)}" if better else ""


def run(settings: StudySettings, variants: Sequence[Variant], again: str) -> None:
    """Run the study; `again` has the words of its command without its folder."""
    from nas.study.text import rendered, searches

    folder = path_of(settings.out, "out=")
    jobs = _jobs(variants, folder)
    _check(variants)
    with working_in(folder):
        check_folder(folder)
        names = [Path(job.out).name for job in jobs]
        keep(folder, f"nas study {again}".rstrip(), names)
        failed, stopped = _run_all(settings, jobs)
        if stopped:
            left = sum(not _done(job) for job in jobs)
            print(f"stopped with {left} of {searches(len(jobs))} left; go on with")
            out = shlex.join([f"out={quoted(settings.out)}"])
            print(f"  {setting(settings.record)}nas study {out} {again}".rstrip())
            sys.exit(STOPPED)
        folders = searches_in(folder)
        if not folders:
            remove_file(folder / ASKED)
            raise NothingFoundError(next(iter(failed.values()), "the study has no search"))
        # what found nothing has no folder, and is over
        keep(folder, f"nas study {again}".rstrip(), [n for n in names if n not in failed])
        found = read_searches(folders)
        study = study_of(found, settings.report)
        study["notes"] += [f"{name} found nothing: {why}" for name, why in failed.items()]
        files = write_study(study, folder, found)
    print(rendered(study))
    print(f"files   {folder}: {', '.join(files)}, and a folder for each search")


def _jobs(variants: Sequence[Variant], folder: Path) -> list[SearchSettings]:
    """The settings of every search; those of one seed come together, with every variant."""
    first = variants[0].settings
    return [
        each.settings.search(seed, str(folder / folder_name(each.own, seed)))
        for seed in range(first.seed, first.seed + first.seeds)
        for each in variants
    ]


def _check(variants: Sequence[Variant]) -> None:
    """Raise UsageError for the first variant whose options do not fit; nothing is searched."""
    for each in variants:
        try:
            search.check(each.settings.search(each.settings.seed, each.settings.out))
        except UsageError as error:
            raise _unfit(each.own, error) from error
    settings = [with_figures(each.settings) for each in variants]
    records = [each.record for each in settings]
    figure = figure_named(settings, records, variants[0].settings.report)
    differs = comparable(records, figure.scale)
    if differs and (figure.is_score or figure.whole is not None):
        raise UsageError(
            f"the variants differ in {differs}, so their {figure.name}s do not compare: "
            f"report=COLUMN with table=NAME compares true figures, and report=NAME a metric"
        )


def searched(settings: SearchSettings) -> Outcome:
    """One search, without a word; it goes on where it was stopped."""
    try:
        return Outcome(stopped=not search.run(settings, "", "nothing"))
    except (AllFailedError, NothingFoundError) as error:
        return Outcome(failed=str(error))
    except SystemExit as stop:
        if stop.code != STOPPED:
            raise
        return Outcome(stopped=True)


def _run_all(
    settings: StudySettings, jobs: Sequence[SearchSettings]
) -> tuple[dict[str, str], bool]:
    """Run what is not done yet; why searches found nothing, by folder, and whether it stopped."""
    failed: dict[str, str] = {}
    left = [job for job in jobs if not _done(job)]
    stopped = bool(left)
    progress = Progress(len(jobs), len(jobs) - len(left), False, "searches")
    with _executor(settings) as executor, interrupted() as stops, progress:
        for job, outcome in zip(left, executor(searched, left), strict=True):
            if outcome.stopped or stops:
                break
            if outcome.failed:
                failed[Path(job.out).name] = outcome.failed
            progress.advance()
        else:
            stopped = False
    return failed, stopped


def _executor(settings: StudySettings) -> AbstractContextManager[Executor]:
    """Where the searches run: with executor=serial on all cores, as soon as that is faster."""
    return _grown() if settings.executor.name == "serial" else build_executor(settings.executor)


@contextmanager
def _grown() -> Iterator[Executor]:
    with growing() as executor:
        yield heeding(executor)


def _done(job: SearchSettings) -> bool:
    """Whether a search needs no look: what is not sure is told its recorded trials again."""
    folder = Path(job.out)
    if not (folder / BEST).exists():
        return False
    try:
        before, best = read_record(folder)[0], read_best(folder)
    except UsageError:
        return False  # the search itself says what is wrong
    same = all(before.get(name) == value for name, value in job.record.items() if name not in FREE)
    judged = before["finals"]["name"] == "none" or best.get("finals") is not None
    return same and judged and job.count == "trials" and best["trials"]["total"] == job.budget
