"""`nas score`: the score of architectures given by name, or of a network of the user's."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf, isnan, nan
from typing import TYPE_CHECKING, Any

from nas.cli.arguments import is_notation
from nas.cli.build import build_metrics, build_objective, build_ranking
from nas.cli.composition import positional, run_hydra
from nas.cli.config_files import options_of
from nas.cli.settings import ScoreSettings
from nas.cli.winners import with_winners
from nas.errors import UsageError, all_failed, unknown
from nas.notation import numbers
from nas.runs.summary import figures, metric_lines
from nas.scoring.attempt import described
from nas.space import Space
from nas.storage.files import path_of
from nas.storage.reading import content, decoded
from nas.trial import Evaluation, Trial, nullable

if TYPE_CHECKING:
    from nas.arch import Arch
    from nas.scoring.objective import ProxyObjective

FOR_SPACES = ("space", "ranking", "live")
"""Options that change nothing for a network of the user's."""


def main(argv: Sequence[str]) -> None:
    """Score the architectures among the arguments; Hydra gets the other arguments."""
    options = {*options_of("score"), "hydra"}
    words, rest = positional(argv, lambda word: is_notation(word, options))
    words, rest = with_winners(words, rest)
    rest = [_every_proxy() if word == "proxy=all" else word for word in rest]
    named = any(re.match(r"\+{0,2}(module|file)=", word) for word in rest)
    idle = [word for word in rest if re.match(rf"[+~]*({'|'.join(FOR_SPACES)})[.@=]", word)]

    def task(settings: ScoreSettings) -> None:
        own = (settings.module, settings.file) != (None, None)
        if own and not named:
            raise UsageError("a config says module or file: only the command line names code")
        if own and idle:
            raise UsageError(
                f"{idle[0]} is for a space, and module= or file= names none: leave it out"
            )
        run(settings, words)

    run_hydra("score", ScoreSettings, task, rest)


def _every_proxy() -> str:
    """The option with the names of all proxies."""
    from nas.scoring.modules import every

    return f"proxy=[{','.join(every())}]"


def run(settings: ScoreSettings, words: Sequence[str]) -> None:
    """Score the architectures of the words and the file `archs`; print a block or a line for each.

    If all fail by every proxy for the same reason, nothing is printed and the reason is the error.
    A proxy that fails has its reason in place of a score beside the scores of others.
    """
    if settings.module is not None or settings.file is not None:
        _run_module(settings, words)
        return
    if settings.inputs is not None:
        raise UsageError("inputs= is for module= and file=: a space says the shape of its inputs")
    texts = [*words, *_lines(settings.archs)]
    if not texts:
        raise UsageError("score needs an architecture, or archs=FILE with one a line")
    named = settings.metrics, settings.metric, None, settings.surrogate
    objective = build_objective(settings, build_metrics(*named))
    if sys.stderr.isatty() and (waits := objective.preparing):
        print(waits, file=sys.stderr, flush=True)
    held: list[str] = []
    reasons = set()
    archs = [_read(objective.space, text) for text in texts]
    each: Iterator[Evaluation] = map(objective.evaluate, archs)
    if _compares(settings):
        each = iter(_ranked(settings, archs, [*each]))
    for text, arch, found in zip(texts, archs, each, strict=True):
        held.append(_shown(objective, arch, found, settings, text))
        failed = found.failed and all(map(isnan, found.scores.values()))
        reasons.add(found.reason if failed else None)
        if reasons != {found.reason} or not failed:
            print("\n".join(held), flush=True)
            held.clear()
    if held:
        raise all_failed(reasons.pop() or "", len(texts))


def _compares(settings: ScoreSettings) -> bool:
    """Whether a value is one among the architectures, not a score that stands by itself."""
    return settings.ranking.name != "score" and settings.proxy.together


def _ranked(
    settings: ScoreSettings, archs: Sequence[Arch], found: Sequence[Evaluation]
) -> list[Evaluation]:
    """The evaluations with the ranking's values among each other in place of sums of scores."""
    ranking = build_ranking(settings.ranking, settings.proxy, settings.metrics)
    trials = [Trial.of(n, *pair) for n, pair in enumerate(zip(archs, found, strict=True))]
    alone = f"{settings.ranking.name} compares several architectures, and this is one"
    ranked = []
    for each, value in zip(found, ranking(trials), strict=True):
        if len(found) > 1 and value > -inf:
            ranked.append(replace(each, score=value, reason=""))
        else:
            ranked.append(replace(each, score=nan, reason=each.reason or alone))
    return ranked


