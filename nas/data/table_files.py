"""The folder of tables and the files in it, found without reading one."""

from __future__ import annotations

from pathlib import Path

from nas.errors import UsageError

SUFFIXES = (".csv", ".csv.gz", ".parquet")


def data_folder(setting: str | None, there: bool = True) -> Path:
    """The folder of tables: `setting`, or else the user's data folder.

    Raises UsageError if `setting` must be `there` and is not a folder.
    """
    if not setting:  # NAS_DATA may be empty
        from platformdirs import user_data_path

        return user_data_path("epsilon-nas", appauthor=False)
    folder = Path(setting).expanduser()
    if there and not folder.is_dir():
        raise UsageError(f"data_dir={setting} is no folder: give one with tables, or null")
    return folder


def tables_in(folder: Path) -> dict[str, Path]:
    """The files that may be tables, by name; of equal names the first of `SUFFIXES` counts."""
    found: dict[str, Path] = {}
    for suffix in SUFFIXES:
        for path in sorted(folder.glob(f"*{suffix}")) if folder.is_dir() else []:
            found.setdefault(path.name.removesuffix(suffix), path)
    return found
