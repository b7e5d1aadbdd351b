"""How heavy the pages are, and how long the page of a search takes to write.

A search of 1,000 trials by a proxy that costs nothing (params) is made once, in another process;
then its page is written again and again from what the search has in memory, as at its end. Prints
one line of JSON: the seconds from the end of the search to the written page (wall and processor
time of the median of five, and of the first, which loads the code), and the size of the page and
of its parts.

    python -m benchmarks.report
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from nas.cli.reporting import read_run
from nas.report.page import asset
from nas.report.run import Run
from nas.report.search import search_page

TRIALS = 1000
TIMES = 5


def written(run: Run, path: Path) -> tuple[float, float]:
    """Seconds of the clock and of the processor that a page takes; a run caches nothing here."""
    fresh = Run(**{name: getattr(run, name) for name in Run.__dataclass_fields__})
    wall, work = perf_counter(), process_time()
    search_page(fresh).write(path)
    return perf_counter() - wall, process_time() - work


def main() -> None:
    with TemporaryDirectory() as place:
        folder = Path(place) / "run"
        search = f"nas.search('nasbench201', 'params', 'random', budget={TRIALS}, "
        code = f"import nas; {search}finals=None, out={str(folder)!r})"
        subprocess.run([sys.executable, "-c", code], check=True)  # here the code is not loaded yet
        run, page = read_run(folder), folder / "report.html"
        page.unlink()
        times = []
        for _ in range(TIMES):
            times.append(written(run, page))
            text = page.read_text(encoding="utf-8")
            page.unlink()
    data = re.findall(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    drawings = re.findall(r'<figure class="picture">.*?</figure>', text, re.DOTALL)
    kilobytes = {
        "page": len(text.encode()),
        "charting library": len(asset("plot.js")),
        "style and script": len(asset("style.css")) + len(asset("script.js").encode()),
        "data of the charts": sum(len(each.encode()) for each in data),
        "drawings": sum(len(each.encode()) for each in drawings),
    }
    found = {
        "trials": TRIALS,
        "charts": len(data),
        "drawings": len(drawings),
        "wall_seconds_median": round(median(wall for wall, _ in times), 3),
        "wall_seconds_first": round(times[0][0], 3),
        "processor_seconds_median": round(median(work for _, work in times), 3),
        "kilobytes": {name: round(size / 1000, 1) for name, size in kilobytes.items()},
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
