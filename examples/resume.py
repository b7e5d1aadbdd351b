"""A search that goes on where it was stopped: the same call with the same journal."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import nas

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        first = nas.search("nasbench201", "params", budget=100, folder=run)
        longer = nas.search("nasbench201", "params", budget=150, folder=run)
        whole = nas.search("nasbench201", "params", budget=150)
        same = [trial.arch for trial in longer.trials] == [trial.arch for trial in whole.trials]
        print(f"{len(first.trials)} trials, then {len(longer.trials)}: only the new are scored")
        print(f"the same trials as in one search of 150: {same}")
