"""Every shell and Python block of README and docs runs, or a list says why not; links lead on.

`python -m tests.test_documentation` counts them.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from pathlib import Path

import numpy as np
import polars
import pytest

from nas import SPACES
from tests.support.command_line import nas
from tests.support.pages import ROOT, RUN, Block, Shell, blocks, pages
from tests.support.tables import written

OWN = {
    "README.md": "test_readme.py",
    "examples/README.md": "test_examples.py",
    "docs/drawing.md": "cli/test_draw.py",
    "docs/guided.md": "test_guided_page.py",
    "docs/jobs.md": "test_jobs_page.py",
    "docs/metrics.md": "test_metrics_page.py",
    "docs/objectives.md": "test_objectives_page.py",
    "docs/proxify.md": "test_proxify_page.py",
    "docs/searching.md": "test_searching_page.py",
    "docs/studies.md": "test_studies_page.py",
    "docs/surrogates.md": "test_surrogates_page.py",
    "docs/trackers.md": "test_trackers_page.py",
    "docs/training.md": "test_training_page.py",
    "docs/warmup.md": "test_warmup_page.py",
    "docs/your_data.md": "test_your_data.py",
    "docs/your_module.md": "test_your_module.py",
    "docs/your_own_space.md": "test_tutorial.py",
}
"""Pages whose blocks a test of their own runs, which also looks at what comes out."""

INSTALLS = "it installs packages; continuous integration does"
OTHERS = "it is for another tool: Optuna, NNI, NASLib or Archai"
HOURS = "it needs an official table and takes minutes to hours"
NOT_RUN = (
    ("README.md", "pip install -c constraints.txt -e '.[docs]'", INSTALLS),
    ("README.md", "pip install -c constraints.txt -e '.[test]'", INSTALLS),
    ("CONTRIBUTING.md", "pip install ", INSTALLS),
    ("docs/scaling.md", "dask scheduler", "it needs several machines"),
    ("docs/scaling.md", "nas search -m hydra/launcher=submitit_slurm", "it needs Slurm"),
    *(("docs/coming_from.md", f"# {n}", OTHERS) for n in ("Optuna", "NNI", "NASLib", "Archai")),
    ("docs/jobs.md", '"""Train a network for 20 steps', OTHERS),
    ("docs/jobs.md", '"""Job 3', OTHERS),
    ("docs/jobs.md", '"""Job 4', OTHERS),
    ("docs/jobs.md", '"""Job 5: small CNNs for images, 12 trials or', OTHERS),
    ("docs/jobs.md", '"""Job 5: small CNNs for images, 12 trials."""\n\nimport nni', OTHERS),
    ("docs/jobs.md", '"""Job 5: small CNNs for images, 12 trials."""\n\nimport numpy', OTHERS),
)
"""Blocks that are not run: the page, how they begin, and why."""

SHOWN = {
    "docs/command_line.md": "it changes the user's shell; tests/cli runs it in a folder",
    "docs/comparing.md": HOURS,
    "docs/hardware.md": HOURS,
    "docs/proxify.md": HOURS,
    "docs/studies.md": HOURS,
    "docs/tables.md": HOURS,
    "docs/trackers.md": "TensorBoard shows the logs until it is ended",
}
"""Pages with commands in blocks of another kind, beside those of docs/results."""

QUICK = "batch.size=4 finals=none space.channels=2 space.cells=1 space.resolution=8"
SMALLER = {
    "docs/export.md": [("search", f"budget=10 {QUICK}")],
    "docs/hardware.md": [
        ("search constraints=[latency", f"constraints=[latency<=9s] budget=4 {QUICK}"),
        ("search constraints=[params", f"budget=4 {QUICK}"),
        ("search", f"budget=4 metric.latency.repeats=5 {QUICK}"),
        ("score", f"metric.latency.repeats=5 {QUICK.replace('finals=none ', '')}"),
    ],
    "docs/plugins.md": [
        ("search proxy=spread", f"budget=10 {QUICK}"),
        ("search strategy=hill_climbing", "space.cells=1"),
        ("search", "budget=10 space.cells=1"),
        ("compare", f"sample=10 pictures=false {QUICK}"),
        ("study", "budget=12 seeds=2 space.cells=1"),
    ],
    "docs/reports.md": [("search", f"budget=20 {QUICK}")],
    "docs/scaling.md": [
        ("search -m", f"budget=6 hydra.launcher.n_jobs=2 {QUICK}"),
        ("search", f"budget=16 executor.workers=2 {QUICK}"),
        ("compare", "sample=12 batch.size=4 executor.workers=2 pictures=false"),
    ],
    "docs/start.md": [
        ("search space=nats_size", "budget=10 batch.size=4"),
        ("search proxy=epsilon", f"budget=50 {QUICK}"),
        ("search", f"budget=30 {QUICK}"),
    ],
    "docs/tables.md": [
        ("search proxy=table", "budget=300"),
        ("search", "budget=6 batch.size=4 finals=none"),
    ],
    "docs/your_space.md": [
        ("search space=words", "budget=3 proxy.steps=4 batch.size=8 finals.size=2"),
        ("search", "budget=9 batch.size=8"),
        ("train", "epochs=1"),
    ],
    "docs/which_proxy.md": [("compare", f"sample=12 {QUICK}")],
}
"""What makes the commands of a page small: options that replace or join those of commands that
begin so. A page that is not here is run as it stands."""

SLOW = {"docs/scaling.md"}
"""Pages that take more than a few seconds."""


