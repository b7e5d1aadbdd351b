"""The Pareto front of a search: in its summary, as text, as CSV, and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.ranking import Ranking
from nas.scoring.attempt import described
from nas.space import Space
from nas.storage.files import replace_file
from nas.trial import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nas.searching.pareto import Front

TABLE, PICTURE = "front.csv", "front.png"
SHOWN = 20
"""So many points of a front are in the text; all are in the table."""
WORST = "the worst of the scored trials in each objective"


def front_in(
    trials: Sequence[Trial],
    space: Space,
    ranking: Ranking,
    reference: Sequence[float] | None,
    winner: int | None,
) -> dict[str, Any] | None:
    """The front as plain values; None for a search with one objective or without a score.

    `winner` is the number of the trial that the search returns. It may be beside the front where
    another ranking or the finals chose it, so its figures are there, too.
    """
    if not getattr(ranking, "objectives", ()) and not any(trial.scores for trial in trials):
        return None  # without numpy: most searches have one objective
    from nas.searching.pareto import front

    found = front(trials, ranking, reference)
    if found is None or not found.trials:
        return None
    names = found.objectives
    return {
        "objectives": [*names],
        "winner": None if winner is None else found.values(winner),
        "hypervolume": found.hypervolume,
        "reference": dict(zip(names, found.reference.tolist(), strict=True)),
        "reference_is": "given" if found.given else WORST,
        "points": [
            {
                "arch": described(space, trial.arch),
                "tuple": [*trial.arch],
                "trial": trial.number,
                "values": dict(zip(names, point, strict=True)),
            }
            for trial, point in zip(found.trials, found.points.tolist(), strict=True)
        ],
        "growth": [{"trial": number, "hypervolume": volume} for number, volume in found.growth],
    }


def front_lines(front: Mapping[str, Any]) -> list[str]:
    """The front as lines: its points from the best by the first objective down, its volume."""
    names, points = front["objectives"], front["points"]
    widths = [max(len(name) + 2, 14) for name in names]
    head = "".join(f"{name:>{width}}" for name, width in zip(names, widths, strict=True))
    count = "1 architecture" if len(points) == 1 else f"{len(points)} architectures"
    lines = [f"the front: {count} that no other trial dominates", f"{head}   trial  architecture"]
    for point in points[:SHOWN]:
        values = point["values"]
        cells = "".join(f"{values[n]:>{w}.6g}" for n, w in zip(names, widths, strict=True))
        lines.append(f"{cells}{point['trial']:>8}  {point['arch']}")
    if len(points) > SHOWN:
        lines.append(f"        … and {len(points) - SHOWN} more")
    reference = ", ".join(f"{name} = {value:.6g}" for name, value in front["reference"].items())
    return [
        *lines,
        f"hypervolume {front['hypervolume']:.6g} above {reference}: {front['reference_is']}",
        f"        it grew {len(front['growth'])} times, last in trial "
        f"{front['growth'][-1]['trial']}"
        if front["growth"]
        else "        no trial is above that point in all objectives",
    ]


def front_table(front: Mapping[str, Any]) -> str:
    """The front as CSV: a row an architecture, a column an objective."""
    import csv
    from io import StringIO

    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arch", *front["objectives"], "trial"])
    for point in front["points"]:
        writer.writerow([point["arch"], *point["values"].values(), point["trial"]])
    return text.getvalue()


def front_picture(found: Front, total: int, winner: Mapping[str, float] | None) -> Figure:
    """The trials and the front by the first two objectives, and the growth of the hypervolume.

    `total` is the number of all trials. The `winner` of these figures has a ring around it. No
    global state of matplotlib is used.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    if len(found.trials):
        _points(left, found, winner)
        numbers, volumes = zip(*found.growth, strict=True) if found.growth else ((0,), (0.0,))
        right.step([*numbers, total - 1], [*volumes, volumes[-1]], where="post", color="C0")
    for set_label, name in zip((left.set_xlabel, left.set_ylabel), found.objectives, strict=False):
        set_label(name, parse_math=False)  # names are not formulas
    right.set_xlabel("trial")
    right.set_ylabel("hypervolume")
    return figure


def _points(axes: Axes, found: Front, winner: Mapping[str, float] | None) -> None:
    """All trials in grey, the front in colour; with two objectives with its steps."""
    axes.plot(found.cloud[:, 0], found.cloud[:, 1], ".", color="0.7", ms=4, label="trials")
    first, second = found.points[:, 0], found.points[:, 1]
    axes.plot(first, second, "o", color="C0", ms=4, label="front")
    if len(found.objectives) == 2:
        axes.step(first, second, where="post", color="C0", lw=1)
    if winner is not None:
        x, y = (winner[name] for name in found.objectives[:2])
        axes.plot([x], [y], "o", mfc="none", mec="C3", ms=9, label="found")
    axes.legend(frameon=False)


def write_front(
    folder: Path,
    trials: Sequence[Trial],
    ranking: Ranking,
    summary: Mapping[str, Any],
) -> None:
    """Write the table and the picture of the summary's front into the folder, if it has one."""
    if summary["front"] is None:
        return
    from io import BytesIO

    from nas.searching.pareto import front

    replace_file(folder / TABLE, front_table(summary["front"]))
    found = front(trials, ranking, summary["reference"])
    if found is not None:
        image = BytesIO()
        winner = summary["front"]["winner"]
        front_picture(found, len(trials), winner).savefig(image, dpi=120)
        replace_file(folder / PICTURE, image.getvalue())
