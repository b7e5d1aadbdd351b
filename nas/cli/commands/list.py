"""`nas list`: the plugins of every kind and the tables, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nas.cli.composition import positional, run_hydra
from nas.cli.config_files import combinations, combined_by, configs
from nas.cli.kinds import registries
from nas.cli.settings import ListSettings
from nas.errors import UsageError, unknown
from nas.registry import Registry
from nas.registry.described import described
from nas.registry.plugins import VARIABLE, failures, origin, unreadable
from nas.space import SPACES

TITLES = {
    "spaces": "space",
    "proxies": "proxy",
    "strategies": "strategy",
    "metrics": "metric",
    "batches": "batch",
    "rankings": "ranking",
    "executors": "executor",
    "trackers": "tracker",
}
"""The kinds of plugins by their headings, in the order in which they are shown."""
SHOWN = 6
"""Number of columns of a table that are named."""


def main(argv: Sequence[str]) -> None:
    """Print every registered plugin with the first line of its docstring and its source.

    Proxies end with the combinations of several. Then it prints the tables of true figures with
    their rows and columns, and the plugins that cannot be imported. Words choose among the kinds.
    """
    given, rest = positional(argv)
    kinds = {kind: title for title, kind in TITLES.items()}
    wanted = [kinds.get(word, word) for word in given] or [*TITLES, "tables"]
    for word in wanted:
        if word not in (*TITLES, "tables"):
            raise unknown("kind of plugin", word, [*TITLES, "tables"])

    def task(settings: ListSettings) -> None:
        found = registries()
        blocks = [_block(title, found[kind]) for title, kind in TITLES.items() if title in wanted]
        tables = [_tables(settings.data_dir)] if "tables" in wanted else []
        print("\n\n".join([*blocks, *tables, *_failed()]))

    run_hydra("list", ListSettings, task, rest)


def _block(title: str, registry: Registry[Any]) -> str:
    plugins = described(registry)
    width = max(map(len, plugins))
    lines = [title]
    for name, plugin in plugins.items():
        summary = plugin.docs.partition("\n")[0]
        lines.append(f"  {name:<{width}}  {summary}")
        lines.append(f"  {'':<{width}}  from {source(plugin.module, plugin.path)}")
    if title == "proxies" and (combined := combinations()):
        lines.append("combinations of proxies, chosen by proxy= like one")
        for name, parts in combined.items():
            lines.append(f"  {name:<{width}}  {' + '.join(parts.values())}, {combined_by(name)}")
            lines.append(f"  {'':<{width}}  from {configs('proxy')[name]}")
    return "\n".join(lines)


def _tables(setting: str | None) -> str:
    """The tables in the folder with their errors; if there are none, where to get one."""
    from nas.data.table_files import data_folder, tables_in

    try:
        folder = data_folder(setting)
        found = tables_in(folder)
    except UsageError as error:
        return f"tables\n  none: {error}"
    if not found:
        releases = [f"  {name}: {space.release}" for name, space in SPACES.items()]
        return "\n".join([f"tables\n  none in {folder}", *releases])
    width = max(len(name) for name in found)
    lines = [f"  {name:<{width}}  {_described(path)}" for name, path in found.items()]
    return "\n".join(["tables", *lines, f"  from {folder}"])


def _failed() -> list[str]:
    """The plugins that cannot be imported with the reasons, as one block; empty if none."""
    lines = [f"  {plugin}: {why}" for plugin, why in failures().items()]
    lines += [f"  {each}" for each in unreadable()]
    return ["\n".join(["plugins that cannot be imported", *lines])] if lines else []


def _described(path: Path) -> str:
    """Rows and columns of a table as text."""
    from nas.data.tables import ARCH, read

    try:
        table = read(path)
    except UsageError as error:
        return str(error)
    figures = table.figures
    shown = ", ".join(figures[:SHOWN]) or "no column of numbers"
    rest = len(figures) - SHOWN
    count = len(table.frame)
    parts = [
        f"{count:,} {'row' if count == 1 else 'rows'}",
        shown + (f" and {rest} more" if rest > 0 else ""),
    ]
    parts += table.spoiled.values()
    held = [space.columns for space in SPACES.values()]
    if not any({*columns} <= {*table.frame.columns} for columns in [(ARCH,), *held]):
        parts.append(f"no column '{ARCH}' (nas convert FILE arch=COLUMN makes one of another)")
    return "; ".join(parts)


def source(module: str, path: Path) -> str:
    """The distribution of a plugin's module and its file in it, or else the file's path."""
    distribution = origin(module)
    if distribution in ("", VARIABLE):
        return f"{distribution or 'no distribution'}, {path}"
    depth = module.count(".") + (path.stem == "__init__")
    return f"{distribution}, {'/'.join(path.parts[-1 - depth :])}"
