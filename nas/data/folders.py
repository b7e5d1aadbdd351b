"""Folders of pictures: PNG and JPEG files, whose subfolders may be their classes."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from nas.data.checks import described_labels, numbered
from nas.data.examples import Examples, check_count, remark
from nas.data.picture_files import found
from nas.errors import UsageError
from nas.seeding import numpy_generator
from nas.storage.reading import check_regular, check_size

PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "eval", "dev"}
"""Subfolders of these names alone are parts of a data set and no classes."""
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""What colours a text in a terminal."""
LONGEST = 200
"""Characters of another package's message that are quoted."""
NAMED = 3
"""Files that could not be read and are named."""
Shape = tuple[int, int, int]


def read(
    path: Path,
    size: int | None,
    shape: Shape,
    shuffle: bool | None,
    seed: int,
    known: Sequence[str] | None = None,
) -> Examples:
    """`size` pictures (None: all) of a folder as uint8 (size, *shape), with 1 or 3 channels.

    If all pictures lie in two subfolders or more, these are their classes, numbered in sorted
    order; then every class has equally many, to one, as long as it has so many, and they are drawn
    from the seed unless `shuffle` is false. Other folders have no labels and give the first
    pictures by name, unless `shuffle` is true. A file that cannot be read is left out with a
    remark, and so are pictures of other kinds. A subfolder that has none but these is a class
    without a picture. `known` are the classes that other data has: a single subfolder is then a
    class, too. UsageError where there are too few, and for a class that is not known.
    """
    there = found(path)
    files = there.files
    classes = _classes(path, files, there.empty, known)
    groups: list[list[Path]] = [[] for _ in classes or [""]]
    for file in files:
        groups[classes.index(file.relative_to(path).parts[0]) if classes else 0].append(file)
    if shuffle or (shuffle is None and classes):
        rng = numpy_generator("batch", seed)
        groups = [[group[place] for place in rng.permutation(len(group))] for group in groups]
    pictures: list[Tensor] = []
    labels: list[int] = []
    bad: dict[Path, str] = {}
    for label, pixels in _in_turn(groups, shape, bad):
        pictures.append(pixels)
        labels.append(label)
        if len(pictures) == size:
            break
    if not pictures and bad:
        raise UsageError(_unreadable(bad, "no other picture is there"))
    also = f"; {there.left_out}" if there.others else ""
    check_count(path, len(pictures), size or 1, "images", _unreadable(bad, "") if bad else also)
    skipped = tuple([remark(_unreadable(bad, "left out"))] if bad else [])
    skipped += tuple([there.left_out] if there.others else [])
    if not classes:
        beside = {file.parent for file in files} > {path}
        mixed = ("no labels: pictures lie beside subfolders, not only in them",) if beside else ()
        return Examples(torch.cat(pictures), None, "", skipped + mixed)
    own = torch.tensor(labels)
    if known is not None and not known:  # the others' labels are numbers
        own = torch.from_numpy(numbered(np.array(classes)[labels], known, _labels(path)))
    origin = remark(described_labels(own, classes, "from subfolders"))
    numbers = {label: name for label, name in enumerate(classes) if name not in there.empty}
    skipped += _without_pictures(classes, there.empty) + _unbalanced(labels, numbers)
    return Examples(torch.cat(pictures), own, origin, skipped, classes)


def _labels(path: Path) -> str:
    return f"the labels of {path}"


def _classes(
    path: Path, files: Sequence[Path], empty: Collection[str], known: Sequence[str] | None
) -> tuple[str, ...]:
    """The subfolders that are the classes of the pictures, in sorted order, or none.

    With `known` classes it is these; UsageError for a subfolder that is none of them.
    """
    places = [file.relative_to(path).parts for file in files]
    names = tuple(sorted({parts[0] for parts in places}))
    if any(len(parts) == 1 for parts in places) or len(names) < (2 if known is None else 1):
        return ()
    if known and ({*names} <= {*known} or not {name.lower() for name in names} <= PARTS):
        numbered(np.array(names), known, _labels(path))
        return tuple(known)
    if {name.lower() for name in names} <= PARTS:
        raise UsageError(
            f"{path} has the parts {', '.join(names)}, and no classes: take one of them, such as "
            f"batch.path={path / names[-1]}"
        )
    return tuple(sorted({*names, *empty}))


