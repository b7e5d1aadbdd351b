"""Trackers: what a run logs is read back from where it was logged."""

from __future__ import annotations

import csv
import json
import re
import signal
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import nas as public
from nas import TRACKERS, Space, Tracker, UsageError
from nas.runs.trackers import Run
from nas.runs.trackers.tensorboard import _steps
from nas.runs.tracking import name_of_run
from tests.support.command_line import (
    EVOLUTION,
    check_mistake,
    nas,
    paused,
    snapshot,
    started,
)
from tests.support.small import small
from tests.support.trackers import options_of_tracker

CHEAP = [*EVOLUTION, "proxy=params"]


def search(out: Path, tracker: str, budget: int = 30, *more: str) -> None:
    options = options_of_tracker(tracker, out.parent)
    words = [f"tracker.{name}={value}" for name, value in options.items()]
    argv = [f"out={out}", f"budget={budget}", f"tracker={tracker}", *words, *more]
    done = nas("search", *CHEAP, *argv)
    assert (done.code, "warning" in done.err) == (0, False), done.err


def history(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]


@dataclass
class Seen:
    """What was read back from a log."""

    columns: Sequence[Mapping[int, float]]
    """Those of `COLUMNS`, each by step."""
    settings: Mapping[str, str]
    winner: str
    steps: list[int] = field(default_factory=list)
    """The number of each step as often as it is there."""


def from_csv(out: Path) -> Seen:
    with (out / "steps.csv").open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    about = json.loads((out / "steps.json").read_text())
    return Seen(
        [{int(row["number"]): float(row[name]) for row in rows if row[name]} for name in COLUMNS],
        {"seed": str(about["settings"]["seed"]), "space": about["settings"]["space"]["name"]},
        about["result"]["winner/arch"],
        [int(row["number"]) for row in rows],
    )


COLUMNS = ("score", "best", "metrics/params")


def from_tensorboard(out: Path) -> Seen:
    loading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = loading.EventAccumulator(str(out / "tensorboard"), {"scalars": 0, "tensors": 0})
    found.Reload()
    columns = [{e.step: e.value for e in found.Scalars(name)} for name in COLUMNS]
    texts: dict[str, str] = {}
    for name in ("settings", "result"):
        event = found.Tensors(f"{name}/text_summary")[-1]
        text = event.tensor_proto.string_val[0].decode()
        rows = re.findall(r"^\| (\S+) \| (.*) \|$", text, re.MULTILINE)
        texts |= {key: value.replace("\\|", "|") for key, value in rows}
    steps = [event.step for event in found.Scalars("seconds")]
    settings = {"seed": texts["seed"], "space": texts["space.name"]}
    return Seen(columns, settings, texts["winner/arch"], steps)


def from_mlflow(out: Path, uri: str = "") -> Seen:
    uri = uri or options_of_tracker("mlflow", out.parent)["uri"]
    client = import_module("mlflow").MlflowClient(uri)
    experiment = client.get_experiment_by_name("epsilon-nas")
    runs = client.search_runs([experiment.experiment_id])
    (run,) = [run for run in runs if run.info.run_name == name_of_run(out)]
    assert run.info.status == "FINISHED"
    every = [client.get_metric_history(run.info.run_id, name) for name in COLUMNS]
    columns = [{each.step: each.value for each in values} for values in every]
    seconds = client.get_metric_history(run.info.run_id, "seconds")
    settings = {"seed": run.data.params["seed"], "space": run.data.params["space.name"]}
    return Seen(columns, settings, run.data.tags["winner/arch"], [each.step for each in seconds])


def wandb_records(path: Path) -> Iterator[bytes]:
    """The records of a file of an offline run: LevelDB's log format, after a header of 7 bytes."""
    content, place, record = path.read_bytes(), 7, b""
    while place + 7 <= len(content):
        if (left := 32768 - place % 32768) < 7:  # no record begins in the rest of a block
            place += left
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        if kind == 0:
            return
        part = content[place + 7 : place + 7 + length]
        record = part if kind in (1, 2) else record + part
        place += 7 + length
        if kind in (1, 4):
            yield record


