"""Measures the commands that a user waits for: `user` seconds of `nas list`, help and a search.

    python -m benchmarks.startup [--before FOLDER] [--repeat 3] [--only list,help]

Every command is a process of its own. It runs once unmeasured, so that everything is compiled;
then the least of the repeats counts. FOLDER is a checkout of an older version, which is measured
in turn with this one. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

COMMANDS = {
    "help": ["--help"],
    "search help": ["search", "--help"],
    "list": ["list"],
    "help proxy": ["help", "proxy"],
    "search": ["search", "budget=1000", "finals=none"],
}


def main() -> None:
    """Print the seconds of each command, for this version and the one before."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--before", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default=",".join(COMMANDS))
    options = parser.parse_args()
    roots = {"now": ROOT} | ({} if options.before is None else {"before": options.before})
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for command in options.only.split(","):
            times: dict[str, list[float]] = {name: [] for name in roots}
            for number in range(options.repeat + 1):
                for name, root in roots.items():
                    place = Path(folder, name, f"{command} {number}")
                    place.mkdir(parents=True)
                    seconds = user(COMMANDS[command], root.resolve(), place)
                    times[name] += [seconds] if number else []
            found[command] = {name: round(min(each), 2) for name, each in times.items()}
            told = "  ".join(f"{name} {value:5.2f} s" for name, value in found[command].items())
            print(f"{command:<12} {told}", flush=True)
    print(json.dumps(found))


def user(command: list[str], root: Path, place: Path) -> float:
    """The user seconds of a command of the version in `root`, run in the folder `place`."""
    cache = str(place.parent / "numba")
    where = {**os.environ, "NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(root)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(
        [sys.executable, "-m", "nas", *command],
        env=where,
        cwd=place,
        check=True,
        capture_output=True,
    )
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


if __name__ == "__main__":
    main()
