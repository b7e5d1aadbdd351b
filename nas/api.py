"""What a person types in Python: search a space, score architectures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from nas.arch import Arch
from nas.batch import Batch
from nas.candidate import Candidate
from nas.errors import UsageError
from nas.ranking import Ranking, by_score, rank_sum, ranked
from nas.runs.journals import journals
from nas.scoring.executors import Executor
from nas.scoring.given import Proxies, objective_of
from nas.scoring.keys import keys
from nas.searching.finals import PANEL, Panel, Standings, held, judged, judges_of, jury, standings
from nas.searching.found import Found
from nas.searching.history import History
from nas.searching.loop import trials
from nas.space import SPACES, Space
from nas.storage.files import replace_file, working_in
from nas.strategy import STRATEGIES, Strategy
from nas.trial import Evaluation


def search(
    space: Space | str,
    proxy: Proxies = "epsilon",
    strategy: Callable[[Space, Ranking], Strategy] | str = "evolution",
    *,
    budget: int = 1000,
    batch: Batch | None = None,
    seed: int = 0,
    live: bool = True,
    finals: Panel | None = PANEL,
    block: int = 1,
    folder: str | Path | None = None,
    executor: Executor = map,
) -> Found:
    """Search a space by a proxy, or by the rank sum of several; nothing is trained.

    Give plugins as objects or by name; a name means the plugin with its default options. A
    strategy is made from the space and the ranking: give its class, or a `partial` of it with
    options. If `batch` is None, the space's default input is used. `live`: without layers that
    cannot change the output (`nas.network.Network`). `finals`: the panel that judges the best
    trials among each other; None for no finals. With `folder`, the journals are kept there, and
    the same call goes on where it stopped. Raises UsageError for a wrong argument.

    >>> from nas import search
    >>> found = search("nasbench201", "params", "random", budget=3, finals=None)
    >>> len(found.trials), found.arch.count("|")
    (3, 9)
    """
    objective = objective_of(space, proxy, batch, seed, live)
    ranking: Ranking = rank_sum if isinstance(objective.proxies, Mapping) else by_score
    if finals is not None:
        judges_of(objective, finals.proxies)  # raises now, not after the search
    make = STRATEGIES[strategy] if isinstance(strategy, str) else strategy
    made: Strategy = make(objective.space, ranking)
    kind, scores = type(made).__qualname__, partial(keys, objective)
    with journals(folder, kind, seed, block, scores) as (history, journal):
        settings = {"budget": budget, "seed": seed, "block": block}
        every = list(trials(made, objective, history, executor=executor, **settings))
        places = None
        if finals is not None:
            places = held(every, ranking, objective, finals, journal, executor)
    return Found(objective.space, every, (ranked(every, ranking) or every)[0], places)


def score(
    space: Space | str,
    archs: Iterable[Arch | str],
    proxy: Proxies = "epsilon",
    *,
    batch: Batch | None = None,
    seed: int = 0,
    live: bool = True,
) -> list[Evaluation]:
    """The figures of architectures, which are given as tuples or in the space's notation.

    The other arguments are those of `search`. If an architecture fails, its score is NaN and the
    evaluation says the reason. Raises UsageError for what is not in the space.
    """
    objective = objective_of(space, proxy, batch, seed, live)
    return [objective.complete(arch) for arch in _read(objective.space, archs)]


def finals(
    space: Space | str,
    archs: Iterable[Arch | str],
    judges: Proxies = PANEL.proxies,
    *,
    batch: Batch | None = None,
    seed: int = 0,
    live: bool = True,
    executor: Executor = map,
) -> Standings:
    """Rank a set of architectures by the sum of the logarithms of their ranks by every judge.

    The arguments are those of `score`; every example of the batch counts. Raises UsageError for
    what is not in the space, or without an architecture.

    >>> from nas import finals
    >>> places = finals("nasbench201", ["1,1,1,1,1,1", "3,3,3,3,3,3"], ["params", "flops"])
    >>> [(place.arch, place.ranks["params"]) for place in places.finalists]
    [((3, 3, 3, 3, 3, 3), 1.0), ((1, 1, 1, 1, 1, 1), 2.0)]
    """
    objective = objective_of(space, judges, batch, seed, live)
    proxies = objective.proxies
    judging = proxies if isinstance(proxies, Mapping) else {type(proxies).__name__: proxies}
    examples = len(objective.batch.inputs)
    read = _read(objective.space, archs)
    if not read:
        raise UsageError("archs= must have an architecture or more")
    panel = jury(objective, judging, examples)
    return standings([*judged(dict.fromkeys(read), panel, History(), executor)])


def export(
    space: Space | str,
    arch: Arch | str,
    format: str = "source",
    out: str | Path | None = None,
    *,
    seed: int = 0,
    live: bool = True,
    replace: bool = False,
) -> Path:
    """Write a network to a file and return the file's path.

    `format`: `source` (one Python file in plain PyTorch), `weights` (safetensors), `pt2`
    (`torch.export`), `onnx`, or `json`. `out`: the file; None for the space's name in the current
    folder. `seed`: of the weights. Raises UsageError for a wrong argument, if the file is there
    and `replace` is false, or if a package is missing (`epsilon-nas[export]` has them).
    """
    from nas.exporting import content, model_of, suffix

    made = SPACES.build(space) if isinstance(space, str) else space
    (read,) = _read(made, [arch])
    model = model_of(Candidate(made, read, seed, live=live))
    path = Path(out or f"{model.space}{suffix(format)}")
    if path.exists() and not replace:
        raise UsageError(f"{path} is there already: replace=True replaces it, or give out=")
    written = content(model, format)
    with working_in(path.parent):
        replace_file(path, written)
    return path


def _read(space: Space, archs: Iterable[Arch | str]) -> list[Arch]:
    """Architectures of the space; raises UsageError for others."""
    given = [archs] if isinstance(archs, str) else archs
    return [space.read(arch) if isinstance(arch, str) else space.checked(arch) for arch in given]
