"""`nas search`: find the best architecture of a space by a proxy, training nothing."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from nas.cli.composition import run_hydra
from nas.cli.config_files import quoted
from nas.errors import NothingFoundError, UsageError, at_least
from nas.ranking import make_ranking
from nas.runs.progress import Progress
from nas.runs.stopping import interrupted
from nas.scoring.executors import open_executor
from nas.searching.history import History
from nas.searching.loop import trials
from nas.strategy import STRATEGIES


def main(argv: Sequence[str]) -> None:
    """Run one search, or with `-m` one for every combination of the options swept."""

    def task(settings: Mapping[str, Any]) -> None:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        job = HydraConfig.get()
        sweep = job.mode == RunMode.MULTIRUN
        if not isinstance(settings["out"], str | int | float) or settings["out"] == "":
            raise UsageError(f"out={settings['out']} must be the name of a folder")
        here = str(job.sweep.dir if sweep else settings["out"])
        again = [word for word in argv if not word.startswith("out=")] + [f"out={quoted(here)}"]
        out = {"out": job.runtime.output_dir} if sweep else {}
        run({**settings, **out}, f"nas search {shlex.join(again)}")

    run_hydra("search", task, argv)


def run(settings: Mapping[str, Any], again: str) -> None:
    """Search as the settings say; `again` is the command that would go on."""
    from nas.cli.build import make_objective
    from nas.runs.folder import opened, write_best, write_settings
    from nas.runs.summary import rendered, summarise

    budget, block, seed = (
        at_least(settings, key, least) for key, least in (("budget", 1), ("block", 1), ("seed", 0))
    )
    objective = make_objective(settings)
    strategy = STRATEGIES.configured(settings["strategy"], objective.space)
    strategy.ranking = make_ranking(settings["ranking"])
    folder = Path(str(settings["out"])).expanduser()
    if "path" in settings["batch"]:
        settings = {**settings, "inputs_sha256": objective.batch.digest()}
    with opened(folder, settings) as history, open_executor(settings["executor"]) as executor:
        if len(history) > budget:
            raise UsageError(
                f"{folder} holds {len(history)} trials already, more than budget={budget}"
            )
        every = trials(
            strategy,
            objective,
            history,
            budget=budget,
            seed=seed,
            block=block,
            executor=executor,
        )
        done = list(islice(every, len(history)))  # which checks that this is their search
        _say_where(history, folder)
        write_settings(folder, settings)
        with _progress(settings, len(done)) as progress, interrupted() as stops:
            for trial in done:
                progress.update(trial)
            for trial in every:
                progress.update(trial)
                if stops:
                    break
        summary = summarise(history, objective.space, settings)
        write_best(folder, summary)
    print(rendered(summary))
    print(f"files   {folder}: best.json, history.jsonl, config.yaml")
    if len(history) < budget:
        print(f"stopped after {len(history)} of {budget} trials; go on with\n  {again}")
        sys.exit(130)
    if summary["arch"] is None:
        raise NothingFoundError(f"none of the {budget} trials has a score; the reasons are above")


def _progress(settings: Mapping[str, Any], done: int) -> Progress:
    return Progress(settings["budget"], done, comparable=settings["ranking"]["name"] == "score")


def _say_where(history: History, folder: Path) -> None:
    if history.torn:
        print(f"the last line of {folder}/history.jsonl was torn and is left out", file=sys.stderr)
    if len(history):
        print(f"going on in {folder} after {len(history)} trials", file=sys.stderr)