def from_wandb(out: Path) -> Seen:
    import_module("wandb").teardown()  # waits for its own process, as the end of a program does
    proto = import_module("wandb.proto.wandb_internal_pb2")
    rows: list[dict[str, Any]] = []
    settings: dict[str, Any] = {}
    winner = ""
    for path in sorted(out.glob("wandb/offline-run-*/*.wandb")):
        for content in wandb_records(path):
            record = proto.Record.FromString(content)
            items = {
                "/".join(item.nested_key) or item.key: json.loads(item.value_json)
                for item in record.history.item
            }
            rows += [items] if items else []
            settings |= {e.key: json.loads(e.value_json) for e in record.run.config.update}
            for item in record.summary.update:
                if "winner/arch" in (item.key, *item.nested_key):
                    winner = json.loads(item.value_json)
    columns = [{row["_step"]: row[name] for row in rows if name in row} for name in COLUMNS]
    known = {"seed": str(settings["seed"]), "space": settings["space"]["name"]}
    return Seen(columns, known, winner, [row["_step"] for row in rows])


READERS = {
    "csv": from_csv,
    "tensorboard": from_tensorboard,
    "mlflow": from_mlflow,
    "wandb": from_wandb,
}


def test_every_tracker_of_ours_is_read_back() -> None:
    ours = {name for name in TRACKERS if TRACKERS[name].__module__.startswith("nas.")}
    assert ours == {"none", *READERS}


@pytest.fixture(params=READERS)
def tracker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a tracker whose package is there."""
    if why := TRACKERS.build(request.param).refusal():
        pytest.skip(why)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    if request.param == "wandb":
        import_module("wandb").teardown()  # its process, which another search would share
    return str(request.param)


def check(out: Path, seen: Seen) -> None:
    """Compare what was logged with the run's own journal."""
    trials = history(out)
    scores = {t["number"]: t["score"] for t in trials if t["score"] is not None}
    best, highest = {}, float("-inf")
    for number in range(len(trials)):
        highest = max(highest, scores.get(number, highest))
        if highest > float("-inf"):
            best[number] = highest
    params = {t["number"]: t["metrics"]["params"] for t in trials}
    for column, expected in zip(seen.columns, (scores, best, params), strict=True):
        assert column == pytest.approx(expected, rel=1e-6)
    assert seen.settings == {"seed": "0", "space": "nasbench201"}
    assert seen.winner == json.loads((out / "best.json").read_text())["arch"]
    assert sorted(seen.steps) == [*range(len(trials))], "each once"


def test_a_search_that_went_on_is_logged_once(tracker: str, tmp_path: Path) -> None:
    out = tmp_path / "first"
    search(out, tracker, 12)
    check(out, READERS[tracker](out))
    search(out, tracker, 30)
    search(out, tracker, 30)
    check(out, READERS[tracker](out))


def test_a_tracker_may_come_later(tracker: str, tmp_path: Path) -> None:
    out = tmp_path / "first"
    search(out, "none", 12)
    search(out, tracker, 20)
    check(out, READERS[tracker](out))


