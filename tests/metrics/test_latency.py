"""Latency on a clock that the network itself moves, and what is set and restored meanwhile."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import nas
from nas import METRICS, Candidate, Measured, ProxyObjective, Trial, UsageError
from nas.metrics import latency
from nas.metrics.latency import CROWDED, REPEATED, WORKED, Latency, Pass, summed_up
from nas.scoring.given import batch_of
from nas.testing.unchanged import unchanged_globals
from tests.support.command_line import SMALL, told
from tests.support.command_line import lines as lines_of
from tests.support.command_line import nas as run
from tests.support.small import small


@dataclass
class Clock:
    """Time that passes only where a pass of `Timed` says so, in milliseconds."""

    passes: Iterable[tuple[float, float]]
    """How long every pass takes, and for how long of that its thread waits."""
    now: float = 0.0
    worked: float = 0.0
    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def run(self, inputs: Tensor) -> None:
        self.shapes.append(tuple(inputs.shape))
        taken, waited = next(self.steps)
        self.now += taken / 1000
        self.worked += (taken - waited) / 1000

    def __post_init__(self) -> None:
        self.steps = iter(self.passes)


class Timed(nn.Module):
    """A network whose passes take what a clock says."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock, self.layer = [clock], nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        self.clock[0].run(inputs)
        return self.layer(inputs)  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "_crowded", lambda: False)


