"""`nas report`: the summary of a search again, from its folder alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.cli.composition import positional, run_hydra
from nas.errors import UsageError


def main(argv: Sequence[str]) -> None:
    """Print the summary of the run in the folder that the arguments name."""
    words, rest = positional(argv, lambda word: Path(word).is_dir())  # a sweep's are key=value,…

    def task(settings: Mapping[str, Any]) -> None:
        from nas.runs.folder import report
        from nas.runs.summary import rendered

        if len(words) != 1:
            raise UsageError(f"report needs one run's folder, not {len(words)}: nas report RUN")
        summary = report(Path(words[0]))
        print(json.dumps(summary, ensure_ascii=False) if settings["json"] else rendered(summary))

    run_hydra("report", task, rest)
