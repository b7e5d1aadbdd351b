"""A study as text for a terminal, and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from io import StringIO
from typing import Any

from nas.compare.text import table

Row = Mapping[str, Any]
NOTHING = "–"


def rendered(study: Row) -> str:
    """The final table: a row for each variant, the best first."""
    rows = study["rows"]
    lines = [_line(row, rows[0]) for row in rows]
    heads = ["variant", "searches", "mean", "95 %", "median"]
    heads += ["regret"] if study["best"] is not None else []
    heads += ["less the best's", "95 %", "p", "p (Holm)"] if study["pairs"] else []
    better = "lower" if study["lower_is_better"] else "higher"
    known = f" · best possible {study['best']:.6g}" if study["best"] is not None else ""
    parts = [
        f"{study['report']} of {study['of']} ({better} is better){known} · "
        f"{searches(study['searches_in_all'])}",
        table(heads, [line[: len(heads)] for line in lines]),
    ]
    if study["pairs"]:
        parts.append(f"[{study['interval']}; {study['test']}]")
    return "\n".join([*parts, *(f"note    {note}" for note in study["notes"])])


def _line(row: Row, best: Row) -> list[str]:
    """The cells of a row; a study without tests shows fewer of them."""
    cells = [row["variant"], str(row["searches"]), number(row["mean"]), ends(row)]
    cells.append(number(row["median"]))
    if row["regret"] is not None:
        cells.append(number(row["regret"]["mean"]))
    other = row["to_best"]
    if row is best or other is None:
        return [*cells, *[NOTHING] * 4]
    return [*cells, number(other["mean"], "+"), ends(other, "+"), *map(p, _tests(other))]


def _tests(other: Row) -> tuple[float | None, float | None]:
    return other["p"], other["p_holm"]


def searches(count: int) -> str:
    """A number of searches in words."""
    return f"{count:,} {'search' if count == 1 else 'searches'}"


def number(value: float | None, sign: str = "") -> str:
    """A figure to six digits."""
    return NOTHING if value is None else f"{value:{sign}.6g}"


def ends(figure: Row, sign: str = "") -> str:
    """The ends of an interval."""
    if figure["low"] is None or figure["high"] is None:
        return NOTHING
    return f"[{figure['low']:{sign}.5g}, {figure['high']:{sign}.5g}]"


def p(value: float | None) -> str:
    """A p-value."""
    if value is None:
        return NOTHING
    return "<1e-4" if value < 1e-4 else f"{value:.2g}"


COLUMNS = (
    *("variant", "searches", "with_figure", "mean", "low", "high", "median", "sd"),
    *("regret", "regret_low", "regret_high", "trials", "seconds"),
    *("to_best", "to_best_low", "to_best_high", "p", "p_holm"),
)


def table_csv(study: Row) -> str:
    """One row for each variant; a cell is empty where there is no figure."""
    rows = []
    for row in study["rows"]:
        regret, other = row["regret"] or {}, row["to_best"] or {}
        flat = {name: row[name] for name in COLUMNS if name in row and name not in _NESTED}
        flat |= {"regret": regret.get("mean"), "to_best": other.get("mean")}
        for name, of in (("regret", regret), ("to_best", other)):
            flat |= {f"{name}_{end}": of.get(end) for end in ("low", "high")}
        rows.append({**flat, "p": other.get("p"), "p_holm": other.get("p_holm")})
    return written(COLUMNS, rows)


_NESTED = ("regret", "to_best")
POINT = ("trials", "mean", "low", "high", "searches")


def curves_csv(study: Row) -> str:
    """One row for each figure, variant and point of its curve."""
    rows = [
        {"figure": figure, "variant": name, **dict(zip(POINT, point, strict=True))}
        for figure, curves in study["curves"].items()
        for name, curve in curves.items()
        for point in zip(*(curve[key] for key in POINT), strict=True)
    ]
    return written(("figure", "variant", *POINT), rows)


def searches_csv(study: Row) -> str:
    """One row for each search: what it returned."""
    archs = ("tuple", "front")
    rows = [
        {key: _archs(value) if key in archs else value for key, value in row.items()}
        for row in study["searches"]
    ]
    return written(list(dict.fromkeys(key for row in rows for key in row)), rows)


def _archs(value: Any) -> str:
    """One architecture as a tuple, or several."""
    if not value:
        return ""
    return str(tuple(value)) if isinstance(value[0], int) else " ".join(map(_archs, value))


def written(columns: Any, rows: Any) -> str:
    """Rows as CSV."""
    text = StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