def cases() -> list[object]:
    """The pages that are run here."""
    here = [page for page in pages() if page not in OWN and any(map(runs, blocks(page)))]
    return [pytest.param(page, marks=[pytest.mark.slow] * (page in SLOW)) for page in here]


def runs(block: Block) -> bool:
    return block.language in RUN and why_not(block) is None


def why_not(block: Block) -> str | None:
    """Why a block is not run; None for one that is. Blocks of results made their figures."""
    if block.page.startswith("docs/results/"):
        return HOURS
    for page, start, reason in NOT_RUN:
        if block.page == page and block.text.startswith(start):
            return reason
    return None


@pytest.mark.long
@pytest.mark.parametrize("page", cases())
def test_the_blocks_of_a_page_run(
    page: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files(here)
    if page == "docs/tables.md":
        monkeypatch.setenv("NAS_DATA", str(here / "data"))
        table(here / "data")
    shell = Shell(monkeypatch, SMALLER.get(page, []))
    for block in filter(runs, blocks(page)):
        shell.run(block)
    shell.check_files()
    assert capsys.readouterr().out or shell.output


def files(folder: Path) -> None:
    """What a reader brings along: pictures, as the pages call them."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), np.uint8)
    np.savez(folder / "images.npz", images=pixels, labels=np.arange(64) % 10)


def table(folder: Path) -> None:
    """A table of all cells of NAS-Bench-201 with figures that are made up."""
    space = SPACES.build("nasbench201")
    archs = list(space.every())
    columns = ("cifar10valid_valid", "cifar10_test", "lat_ms_pixel3")
    figures = {
        name: [float(place + sum(arch)) for arch in archs] for place, name in enumerate(columns)
    }
    named = {"arch": [space.format(arch) for arch in archs]}
    written(folder / "nasbench201.csv", polars.DataFrame({**named, **figures}))


def test_every_block_has_its_place() -> None:
    """A page has a test of its own, or is run here; the lists have no entry that is of no use."""
    for page, name in OWN.items():
        text = (ROOT / "tests" / name).read_text(encoding="utf-8")
        assert page.rpartition("/")[2] in text, f"tests/{name} does not run {page}"
        for language in {block.language for block in filter(runs, blocks(page))}:
            ways = (
                f"```{language}",
                "```{language}",
                r"```(\w+)",
                "blocks(",
                "*shlex.split(command)",
            )
            assert any(way in text for way in ways), f"tests/{name} does not run {language}"
    every = [block for page in pages() for block in blocks(page)]
    for page, start, _ in NOT_RUN:
        found = [block for block in every if block.page == page and block.text.startswith(start)]
        assert len(found) == 1, f"{page} has {len(found)} blocks that begin with {start!r}"
    shown = {block.page for block in every if block.language not in RUN and commands(block)}
    assert {page for page in shown if not page.startswith("docs/results/")} == {*SHOWN}
    print(counted())


def counted() -> str:
    """How many blocks there are, and what becomes of them."""
    found: Counter[str] = Counter()
    for block in (block for page in pages() for block in blocks(page)):
        if block.language in RUN:
            reason = why_not(block)
            place = "run here" if block.page not in OWN else "run by a page's own test"
            found[f"not run: {reason}" if reason else place] += 1
    lines = [f"{number:4}  {place}" for place, number in found.most_common()]
    return "\n".join([f"{sum(found.values()):4}  shell and Python blocks", *lines])


def commands(block: Block) -> list[str]:
    """The commands of ours in a block that is no shell block."""
    starts = ("nas ", "python -m ", "NAS_DATA=")
    return [line for line in block.commands if line.startswith(starts)]


@pytest.mark.parametrize("page", [page for page in pages() if page != "docs/command_line.md"])
def test_commands_that_are_only_shown_have_their_options(page: str) -> None:
    """They are composed, not run; programs of benchmarks exist."""
    for block in blocks(page):
        for line in commands(block) if not runs(block) else ():
            words = shlex.split(re.sub(r"^NAS_DATA=\S+ ", "", line), comments=True)
            if words[:2] == ["nas", "report"] or {"-m", "pytest"} & {*words[2:3]}:
                continue  # a run that is there, a sweep: their settings are not shown
            if words[0] == "nas":
                done = nas(words[1], "--cfg", "job", *words[2:])
                assert done.code == 0, f"{line}\n{done.err}"
            else:
                assert (ROOT / f"{words[2].replace('.', '/')}.py").exists(), line


LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """What a link into a page may end with."""
    text = re.sub(
        r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", found) for found in HEADING.findall(text)]
    return {re.sub(r"[^\w\- ]", "", found.lower()).replace(" ", "-") for found in plain}


@pytest.mark.parametrize("page", [*pages(), "CHANGELOG.md"])
def test_links_and_anchors_exist(page: str) -> None:
    text = CODE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, anchor = link.partition("#")
        target = (ROOT / page).parent / file if file else ROOT / page
        assert target.exists(), f"{page} leads to {link}"
        if anchor:
            assert anchor in anchors(target), f"{page} leads to {link}"


def test_the_site_has_every_page() -> None:
    """Each page under docs/ is in the navigation."""
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    listed = {*re.findall(r": (\S+\.md)$", nav, re.MULTILINE)}
    here = {page.removeprefix("docs/") for page in pages() if page.startswith("docs/")}
    here |= {path.with_suffix(".md").name for path in (ROOT / "docs").glob("*.ipynb")}
    assert listed == here | {"index.md", "contributing.md", "changelog.md", "examples/index.md"}


if __name__ == "__main__":
    print(counted())
