"""`nas fit`: a model of a table's columns, which answers for all architectures of the space."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.build import build_executor, build_space
from nas.cli.chosen import space_words
from nas.cli.composition import run_hydra
from nas.cli.config_files import quoted
from nas.cli.fit_settings import FitSettings
from nas.errors import UsageError
from nas.storage.files import path_of

if TYPE_CHECKING:
    from nas.surrogates import Surrogate
    from nas.surrogates.fitting import Rows

HEADS = {"kendall": "τ", "spearman": "ρ", "r2": "R²", "mae": "mean error"}


def main(argv: Sequence[str]) -> None:
    """Fit as the settings say."""
    run_hydra("fit", FitSettings, run, argv)


def run(settings: FitSettings) -> None:
    """Fit as the settings say; if anything is wrong, nothing is written."""
    from nas.runs.progress import Progress
    from nas.surrogates.fitting import Fit
    from nas.surrogates.saved import save

    folder = path_of(settings.out, "out=")
    _check_free(folder, settings.replace)
    rows = _rows(settings)
    how = Fit(settings.encoding, settings.splits, settings.held_out, settings.curve, settings.seed)
    rows.check(how)
    targets = {}
    with Progress(len(rows.columns), comparable=False, unit="columns") as progress:
        for name in rows.columns:
            targets[name] = rows.fitted(name, how)
            progress.advance()
    made = rows.surrogate(targets)
    files = save(made, folder)
    print(report(made, rows))
    print(f"files   {folder}: {', '.join(files)}")
    print(f"use it with\n  {_use(settings, settings.target[0] or next(iter(targets)))}")


def _rows(settings: FitSettings) -> Rows:
    """What the models are fitted to."""
    from nas.data.lookup import Column
    from nas.surrogates.fitting import Rows

    if settings.table is None:
        raise UsageError("fit needs a table of true figures: give table=NAME or a file")
    space = build_space(settings.space)
    rules = settings.data_dir, settings.duplicates, settings.foreign
    columns = [Column.of(settings.table, target, *rules) for target in settings.target]
    with build_executor(settings.executor) as executor:
        return Rows.of(space, columns, settings.features, settings.rows, settings.seed, executor)


def _check_free(folder: Path, replace: bool) -> None:
    """Raise UsageError if the folder holds something else, or a surrogate that is to stay."""
    from nas.surrogates.saved import ABOUT

    if (folder / ABOUT).exists():
        if not replace:
            raise UsageError(
                f"{folder} holds a surrogate already: replace=true replaces it, or give out=FOLDER"
            )
    elif folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder} holds other files: give another out= to a surrogate")


def report(made: Surrogate, rows: Rows) -> str:
    """The text that says what was fitted, and how good it is."""
    from nas.surrogates.quality import SPLITS

    source = made.source
    seen = ", ".join(made.proxies) or "none"
    lines = [
        f"table   {source['table']}, {source['rows']:,} architectures",
        f"sees    the decisions, and proxies: {seen}",
        *(f"note    {note}" for note in source["notes"]),
    ]
    for name, target in made.targets.items():
        told = target.quality
        known = int((rows.columns[name] == rows.columns[name]).sum())
        lines += ["", f"{name}   ({known:,} rows, {target.kind})"]
        if told:
            with_interval = " with its 95 % interval" if told["splits"] >= SPLITS else ""
            lines.append(
                f"  on {told['held_out']:,} held-out rows, mean of {told['splits']} splits"
                f"{with_interval}"
            )
            lines += [_line(each) for each in told["curve"]]
    return "\n".join([*lines, ""])


def _line(told: Mapping[str, Any]) -> str:
    """The figures for a number of rows."""
    parts = [f"{head} {_figure(told[name])}" for name, head in HEADS.items()]
    return f"  {told['rows']:>7,} rows   {'   '.join(parts)}"


def _figure(found: Mapping[str, float | None]) -> str:
    value, low, high = found["value"], found["low"], found["high"]
    if value is None:
        return "none"
    interval = "" if low is None or high is None else f" [{low:.3g}, {high:.3g}]"
    return f"{value:.4g}{interval}"


def _use(settings: FitSettings, target: str) -> str:
    """The command that asks the surrogate."""
    words = [
        *("nas", "search", *space_words(settings.space), "proxy=surrogate"),
        *(f"proxy.path={quoted(settings.out)}", f"proxy.target={quoted(target)}"),
    ]
    return shlex.join(words)
