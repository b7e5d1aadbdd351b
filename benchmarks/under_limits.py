"""Measures what proxies choose under limits on latency, from one score for every function.

    python -m benchmarks.whole_space functions --data FOLDER --out functions.csv
    nas compare table=functions.csv target=figure sample=all 'proxy=[epsilon,naswot,swap]' out=A …
    nas compare table=functions.csv target=figure sample=all proxy=az_nas out=B …
    python -m benchmarks.under_limits A/scores.jsonl B/scores.jsonl --data FOLDER
        [--under lat_ms_pixel3 lat_ms_raspi4] [--limits 12] [--proxies epsilon …] [--out DIR]

FOLDER has `nasbench201.csv.gz`. It is `nas compare under=… finals=panel` over the whole space, but
each of the 15,625 cells has the score of its function, so that 5,044 scores of a proxy are enough.
The comparisons may be stopped: cells count whose functions all proxies have scored. The finals
judge the best 128 by epsilon of different functions with the scores of the panel that are there:
so give the comparisons 64 examples, as finals have. If some are missing, their functions are
written to `finalists.csv`, a table to score next. It prints a Markdown table for each column and
draws `under.png` into DIR.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

import numpy as np

from benchmarks.whole_space import write
from nas import SPACES, Arch, Evaluation, Panel, ProxyObjective, Space
from nas.compare.judging import Finals, under_limits
from nas.compare.pictures import under as drawn
from nas.compare.sample import Comparison
from nas.compare.scores import Scores
from nas.compare.under import Cost, limited
from nas.data import tables
from nas.data.sources import make_batch

PROXIES = ("epsilon", "naswot", "params", "flops")
PARTS = {"az_nas": ("expressivity", "progressivity", "trainability", "flops")}
"""The proxies that a combination ranks."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("scores", nargs="+", type=Path)
    parser.add_argument("--data", default=os.environ.get("NAS_DATA"))
    parser.add_argument("--target", default="cifar10_test")
    parser.add_argument("--under", nargs="+", default=["lat_ms_pixel3", "lat_ms_raspi4"])
    parser.add_argument("--limits", type=int, default=12)
    parser.add_argument("--proxies", nargs="+", default=[*PROXIES, "az_nas"])
    parser.add_argument("--finals", default="epsilon", help="whose best are judged, or none")
    parser.add_argument("--out", type=Path)
    options = parser.parse_intermixed_args()
    if options.data is None:
        parser.error("--data or NAS_DATA must be the folder of tables")
    space = SPACES.build("nasbench201")
    table = tables.read(tables.tables_in(Path(options.data))["nasbench201"])
    needed = {part for name in options.proxies for part in PARTS.get(name, (name,))}
    finals = None if options.finals == "none" else Finals(options.finals, Panel())
    judging = {*(finals.panel.proxies if finals else ())}
    scored = scores(options.scores, needed | judging)
    truth = tables.truth(table, space, options.target, "error", "error")
    forms = {arch: space.canonical(arch) for arch in truth.archs}
    archs = [arch for arch in truth.archs if all(forms[arch] in scored[name] for name in needed)]
    true = dict(zip(truth.archs, truth.values, strict=True))
    figures = [column(table, space, name) for name in options.under]
    costs = zip(options.under, figures, strict=True)
    limits = [limited(Cost(name, options.limits, known), archs, ()) for name, known in costs]
    comparison = Comparison(
        space,
        archs,
        {name: [scored[name][forms[arch]] for arch in archs] for name in sorted(needed)},
        truth,
        np.array([true[arch] for arch in archs]),
        {name: PARTS[name] for name in options.proxies if name in PARTS},
        costs={each.name: each.costs for each in limits},
    )

    def verdicts(judges: ProxyObjective, few: Sequence[Arch]) -> dict[str, list[Evaluation]]:
        every = {forms[arch] for arch in few}
        lack = {form for form in every if any(form not in scored[name] for name in judges.named)}
        if lack:
            write(Path("finalists.csv"), space, {form: true[form] for form in sorted(lack)})
            names = ", ".join(judges.named)
            sys.exit(f"{len(lack)} functions in finalists.csv lack scores of {names}")
        return {name: [scored[name][forms[arch]] for arch in few] for name in judges.named}

    objective = ProxyObjective(space, {}, make_batch(space, "natural", size=1))
    found = under_limits(comparison, limits, objective, finals, verdicts)
    for each in found["under"]:
        rows = {row["proxy"]: row for row in each["rows"]}
        judged = [finals.row] if finals else []
        each["rows"] = [rows[name] for name in (*options.proxies, *judged)]
        print(f"{each['name']}, {len(archs):,} cells\n\n{markdown(each)}\n")
    if options.out is not None:
        shown = {**found, "truth": {"target": options.target}}
        drawn(comparison, shown).savefig(options.out / "under.png", dpi=120, bbox_inches="tight")


def scores(paths: Sequence[Path], names: set[str]) -> dict[str, dict[Arch, Evaluation]]:
    """Every proxy's evaluation of every function that is in the files."""
    found: dict[str, dict[Arch, Evaluation]] = {name: {} for name in names}
    for path in paths:
        for (_, proxy, form), evaluation in Scores.read(path).known.items():
            if proxy in found:
                found[proxy][form] = evaluation
    return found


def column(table: tables.Table, space: Space, name: str) -> Mapping[Arch, float]:
    """A figure of every cell."""
    found = tables.truth(table, space, name, "error", "error")
    return dict(zip(found.archs, found.values, strict=True))


def markdown(under: Mapping[str, Any]) -> str:
    """The table: one line a limit, one column a proxy; the best proxy of a line in bold."""
    rows = under["rows"]
    heads = ["limit", "cells", "best", *(f"`{row['proxy']}`" for row in rows), "at random"]
    lines = [heads, ["---"] * len(heads)]
    for place, fact in enumerate(under["limits"]):
        truths = [row["picks"][place]["truth"] for row in rows]
        shown = [f"**{each:.2f}**" if each == max(truths) else f"{each:.2f}" for each in truths]
        best, mean = fact["best"]["truth"], fact["mean"]
        lines.append(
            [f"{fact['limit']:.4g}", f"{fact['meet']:,}", f"{best:.2f}", *shown, f"{mean:.2f}"]
        )
    for title, name in (
        ("mean gap", "mean_gap"),
        ("largest gap", "largest_gap"),
        ("area", "area"),
    ):
        every = [row[name] for row in rows]
        shown = [f"**{each:.3g}**" if each == min(every) else f"{each:.3g}" for each in every]
        lines.append([title, "", "", *shown, f"{under['at_random'][name]:.3g}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