def _run_module(settings: ScoreSettings, words: Sequence[str]) -> None:
    """Score the network that `module` or `file` names, and print a table, a line for each proxy.

    If everything fails, the first reason is the error.
    """
    if words or settings.archs is not None or None not in (settings.module, settings.file):
        raise UsageError(
            "module= or file= names the one network that is scored: give nothing else"
        )
    if settings.surrogate is not None:
        raise UsageError(
            "surrogate= is for a space, and module= or file= names none: leave it out"
        )
    from torch import zeros

    from nas.cli.modules import module_named
    from nas.one_module import OneModule
    from nas.scoring.modules import scores_of, suited

    option = "file" if settings.module is None else "module"
    make = module_named(option, settings.module or settings.file or "")
    example = None if settings.inputs is None else zeros(1, *settings.inputs)
    objective = build_objective(
        settings, build_metrics(settings.metrics, settings.metric), space=OneModule(make, example)
    )
    inputs = objective.batch.inputs
    if settings.inputs is not None and tuple(inputs.shape[1:]) != settings.inputs:
        found = list(inputs.shape[1:])
        raise UsageError(f"inputs={[*settings.inputs]}, and an example of the batch has {found}")
    batch = suited(make, objective.batch)
    objective = replace(objective, space=OneModule(make, batch.inputs[:2]), batch=batch)
    proxies = {name or settings.proxy.name: each for name, each in objective.named.items()}
    scores = scores_of(objective, {**proxies, **objective.measures})
    if all(row.failed for row in scores.values()):
        raise all_failed(next(iter(scores.values())).reason, 1)
    if settings.json:
        print(json.dumps(scores.to_dict(), ensure_ascii=False))
    else:
        print(scores)


def _read(space: Space, text: str) -> Arch:
    """The architecture of a text; raises UsageError about an option if it looks like one."""
    try:
        return space.read(text)
    except UsageError:
        name, equals, _ = text.partition("=")
        if equals and name.isidentifier() and name not in space.decisions:
            raise unknown("option of nas score", name, options_of("score")) from None
        raise


def _lines(path: str | None) -> list[str]:
    if path is None:
        return []
    file = path_of(path, "archs=")
    try:
        text = decoded(content(file))
    except (OSError, UnicodeError) as error:
        raise UsageError(f"archs={path} cannot be read: {error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _shown(
    objective: ProxyObjective, arch: Arch, found: Evaluation, settings: ScoreSettings, text: str
) -> str:
    values = _figures(objective, arch, found)
    if settings.json:
        return json.dumps(values, ensure_ascii=False)
    block = _block(values, objective, settings.ranking.name if _compares(settings) else "")
    order = objective.space.order if numbers(text.strip()) else ""
    return f"{block}\n  read as  {order}" if order else block


def _figures(objective: ProxyObjective, arch: Arch, found: Evaluation) -> dict[str, Any]:
    scores = {name: nullable(score) for name, score in found.scores.items()}
    own = objective.measures
    measures = figures(found.metrics, [*own])
    spreads = {name: each for name, each in found.metrics.items() if name not in measures}
    note = Trial.of(0, arch, found).note
    return {
        "arch": described(objective.space, arch),
        "tuple": list(arch),
        "score": nullable(found.score),
        "reason": found.reason or None,
        **({"scores": scores} if scores else {}),
        **({"reasons": {**found.reasons}} if found.reasons else {}),
        **measures,
        **({"spreads": figures(spreads, [*spreads])} if spreads else {}),
        **({"note": note} if note else {}),
        "seconds": round(found.seconds, 6),
    }


def _block(values: Mapping[str, Any], objective: ProxyObjective, ranking: str) -> str:
    score = values["score"]
    shown = f"none: {values['reason']}" if score is None else f"{score:.6g}"
    if ranking and score is not None:
        shown += f"   ({ranking} among these architectures)"
    return "\n".join(
        [
            values["arch"],
            f"  tuple    {tuple(values['tuple'])}",
            f"  score    {shown}",
            *(
                f"    {name}  {_none(values, name) if value is None else f'{value:.6g}'}"
                for name, value in values.get("scores", {}).items()
            ),
            *(f"  {line}" for line in metric_lines(values, objective.measures, width=9)),
            *(f"  {name:<8} {value}" for name, value in values.get("spreads", {}).items()),
            *([f"  note     {values['note']}"] if "note" in values else []),
            f"  seconds  {values['seconds']:.4f}",
        ]
    )


def _none(values: Mapping[str, Any], name: str) -> str:
    """What stands in place of a proxy's score: the reason, if it is not beside the sum already."""
    why = values["reasons"][name]
    return "none" if values["reason"] == f"{name}: {why}" else f"none: {why}"
