"""Adds up the processor seconds of the tests, by file: their own, and those of their processes.

    python -m benchmarks.suite [what pytest takes, such as files or -k]

Wall time depends on what else the machine does; these seconds hardly do. Those of a process count
once it has ended, with the test during which it ended; those of processes whose parent was killed
are lost. What no test spends is listed as `session`: importing and collecting, by every process of
pytest. The last line is one JSON object.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections import Counter, defaultdict
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "NAS_SUITE_SECONDS"
"""The variable that names the folder where each process of pytest leaves what it has counted."""

counted: defaultdict[str, float] = defaultdict(float)


def spent() -> float:
    """Processor seconds of this process and of those of its children that have ended."""
    both = (resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    forked = getattr(sys.modules.get("tests.support.warm"), "spent", 0.0)
    return forked + sum(usage.ru_utime + usage.ru_stime for usage in both)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Count a test with the fixtures that it has made."""
    start = spent()
    try:
        return (yield)
    finally:
        counted[item.nodeid.partition("::")[0]] += spent() - start


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave what this process has counted; the processes that share the tests do so themselves."""
    shares = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    own = resource.getrusage(resource.RUSAGE_SELF)
    rest = own.ru_utime + own.ru_stime if shares else spent() - sum(counted.values())
    content = {**counted, "session": rest}
    (Path(os.environ[FOLDER]) / f"{os.getpid()}.json").write_text(json.dumps(content))


def main() -> None:
    """Run the tests and print the dearest files."""
    with TemporaryDirectory() as folder:
        os.environ[FOLDER] = folder
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        os.chdir(ROOT)
        code = pytest.main(["-p", "benchmarks.suite", *sys.argv[1:]])
        total: Counter[str] = Counter()
        for path in Path(folder).iterdir():
            total.update(json.loads(path.read_text()))
    for name, seconds in total.most_common(30):
        print(f"{seconds:8.1f}  {name}")
    seconds = round(sum(total.values()), 1)
    print(json.dumps({"seconds": seconds, "exit": int(code), "session": total["session"]}))


if __name__ == "__main__":
    main()
