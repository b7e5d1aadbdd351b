"""`nas compare`: how well proxies agree with true figures, with coverage and uncertainty."""

from __future__ import annotations

import csv
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nas.cli.composition import run_hydra
from nas.cli.config_files import quoted
from nas.errors import UsageError, at_least
from nas.runs.folder import CONFIG, HISTORY, SCORES
from nas.runs.stopping import interrupted

if TYPE_CHECKING:
    from nas.compare import Comparison, Scorer, Scores, Truth
    from nas.proxy import Proxy
    from nas.space import Arch, Space

CSV, RESULT, PAGE, PICTURES = "scores.csv", "compare.json", "compare.html", "pictures"


def main(argv: Sequence[str]) -> None:
    """Run one comparison."""

    def task(settings: Mapping[str, Any]) -> None:
        if not isinstance(settings["out"], str | int | float) or settings["out"] == "":
            raise UsageError(f"out={settings['out']} must be the name of a folder")
        again = [word for word in argv if not word.startswith("out=")]
        again.append(f"out={quoted(str(settings['out']))}")
        run(settings, f"nas compare {shlex.join(again)}")

    run_hydra("compare", task, argv)


def run(settings: Mapping[str, Any], again: str) -> None:
    """Compare as the settings say; `again` is the command that would go on."""
    from nas.compare.sample import gathered, sampled
    from nas.compare.scores import Scores
    from nas.compare.summary import summarised
    from nas.compare.text import rendered
    from nas.storage.files import working_in

    start = perf_counter()
    scorer, combinations = _scorer(settings)
    resamples = at_least(settings, "resamples", 10)
    if not isinstance(settings["pictures"], bool):
        raise UsageError(f"pictures={settings['pictures']} must be true or false")
    table, truth, how_to_bring = _truth(settings, scorer.space)
    archs = sampled(scorer.space, truth, _sample(settings), scorer.seed)
    folder = Path(str(settings["out"])).expanduser()
    with working_in(folder):
        _check(folder)
        scores = Scores.read(folder / SCORES)
        left = _filled(scorer, scores, archs, settings["executor"])
        if left:
            total = len(archs)
            print(f"stopped with {left} of {total} architectures left; go on with\n  {again}")
            sys.exit(130)
        comparison = gathered(scorer, archs, scores, truth, combinations)
        result = {
            "table": table,
            "target": None if truth is None else truth.target,
            **_described(settings),
            **summarised(comparison, settings["baselines"][0], resamples, scorer.seed),
        }
        result["seconds"] = round(perf_counter() - start, 3)
        files = _write(folder, settings, comparison, result)
    print(rendered(result))
    print(f"\nfiles  {folder}: {', '.join(files)}")
    if truth is None:
        print(how_to_bring)


def _check(folder: Path) -> None:
    """UsageError where the folder holds something else."""
    if (folder / HISTORY).exists():
        raise UsageError(f"{folder} holds a search: give another out= to a comparison")
    for name in (RESULT, CSV, CONFIG, PAGE, PICTURES):
        if (folder / name).exists() and not (folder / SCORES).exists():
            raise UsageError(f"{folder} holds a {name} that is no comparison's: give another out=")


def _sample(settings: Mapping[str, Any]) -> int | None:
    """How many architectures; None is all."""
    if settings["sample"] != "all" and type(settings["sample"]) is not int:
        raise UsageError(f"sample={settings['sample']} must be all, or a whole number")
    return None if settings["sample"] == "all" else int(settings["sample"])


def _described(settings: Mapping[str, Any]) -> dict[str, Any]:
    from nas.runs.summary import label

    named = {kind: label(settings[kind]) for kind in ("space", "batch")}
    return named | {key: settings[key] for key in ("seed", "repeats", "sample")}


def _scorer(settings: Mapping[str, Any]) -> tuple[Scorer, dict[str, list[str]]]:
    """What scores, and the combinations among what `proxy` names."""
    from nas.cli.build import make_objective
    from nas.compare.scores import Scorer

    if settings["ranking"].get("weights") is not None:
        raise UsageError("ranking.weights is for a search: nas compare shows each proxy by itself")
    objective = make_objective(settings)
    proxies, combinations = _proxies(settings)
    return Scorer(
        objective.space,
        proxies,
        objective.batch,
        objective.seed,
        objective.device,
        objective.repeats,
    ), combinations


