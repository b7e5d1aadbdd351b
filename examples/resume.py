"""A search that goes on where it was stopped: the same call with the same folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import nas

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        search = partial(nas.search, "nasbench201", "params", finals=None)
        first = search(budget=100, out=run)
        longer = search(budget=150, out=run)
        whole = search(budget=150)
        same = [trial.arch for trial in longer.trials] == [trial.arch for trial in whole.trials]
        print(f"{len(first.trials)} trials, then {len(longer.trials)}: only the new are scored")
        print(f"the same trials as in one search of 150: {same}")