@pytest.mark.slow
def test_a_killed_search_is_logged_once(tracker: str, tmp_path: Path) -> None:
    out = tmp_path / "first"
    options = options_of_tracker(tracker, tmp_path)
    words = [f"tracker.{name}={value}" for name, value in options.items()]
    argv = [f"out={out}", "budget=100000", f"tracker={tracker}", *words]
    with started("search", *CHEAP, *argv, pause=(out / "history.jsonl", 20000)) as process:
        paused(process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = len(history(out)) if (out / "history.jsonl").read_text().endswith("\n") else 0
    search(out, tracker, done + 40)
    seen = READERS[tracker](out)
    assert len(seen.steps) == len({*seen.steps})
    if tracker == "wandb":  # what its own process had not written is lost
        assert {*range(done, done + 40)} <= {*seen.steps} <= {*range(done + 40)}
    else:
        check(out, seen)


def test_searches_of_a_study_have_a_log_each(tmp_path: Path) -> None:
    argv = ["budget=10", "seeds=1", "strategy=random,local", f"out={tmp_path / 'study'}"]
    words = [word for word in CHEAP if not word.startswith("strategy.")]
    done = nas("study", *words, *argv, "tracker=csv", f"tracker.path={tmp_path / 'logs'}")
    assert done.code == 0, done.err
    logs = sorted((tmp_path / "logs" / "study").glob("*/steps.csv"))
    assert len(logs) == 2
    for path in logs:
        assert len(path.read_text().splitlines()) == 11


def test_a_search_in_python_is_logged(tracker: str, tmp_path: Path) -> None:
    out = tmp_path / "first"
    made = TRACKERS.build(tracker, **options_of_tracker(tracker, tmp_path))
    for budget in (5, 10):
        found = public.search(
            small("nasbench201"), "params", "random", budget=budget, finals=None, out=out,
            tracker=made,
        )  # fmt: skip
    seen = READERS[tracker](out)
    assert seen.columns[0] == pytest.approx({t.number: t.score for t in found.trials}, rel=1e-6)
    assert seen.winner == found.arch


def test_formulas_have_values_and_a_best_so_far(tmp_path: Path) -> None:
    out = tmp_path / "first"
    search(out, "csv", 30, "objective=[flops^-0.5]")
    with (out / "steps.csv").open() as file:
        rows = [*csv.DictReader(file)]
    values = [float(row["objectives/flops^-0.5"] or "-inf") for row in rows]
    best = [float(row["best"] or "-inf") for row in rows]
    assert best == [max(values[: place + 1]) for place in range(len(rows))]
    assert len({*best}) > 1


def test_trials_that_only_rank_within_a_set_have_no_best_so_far(tmp_path: Path) -> None:
    out = tmp_path / "first"
    search(out, "csv", 30, "objective=[params,-flops]")
    header = (out / "steps.csv").read_text().splitlines()[0].split(",")
    assert {"objectives/params", "objectives/-flops"} <= {*header}
    assert "best" not in header


@pytest.mark.parametrize(
    "words",
    [[], ["objective=[flops^-0.5]"], ["objective=[params,-flops]"], ["ranking=rank_sum"]],
    ids=["score", "formula", "pareto", "rank_sum"],
)
def test_the_winner_has_its_own_score_and_what_ranked_it(words: list[str], tmp_path: Path) -> None:
    out = tmp_path / "first"
    several = ["proxy=[params,flops]"] if "ranking=rank_sum" in words else []
    search(out, "csv", 12, *words, *several)
    best = json.loads((out / "best.json").read_text())
    result = json.loads((out / "steps.json").read_text())["result"]
    own = history(out)[best["trial"]]["score"]
    assert (result["winner/score"], result["winner/value"]) == (own, best["score"])
    assert (own == best["score"]) == (not words)


def test_a_winner_in_python_has_its_own_score_and_what_ranked_it(tmp_path: Path) -> None:
    found = public.search(
        small("nasbench201"), "params", "random", budget=12, finals=None, out=tmp_path / "first",
        tracker="csv", objective=["params", "-flops"],
    )  # fmt: skip
    result = json.loads((tmp_path / "first" / "steps.json").read_text())["result"]
    assert result["winner/score"] == found.best.score
    assert result["winner/value"] == found.top[0][1] != found.best.score


class Broken(Tracker):
    """A tracker that fails at some time."""

    def __init__(self, fails: str) -> None:
        self.fails = fails
        self.calls: list[str] = []

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name == self.fails:
            raise RuntimeError(f"no disk\nfor {name}")

    def open(self, run: Run) -> int:
        self._called("open")
        return 0

    def log(self, step: int, figures: Mapping[str, float], texts: Mapping[str, str]) -> None:
        self._called("log")

    def finish(self, result: Mapping[str, float | str]) -> None:
        self._called("finish")

    def close(self) -> None:
        self._called("close")


@pytest.mark.parametrize("fails", ["open", "log", "finish", "close"])
def test_a_tracker_that_fails_is_a_warning(fails: str, capsys: pytest.CaptureFixture[str]) -> None:
    tracker = Broken(fails)
    found = public.search(
        small("nasbench201"), "params", "random", budget=5, finals=None, tracker=tracker
    )
    assert len(found.trials) == 5
    err = capsys.readouterr().err
    assert err == "warning: the tracker Broken failed and logs no more: RuntimeError: no disk\n"
    assert tracker.calls.count(fails) == 1


def test_a_tracker_that_works_is_told_everything_once() -> None:
    tracker = Broken("")
    space: Space = small("nasbench201")
    public.search(space, "params", "random", budget=3, finals=None, tracker=tracker)
    assert tracker.calls == ["open", "log", "log", "log", "finish", "close"]


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_missing_package_is_named_before_anything_is_written(
    name: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.runs.trackers.tracker.find_spec", lambda _: None)
    for command in (["search", "budget=5"], ["study", "seeds=1"]):
        done = nas(*command, "out=run", f"tracker={name}")
        check_mistake(done, [f"tracker={name}", f"pip install 'epsilon-nas[{name}]'"])
    assert snapshot(here) == {}
    with pytest.raises(UsageError, match=rf"pip install 'epsilon-nas\[{name}\]'"):
        public.search(small("nasbench201"), "params", budget=5, tracker=name)


def test_mistakes_are_refused(here: Path) -> None:
    check_mistake(nas("search", "tracker=cvs", "out=run"), ["cvs", "csv"])
    check_mistake(nas("search", "tracker=csv", "tracker.path=3", "out=run"), ["tracker.path=3"])
    check_mistake(nas("search", "tracker=csv", "tracker.file=x", "out=run"), ["tracker.file"])
    assert snapshot(here) == {}
    Path("file").write_text("")
    argv = ["tracker=csv", "tracker.path=file/x", "out=run", "proxy=params", "budget=5"]
    check_mistake(nas("search", *argv), ["file/x", "cannot be written to"])
    assert not Path("run").exists()
    with pytest.raises(UsageError, match="has no folder"):
        public.search(small("nasbench201"), "params", budget=5, tracker="csv", finals=None)
    with pytest.raises(UsageError, match="must be a name or a Tracker"):
        public.search(small("nasbench201"), "params", budget=5, tracker=3)  # type: ignore[arg-type]


def test_a_torn_row_is_written_again(tmp_path: Path) -> None:
    out = tmp_path / "first"
    search(out, "csv", 12)
    whole = (out / "steps.csv").read_bytes()
    (out / "steps.csv").write_bytes(whole[:-7])
    search(out, "csv", 12)
    assert (out / "steps.csv").read_bytes() == whole


def test_a_torn_event_is_written_again(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    out = tmp_path / "first"
    search(out, "tensorboard", 12)
    folder = out / "tensorboard"
    (path,) = folder.iterdir()
    content = path.read_bytes()
    assert _steps(folder) == 12
    path.write_bytes(content[: len(content) // 2])
    there = _steps(folder)
    assert 0 < there < 12
    search(out, "tensorboard", 12)
    assert _steps(folder) == 12


@pytest.mark.parametrize(
    ("out", "name"),
    [
        ("runs/first", "runs/first"),
        ("first", "first"),
        ("/data/runs/first", "runs/first"),
        ("../first", "first"),
        ("../../there/runs/first/", "runs/first"),
    ],
)
def test_the_name_of_a_run_stays_inside_the_folder_of_logs(out: str, name: str) -> None:
    assert name_of_run(out) == name
    assert re.fullmatch(r"[\d_-]+", name_of_run(None))


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_mlflows_own_database_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that MLflow takes by itself; its tables take some seconds to make."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if why := TRACKERS.build("mlflow").refusal():
        pytest.skip(why)
    done = nas("search", *CHEAP, "budget=20", "tracker=mlflow", "out=first")
    assert (done.code, "warning" in done.err) == (0, False), done.err
    check(Path("first"), from_mlflow(Path("first"), "sqlite:///mlflow.db"))