def timed(
    monkeypatch: pytest.MonkeyPatch, passes: Iterable[tuple[float, float]], **options: float
) -> tuple[Measured, int]:
    """What is measured of such passes, and how many there were."""
    clock = Clock(passes)
    monkeypatch.setattr(latency, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(latency, "thread_time", lambda: clock.worked)
    candidate = Candidate.of(lambda: Timed(clock), (4,))
    batch = candidate.space.batch(2, candidate.generator("batch"))
    found = METRICS.build("latency", **options).measure(candidate, batch)
    assert isinstance(found, Measured)
    assert {*clock.shapes} == {(options.get("batch", 1), 4)}
    return found, len(clock.shapes)


def test_passes_of_equal_time(monkeypatch: pytest.MonkeyPatch) -> None:
    found, count = timed(monkeypatch, repeat((2.0, 0.0)), repeats=20, batch=3)
    assert (found, dict(found.more), found.note) == (2.0, {"iqr": 0.0}, "")
    assert count == 1 + 2 * 5 + 20


def test_warming_up_lasts_until_the_passes_are_steady(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = [(float(taken), 0.0) for taken in range(60, 20, -1)]
    found, count = timed(monkeypatch, chain(slow, repeat((2.0, 0.0))), repeats=20)
    assert (found, found.more["iqr"]) == (2.0, 0.0)
    assert count > len(slow) + 20
    never = ((2.0 + 5 * (number // 5 % 2), 0.0) for number in range(1000))
    assert timed(monkeypatch, never, repeats=10)[1] == 1 + 10 * 5 + 10
    assert timed(monkeypatch, repeat((2.0, 0.0)), warmup=0, repeats=3)[1] == 1 + 3


def test_outliers_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = [(2.0, 0.0), (2.2, 0.0), (2.1, 0.0), (30.0, 0.0)] * 5
    found = timed(monkeypatch, chain(repeat((2.0, 0.0), 11), odd), repeats=20)[0]
    assert (found, found.more["iqr"], found.note) == (2.1, 0.2, "")


def test_disturbed_passes_are_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = [(9.0, 7.0), (2.0, 0.0)] * 50
    found, count = timed(monkeypatch, chain(repeat((2.0, 0.0), 11), waits), repeats=20)
    assert (found, found.note, count) == (2.0, REPEATED, 11 + 40)
    few = [(9.0, 7.0), *[(2.0, 0.0)] * 30]
    found, count = timed(monkeypatch, chain(repeat((2.0, 0.0), 11), few), repeats=20)
    assert (found, found.note, count) == (2.0, "", 11 + 21)


def test_time_that_the_processor_worked_if_all_passes_are_disturbed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, count = timed(monkeypatch, repeat((9.0, 6.5)), repeats=20)
    assert (found, found.note, count) == (2.5, WORKED, 11 + 20)
    found = timed(monkeypatch, repeat((9.0, 6.5)), repeats=20, threads=2)[0]
    assert (found, found.note) == (9.0, ""), "threads wait for each other"


def test_a_slow_network_runs_fewer_times(monkeypatch: pytest.MonkeyPatch) -> None:
    found, count = timed(monkeypatch, repeat((1000.0, 0.0)), seconds=2.5)
    assert (found, count) == (1000.0, 1 + 3 + latency.FEW)
    assert timed(monkeypatch, repeat((1000.0, 0.0)), seconds=0.5, repeats=2)[1] == 1 + 1 + 2


def test_a_crowded_machine_is_said() -> None:
    passes = [Pass(2.0)] * 9
    assert summed_up(passes, 9, alone=False).note == CROWDED
    assert summed_up(passes, 9).note == ""
    assert summed_up([Pass(3.0)], 1).more == {"iqr": 0.0}


class Looking(nn.Module):
    """A network that keeps what is set while it runs, and changes its inputs."""

    seen: list[dict[str, object]] = []

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.drop = nn.Linear(4, 2), nn.Dropout(0.5)
        self.norm = nn.BatchNorm1d(2)

    def forward(self, inputs: Tensor) -> Tensor:
        tiny = (torch.tensor([1e-38]) * 0.1).item()
        Looking.seen.append(
            {
                "training": self.training,
                "threads": torch.get_num_threads(),
                "gradients": torch.is_grad_enabled(),
                "inference": torch.is_inference_mode_enabled(),
                "garbage": gc.isenabled(),
                "denormals": tiny > 0,
                "hooks": sum(len(part._forward_pre_hooks) for part in self.modules()),
                "input": inputs.sum().item(),
            }
        )
        return self.norm(self.layer(inputs.mul_(2)))  # type: ignore[no-any-return]


def test_what_is_set_while_the_network_runs() -> None:
    Looking.seen.clear()
    candidate = Candidate.of(Looking, torch.ones(3, 4))
    with unchanged_globals():
        batch = nas.Batch(torch.ones(3, 4))
        METRICS.build("latency", batch=2, threads=2, repeats=3).measure(candidate, batch)
    assert torch.equal(batch.inputs, torch.ones(3, 4))
    wanted = {"training": False, "threads": 2, "gradients": False, "inference": True}
    wanted |= {"garbage": False, "denormals": False, "hooks": 0}
    assert all(seen == {**wanted, "input": 8.0} for seen in Looking.seen[1:])
    assert len(Looking.seen) > 3


class Failing(nn.Module):
    """A network that can build its pass and not run it often."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.count += 1
        if self.count > 3:
            raise ZeroDivisionError("once too often")
        return inputs


def test_all_is_restored_after_an_error() -> None:
    candidate = Candidate.of(Failing, (4,))
    with unchanged_globals(), pytest.raises(ZeroDivisionError):
        Latency(threads=2).measure(candidate, nas.Batch(torch.ones(3, 4)))


class Differentiating(nn.Module):
    """A network that takes a gradient in its pass, which inference mode refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        with torch.enable_grad():
            place = inputs.requires_grad_()
            [slope] = torch.autograd.grad(self.layer(place).sum(), place)
        return slope


def test_a_network_that_refuses_inference_mode_is_measured_without_it() -> None:
    candidate = Candidate.of(Differentiating, (4,))
    assert Latency(repeats=3).measure(candidate, nas.Batch(torch.ones(3, 4))) > 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"device": "gpu"}, "latency.device=gpu must be cpu, cuda, or such as cuda:1"),
        ({"device": "cpu:1"}, "latency.device=cpu:1 must be cpu"),
        ({"batch": 0}, "latency.batch=0 must be at least 1"),
        ({"threads": 0}, "latency.threads=0 must be at least 1"),
        ({"warmup": -1}, "latency.warmup=-1 must be at least 0"),
        ({"repeats": 0}, "latency.repeats=0 must be at least 1"),
        ({"seconds": 0}, "latency.seconds=0 must be more than 0"),
        ({"seconds": float("nan")}, "latency.seconds=nan must be more than 0"),
        ({"repeats": 2.5}, "repeats=2.5 must be a whole number"),
    ],
)
def test_wrong_options_are_a_sentence(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        METRICS.build("latency", **options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_here_is_a_sentence() -> None:
    candidate = Candidate.of(nn.Linear(4, 2), (4,))
    with pytest.raises(UsageError, match="measured on cuda: this machine has no such device"):
        Latency(device="cuda").measure(candidate, nas.Batch(torch.ones(3, 4)))
    argv = ["search", "proxy=params", "metrics=[latency]", "metric.latency.device=cuda:3"]
    done = run(*argv, *SMALL, "budget=3", "out=never")
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(
        "latency cannot be measured on cuda:3: this machine has no such device\n"
    )
    with pytest.raises(UsageError, match="this machine has no such device"):
        nas.search(small("nasbench201"), "params", metrics={"ms": Latency(device="cuda")})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_on_cuda() -> None:
    candidate = Candidate.of(lambda: nn.Linear(64, 64), (64,))
    with unchanged_globals():
        found = Latency(device="cuda").measure(candidate, nas.Batch(torch.ones(3, 64)))
    assert 0 < found < 1000
    assert found.more["iqr"] >= 0


def test_a_trial_has_the_spread_and_the_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """They come from another process and stay in the journal."""
    space = small("nasbench201")
    figure = Measured(2.5, {"iqr": 0.125}, WORKED)
    monkeypatch.setattr(Latency, "measure", lambda *_: pickle.loads(pickle.dumps(figure)))
    measures = {"latency": METRICS.build("latency")}
    proxy = nas.PROXIES.build("params")
    objective = ProxyObjective(space, proxy, batch_of(space, None), measures=measures)
    trial = Trial.of(0, (3,) * 6, objective.evaluate((3,) * 6))
    assert trial.metrics == {"latency": 2.5, "latency_iqr": 0.125}
    assert trial.note == f"latency: {WORKED}"
    again = Trial.from_json(trial.to_json())
    assert (again.metrics, again.note) == (trial.metrics, trial.note)


def test_a_summary_and_a_table_show_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Latency, "measure", lambda *_: Measured(2.5, {"iqr": 0.125}, REPEATED))
    words = ["search", "proxy=params", "metrics=[latency,memory]", "budget=3", "finals=none"]
    shown = run(*words, *SMALL, "strategy=random", f"out={tmp_path / 'run'}").out
    assert "latency 2.5   (ms, interquartile range 0.125)" in shown
    assert "(bytes)" in shown
    assert f"note    latency: {REPEATED}" in shown
    assert told(run("report", tmp_path / "run").out) == told(shown)
    table = nas.score(nn.Linear(20, 5), (20,))
    assert (table["latency"].value, table["latency"].unit) == (2.5, "ms")
    assert f"ms; iqr 0.125; {REPEATED}" in str(table)
    scored = run("score", "3,3,3,3,3,3", "proxy=params", "metrics=[latency]", *SMALL)
    assert "latency  2.5   (ms, interquartile range 0.125)" in scored.out
    assert scored.out.count("0.125") == 1


def test_what_is_in_the_journal_is_not_measured_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measured = []

    def measure(_: Latency, candidate: Candidate, __: nas.Batch) -> Measured:
        measured.append(candidate.arch)
        return Measured(len(measured), {"iqr": 0.5}, "" if len(measured) % 2 else REPEATED)

    monkeypatch.setattr(Latency, "measure", measure)
    words = ["search", *SMALL, "proxy=params", "metrics=[latency]", "constraints=[latency<=50]"]
    words += ["strategy=random", "finals=none", f"out={tmp_path / 'run'}"]
    assert run(*words, "budget=20").code == 0
    first, journal = len(measured), (tmp_path / "run" / "history.jsonl").read_bytes()
    assert run(*words, "budget=20").code == 0
    assert len(measured) == first
    assert run(*words, "budget=30").code == 0
    assert first < len(measured) <= first + 10
    assert (tmp_path / "run" / "history.jsonl").read_bytes().startswith(journal)
    lines = lines_of(tmp_path / "run")
    assert {line["metrics"]["latency_iqr"] for line in lines} == {0.5}
    assert any(line.get("note") == f"latency: {REPEATED}" for line in lines)
