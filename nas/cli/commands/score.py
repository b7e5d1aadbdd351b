"""`nas score`: the score of architectures given by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.composition import positional, run_hydra
from nas.errors import UsageError
from nas.network import FLOPS_RULE
from nas.space import Arch, Space

if TYPE_CHECKING:
    from nas.scoring.objective import Objective


def main(argv: Sequence[str]) -> None:
    """Score the architectures among the arguments; the other arguments are Hydra's."""
    words, rest = positional(argv)
    run_hydra("score", lambda settings: run(settings, words), rest)


def run(settings: Mapping[str, Any], words: Sequence[str]) -> None:
    """Score what the words and the file `archs` name, and print a block or a line for each."""
    from nas.cli.build import make_objective

    texts = [*words, *_lines(settings["archs"])]
    if not texts:
        raise UsageError("score needs an architecture, or archs=FILE with one a line")
    objective = make_objective(settings)
    for arch in [objective.space.read(text) for text in texts]:
        figures = _figures(objective, arch)
        if settings["json"]:
            print(json.dumps(figures, ensure_ascii=False), flush=True)
        else:
            print(_block(figures), flush=True)


def _lines(path: object) -> list[str]:
    if path is None:
        return []
    if not isinstance(path, str):
        raise UsageError(f"archs={path} must be the name of a file")
    try:
        text = Path(path).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"archs={path} cannot be read: {error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _figures(objective: Objective, arch: Arch) -> dict[str, Any]:
    form = objective.form(arch)  # as a search does
    evaluation = objective(form)
    if form != arch:
        evaluation = evaluation.owned(objective.metrics(arch))
    space: Space = objective.space
    return {
        "arch": space.format(arch),
        "tuple": list(arch),
        "score": None if isnan(evaluation.score) else evaluation.score,
        "reason": evaluation.reason or None,
        **({"scores": _nullable(evaluation.scores)} if evaluation.scores else {}),
        "params": int(evaluation.metrics["params"]),
        "flops": int(evaluation.metrics["flops"]),
        "seconds": round(evaluation.seconds, 6),
    }


def _nullable(scores: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if isnan(score) else score for name, score in scores.items()}


def _block(figures: Mapping[str, Any]) -> str:
    score = figures["score"]
    shown = f"none: {figures['reason']}" if score is None else f"{score:.6g}"
    return "\n".join(
        [
            figures["arch"],
            f"  tuple    {tuple(figures['tuple'])}",
            f"  score    {shown}",
            *(
                f"    {name}  {'none' if value is None else f'{value:.6g}'}"
                for name, value in figures.get("scores", {}).items()
            ),
            f"  params   {figures['params']:,}",
            f"  FLOPs    {figures['flops']:,}   ({FLOPS_RULE})",
            f"  seconds  {figures['seconds']:.4f}",
        ]
    )
