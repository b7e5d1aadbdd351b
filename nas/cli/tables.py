"""The table of true figures that a search has at hand, and the metrics that are its columns."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.settings import SearchSettings
from nas.errors import UsageError
from nas.metric import METRICS, Metric
from nas.runs.truth import DIGESTS
from nas.space import Space

if TYPE_CHECKING:
    from nas.data.lookup import Column, Figures


def table_of(settings: SearchSettings) -> Column | None:
    """The table of the settings with its target, or None; UsageError if there is no such file."""
    if settings.table is None:
        if settings.target is not None:
            raise UsageError(f"target={settings.target} needs a table: give table=NAME or a file")
        return None
    from nas.data.lookup import Column

    rules = settings.duplicates, settings.foreign
    return Column.of(settings.table, settings.target, settings.data_dir, *rules)


def recorded_table(settings: SearchSettings, record: Mapping[str, Any]) -> Column | None:
    """The table of a recorded search, with the content that it had; the file may be gone."""
    from nas.data.lookup import Column

    digests = record.get(DIGESTS)
    if settings.table is None or not isinstance(digests, list) or not digests:
        return None
    try:
        found = table_of(settings)
    except UsageError:
        found = None
    if found is not None and found.sha256 in digests:
        return found
    path = Path(settings.table) if found is None else found.path
    return Column(path, settings.target, settings.duplicates, settings.foreign, str(digests[0]))


def figures_or_note(table: Column | None, space: Space) -> Figures | None:
    """The true figures of a table for a report; None with a note if they cannot be read."""
    if table is None:
        return None
    try:
        return table.figures(space)
    except UsageError as error:
        print(f"note: the true figures are left out: {error}", file=sys.stderr)
        return None


def titles(search: SearchSettings, table: Column | None) -> dict[str, Metric]:
    """The metrics of a recorded search as they are shown; no file is read."""
    from nas.cli.surrogates import TargetTitle
    from nas.metrics.table import TableColumn

    return {
        name: TargetTitle()
        if search.surrogate is not None and name not in METRICS
        else METRICS.build(name, **search.metric.get(name, {}))
        if table is None or name in METRICS
        else TableColumn(table, name)
        for name in search.metrics
    }