def _in_turn(
    groups: Sequence[Sequence[Path]], shape: Shape, bad: dict[Path, str]
) -> Iterator[tuple[int, Tensor]]:
    """A picture of each group in turn, as long as there are any; `bad` gets what is none."""
    queues = [deque(group) for group in groups]
    while any(queues):
        for label, queue in enumerate(queues):
            while queue:
                file = queue.popleft()
                try:
                    pixels = _pixels(file, shape)
                except UsageError:
                    raise
                except Exception as error:  # Pillow raises many classes for damaged files
                    bad[file] = reason(error)
                    continue
                yield label, pixels
                break


def _unreadable(bad: dict[Path, str], then: str) -> str:
    """A sentence, or its end, that names files that are no pictures."""
    first, why = next(iter(bad.items()))
    if then == "left out" and len(bad) > 1:
        names = ", ".join(file.name for file in list(bad)[:NAMED])
        more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
        return f"left out {len(bad)} files that are no readable PNG or JPEG ({names}{more})"
    text = f"{first} is no readable PNG or JPEG image ({why})"
    if len(bad) > 1:
        text += f", like {len(bad) - 1} more"
    if not then:
        return f"; {text}"
    return f"left out: {text}" if then == "left out" else f"{text}, and {then}"


def _without_pictures(classes: Sequence[str], empty: Collection[str]) -> tuple[str, ...]:
    """The remark that classes have no picture; their labels stay theirs."""
    bare = [(label, name) for label, name in enumerate(classes) if name in empty]
    if not bare:
        return ()
    named = ", ".join(f"{name} (label {label})" for label, name in bare[:NAMED])
    more = f" and {len(bare) - NAMED} more" if len(bare) > NAMED else ""
    return (remark(f"no picture is in the subfolders of {named}{more}"),)


def _unbalanced(labels: Sequence[int], classes: Mapping[int, str]) -> tuple[str, ...]:
    counts = Counter(labels)
    numbers = {label: counts[label] for label in classes}
    most, fewest = max(numbers.values()), min(numbers.values())
    if most - fewest <= 1:
        return ()
    least = next(label for label in classes if numbers[label] == fewest)
    return (
        remark(
            f"classes are not balanced: {classes[least]} has {fewest} pictures, others up "
            f"to {most}"
        ),
    )


def reason(error: Exception) -> str:
    """The begin of the first line of an error's message, which may quote a part of the file."""
    line = COLOURS.sub("", str(error)).partition("\n")[0] or type(error).__name__
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} ..."


def _pixels(file: Path, shape: Shape) -> Tensor:
    """A picture as uint8 (1, *shape), upright; what is transparent becomes white."""
    check_regular(file)
    with _picture(file) as picture:
        array = _array(picture, "L" if shape[0] == 1 else "RGB")
    pixels = torch.from_numpy(array)
    pixels = pixels[None, None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)[None]
    if pixels.shape[2:] != shape[1:]:
        resized = F.interpolate(pixels.float(), shape[1:], mode="bilinear", antialias=True)
        pixels = resized.round().clamp(0, 255).to(torch.uint8)
    return pixels


def _array(picture: Image.Image, mode: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255
        levels = np.asarray(upright).astype(np.float64) / 257
        upright = Image.fromarray(levels.round().clip(0, 255).astype(np.uint8))
    if "A" in upright.getbands() or "transparency" in upright.info:
        seen = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    return np.asarray(upright.convert(mode)).copy()


@contextmanager
def _picture(file: Path) -> Iterator[Image.Image]:
    """An open picture of no more than the file's limit, at four bytes a pixel."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # the limit is ours
    try:
        picture = Image.open(file, formats=("PNG", "JPEG"))
    finally:
        Image.MAX_IMAGE_PIXELS = before
    with picture:
        check_size(file, 4 * picture.width * picture.height, "bytes, four a pixel")
        yield picture


def shape_in(path: Path) -> Shape:
    """(channels, height, width) of the first picture of a folder that can be read.

    Raises UsageError where there is none.
    """
    bad: dict[Path, str] = {}
    for file in found(path).files:
        try:
            check_regular(file)
            with _picture(file) as picture:
                height, width = _array(picture, "L").shape
                return (
                    3 if len(picture.getbands()) > 2 or picture.mode == "P" else 1,
                    height,
                    width,
                )
        except UsageError:
            raise
        except Exception as error:  # Pillow raises many classes for damaged files
            bad[file] = reason(error)
    raise UsageError(
        _unreadable(bad, "no other picture is there") if bad else f"{path} holds no images"
    )
