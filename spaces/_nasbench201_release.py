"""Reads the official releases of NAS-Bench-201 and NATS-Bench (topology) without running code.

The layout is that of the official interfaces, nas-bench-201 2.1 (`nas_201_api`) and nats-bench
1.8. For every cell and both schedules it has the state of an `ArchResults`, whose
`all_results[dataset, seed]` have `eval_acc1es["split@epoch"]`, `params` and `flop` (in millions).
"""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import IO, Any
from zipfile import ZipFile

from nas import UsageError
from nas.data import pickles
from nas.storage.reading import check_regular, limit, opened, unpacked

ACCURACIES = {
    "cifar10_test": ("cifar10", "ori-test"),
    "cifar10valid_valid": ("cifar10-valid", "x-valid"),
    "cifar10valid_test": ("cifar10-valid", "ori-test"),
    "cifar100_valid": ("cifar100", "x-valid"),
    "cifar100_test": ("cifar100", "x-test"),
    "ImageNet16_120_valid": ("ImageNet16-120", "x-valid"),
    "ImageNet16_120_test": ("ImageNet16-120", "x-test"),
}
"""For each column: the training data, and the split of the evaluation after the last epoch."""
SCHEDULES = {"": ("full", "200"), "_12ep": ("less", "12")}
"""For each ending of a column: the schedule's names. One has 200 epochs, the other 12."""
COSTS = {"params_M": "params", "flops_M": "flop"}
CORRECTED = 888
"""If the seeds disagree, the official interface takes the costs of this seed."""
MAGIC = 0x1950A86A20F9469CFC6C
"""The pickled number at the start of a file of torch.save from before it wrote zip files."""
PICKLED = ".pickle.pbz2"
LARGE = 500e6
"""A file of more bytes that must be read as a whole gives a warning."""

Figures = tuple[str, dict[str, float]]


def read(path: Path) -> Iterator[Figures]:
    """The cells of a release with their figures, which are means over the seeds.

    `path` is a .pth file of NAS-Bench-201, or NATS-tss of NATS-Bench: its single .pickle.pbz2
    file, the folder of many such files, or the tar file of this folder. Raises UsageError for
    anything else.
    """
    try:
        for results in _every(path):
            yield _cell(results)
    except (UsageError, MemoryError):
        raise
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged pickle may raise any class
        reason = (str(error) or type(error).__name__).partition("\n")[0]
        raise UsageError(f"{path} is no release of NAS-Bench-201 ({reason})") from error


def _every(path: Path) -> Iterator[Mapping[str, Any]]:
    """The states of both schedules for every cell of the release."""
    if path.is_dir():
        files = [file for file in sorted(path.glob(f"*{PICKLED}")) if _is_cell(file.name)]
        if not files:
            raise UsageError(f"{path} has no files 000000{PICKLED} and so on of NATS-Bench")
        for file in files:
            with opened(file, "bz2") as stream:
                yield pickles.read(stream, limit(file))
    elif path.name.endswith(".tar"):
        yield from _in_tar(path)
    elif path.name.endswith((".pth", PICKLED)):
        yield from _in_file(path)
    else:
        raise UsageError(
            f"{path} is no table (.csv, .csv.gz, .parquet) and no release of NAS-Bench-201 "
            f"(a .pth, {PICKLED} or .tar file, or a folder)"
        )


def _is_cell(name: str) -> bool:
    return name.endswith(PICKLED) and name != f"meta{PICKLED}"


def _in_tar(path: Path) -> Iterator[Mapping[str, Any]]:
    empty = True
    check_regular(path)
    with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            inner = archive.extractfile(member) if _is_cell(Path(member.name).name) else None
            if inner is not None:
                empty = False
                with unpacked(inner, path, "bz2") as stream:
                    yield pickles.read(stream, limit(path))
        file.seek(archive.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise ValueError("it is cut short")
    if empty:
        raise ValueError(f"it has no files {PICKLED}")


def _in_file(path: Path) -> Iterator[Mapping[str, Any]]:
    check_regular(path)
    if path.stat().st_size > LARGE:
        print(
            f"{path} is read as a whole, which takes about five times its unpacked size of "
            f"memory; NATS-Bench's folder or .tar file is read cell by cell",
            file=sys.stderr,
        )
    if path.suffix == ".pth":
        with path.open("rb") as file:
            content = _saved(file, path)
    else:
        with opened(path, "bz2") as stream:
            content = pickles.read(stream, limit(path))
    cells = content["arch2infos"]
    for number in sorted(cells):
        yield cells[number]


def _saved(file: IO[bytes], path: Path) -> Any:
    """The content of a file of torch.save: a zip file, or before torch 1.6 several pickles."""
    if file.read(4) == b"PK\3\4":
        with ZipFile(file) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            with archive.open(name) as member, unpacked(member, path) as stream:
                return pickles.read(stream, limit(path))
    file.seek(0)
    with unpacked(file, path) as stream:
        magic, _, _ = (pickles.read(stream, limit(path)) for _ in range(3))
        if magic != MAGIC:
            raise ValueError("torch.save did not write it")
        return pickles.read(stream, limit(path))


def _cell(results: Mapping[str, Any]) -> Figures:
    """A cell and its figures."""
    archs = set()
    figures: dict[str, float] = {}
    costs: dict[str, float] = {}
    for ending, names in SCHEDULES.items():
        for state in (results[name] for name in names if name in results):
            archs.add(state["arch_str"])
            figures |= {f"{key}{ending}": value for key, value in _accuracies(state).items()}
            costs = costs or _costs(state)
    if len(archs) != 1:
        raise ValueError(f"it has a cell of {len(archs)} architectures")
    return archs.pop(), figures | costs


def _accuracies(state: Mapping[str, Any]) -> dict[str, float]:
    found = {}
    for column, (dataset, split) in ACCURACIES.items():
        runs = _runs(state, dataset).values()
        values = [run["eval_acc1es"].get(f"{split}@{run['epochs'] - 1}") for run in runs]
        if values and None not in values:
            found[column] = fmean(values)
    return found


def _costs(state: Mapping[str, Any]) -> dict[str, float]:
    """Parameters and operations in millions, with 10 classes."""
    runs = _runs(state, "cifar10") or _runs(state, "cifar10-valid")
    found = {}
    for column, key in COSTS.items() if runs else ():
        values = {seed: run[key] for seed, run in runs.items()}
        if len({f"{value:.5f}" for value in values.values()}) > 1 and CORRECTED in values:
            found[column] = float(values[CORRECTED])
        else:
            found[column] = fmean(values.values())
    return found


def _runs(state: Mapping[str, Any], dataset: str) -> dict[int, Mapping[str, Any]]:
    """The results of every training on a data set, by seed."""
    seeds = state["dataset_seed"].get(dataset, ())
    return {seed: state["all_results"][dataset, seed] for seed in seeds}