def _proxies(settings: Mapping[str, Any]) -> tuple[dict[str, Proxy], dict[str, list[str]]]:
    """All the proxies by name, the baselines among them, and those that are combined by rank."""
    from nas.cli.build import make_proxies, members
    from nas.proxy import PROXIES

    config = settings["proxy"]
    made = make_proxies(config)
    proxies = made if isinstance(made, dict) else {config["name"]: made}
    combinations = {
        name: list(members(member)) for name, member in members(config).items() if members(member)
    }
    if settings["ranking"]["name"] == "rank_sum":
        if not members(config):
            raise UsageError("ranking=rank_sum compares several proxies: give proxy=[one,other]")
        combinations["rank_sum" if config["name"] == "several" else config["name"]] = list(proxies)
    baselines = settings["baselines"]
    if not isinstance(baselines, list) or not baselines:
        raise UsageError(f"baselines={baselines} must be a list of proxies, such as [params]")
    for name in baselines:
        proxies.setdefault(str(name), PROXIES.build(str(name)))
    return proxies, combinations


def _truth(settings: Mapping[str, Any], space: Space) -> tuple[str | None, Truth | None, str]:
    """The table's name and what it says; without one, how to bring it."""
    from nas.compare.tables import (
        data_folder,
        find,
        first_figure,
        read,
        row_options,
        tables_in,
        truth,
    )

    name = settings["table"]
    rules = row_options(settings)
    if name is None:
        if settings["target"] is not None:
            raise UsageError(f"target={settings['target']} needs a table, and table=null is none")
        return None, None, "table=null: without true figures; table=auto takes the space's table"
    wanted = settings["space"]["name"] if name == "auto" else name
    if not isinstance(wanted, str):
        raise UsageError(f"table={wanted} must be a name or a file")
    there = name != "auto" and Path(wanted).expanduser().exists()
    folder = Path() if there else data_folder(settings["data_dir"])
    bring = (
        f"no table of true figures is named {wanted} in {folder}: {space.release} "
        f"Or give table=FILE, a CSV or Parquet file with a column 'arch' and columns of numbers"
    )
    path = tables_in(folder).get(wanted) if name == "auto" else find(wanted, folder)
    if path is None:
        if name != "auto":
            raise UsageError(bring)
        if settings["target"] is not None:
            raise UsageError(f"target={settings['target']} needs a table: {bring}")
        return None, None, bring
    found = read(path)
    target = settings["target"]
    if target is None:
        target = first_figure(found, space)
    if not isinstance(target, str):
        raise UsageError(f"target={target} must be the name of a column")
    facts = truth(found, space, target, *rules)
    return found.name, facts, bring


def _filled(
    scorer: Scorer, scores: Scores, archs: Sequence[Arch], executor: Mapping[str, Any]
) -> int:
    """Score what is not scored yet; the number of architectures left after a Ctrl-C."""
    from nas.runs.progress import Progress
    from nas.scoring.executors import open_executor

    tasks = scores.missing(scorer, archs)
    if not tasks:
        return 0
    done = 0
    with (
        Progress(len(tasks), comparable=False, unit="architectures") as progress,
        open_executor(executor) as apply,
        interrupted() as stops,
    ):
        for _ in scores.filled(scorer, tasks, apply):
            done += 1
            progress.advance()
            if stops:
                break
    return scores.unscored(scorer, archs) if done < len(tasks) else 0


def _write(
    folder: Path, settings: Mapping[str, Any], comparison: Comparison, result: Mapping[str, Any]
) -> list[str]:
    """Put everything into the folder; the files' names."""
    from nas.compare.page import write_page
    from nas.compare.pictures import clear, draw
    from nas.runs.folder import write_settings
    from nas.storage.files import replace_file

    files = [RESULT, CSV, SCORES, CONFIG]
    (folder / PAGE).unlink(missing_ok=True)  # of what was compared here before
    clear(folder / PICTURES)
    if settings["pictures"]:
        write_page(folder / PAGE, result, draw(comparison, result, folder / PICTURES))
        files = [PAGE, f"{PICTURES}/", *files]
    text = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False)
    replace_file(folder / RESULT, text + "\n")
    replace_file(folder / CSV, _csv(comparison))
    write_settings(folder, settings)
    return files


def _csv(comparison: Comparison) -> str:
    """One row an architecture: its name, every proxy's score, the truth; none is empty."""
    from io import StringIO

    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    scores, truth = comparison.scores, comparison.truth
    target = [] if truth is None else [truth.target.removeprefix("-")]
    names = ["arch", *scores]
    writer.writerow([*names, *(f"{name} (table)" if name in names else name for name in target)])
    for place, arch in enumerate(comparison.archs):
        row = [
            "" if isnan(score[place]) else repr(float(score[place])) for score in scores.values()
        ]
        if comparison.values is not None:
            row.append(repr(comparison.sign * float(comparison.values[place])))
        writer.writerow([comparison.space.format(arch), *row])
    return text.getvalue()
