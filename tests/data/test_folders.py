"""Folders of pictures: classes, draws, files that are no pictures, every kind of picture."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nas import SPACES, Space
from nas.batch import Batch
from nas.data.images import LUMINANCE, STATISTICS
from nas.data.sources import make_batch
from tests.support.command_line import SMALL, nas
from tests.support.image_files import pixels, refused, write
from tests.support.small import small


@pytest.fixture
def space() -> Space:
    return small("nasbench201")


@pytest.fixture
def grey() -> Space:
    return SPACES.build("nasbench201", channels=4, cells=1, resolution=8, input_channels=1)


def load(space: Space, path: Path, size: int, **options: object) -> Batch:
    return make_batch(space, "images", path=str(path), size=size, **options)


def level(path: Path, value: int) -> None:
    """A picture of one grey, by which it is known again."""
    write(path, np.full((8, 8, 3), value, np.uint8))


def levels(batch: Batch) -> list[int]:
    """The greys of pictures under statistics=unit."""
    return [round(float(image.mean()) * 255) for image in batch.inputs]


def classes(path: Path, **counts: int) -> Path:
    """Pictures of several classes: of the n-th class the greys from 60 n on."""
    for n, (name, count) in enumerate(sorted(counts.items())):
        for i in range(count):
            level(path / name / f"{i:03}.png", 60 * n + i)
    return path


def labels(batch: Batch) -> list[int]:
    assert batch.labels is not None
    return batch.labels.tolist()


def test_subfolders_are_classes_in_sorted_order(space: Space, tmp_path: Path) -> None:
    folder = classes(tmp_path, ship=20, cat=20, dog=20)
    batch = load(space, folder, 32, statistics="unit")
    assert sorted(Counter(labels(batch)).values()) == [10, 11, 11]
    assert [grey // 60 for grey in levels(batch)] == labels(batch)
    assert len({*levels(batch)}) == 32
    assert batch.origin == "labels from subfolders: cat, dog, ship"
    assert not batch.remarks
    first = labels(batch)[:9]
    assert sorted(first) == [0, 0, 0, 1, 1, 1, 2, 2, 2]  # also a part of the batch is balanced


def test_the_draw_is_of_the_seed(space: Space, tmp_path: Path) -> None:
    folder = classes(tmp_path, a=20, b=20)
    one, again, other = (load(space, folder, 10, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.inputs, again.inputs)
    assert not torch.equal(one.inputs, other.inputs)
    named = load(space, folder, 10, statistics="unit", shuffle=False)
    assert sorted(levels(named)) == [0, 1, 2, 3, 4, 60, 61, 62, 63, 64]


def test_a_small_class_gives_all_it_has(space: Space, tmp_path: Path) -> None:
    batch = load(space, classes(tmp_path, a=20, b=3), 20)
    assert Counter(labels(batch)) == {0: 17, 1: 3}
    assert batch.remarks == ("classes are not balanced: b has 3 pictures, others up to 17",)
    refused(space, tmp_path, "holds 23 images: take batch.size=23 or fewer", size=24)


def test_pictures_may_lie_deeper(space: Space, tmp_path: Path) -> None:
    classes(tmp_path / "cat", old=4, new=4)
    classes(tmp_path / "dog", old=4, new=4)
    batch = load(space, tmp_path, 16)
    assert Counter(labels(batch)) == {0: 8, 1: 8}
    assert batch.origin.endswith("cat, dog")


def test_folders_without_classes(space: Space, tmp_path: Path) -> None:
    """By name, as ever; with shuffle they are drawn."""
    for n in range(20):
        level(tmp_path / "one" / f"{n:02}.png", n)
    batch = load(space, tmp_path, 8, statistics="unit")
    assert batch.labels is None
    assert levels(batch) == list(range(8))
    drawn = load(space, tmp_path, 8, statistics="unit", shuffle=True)
    assert levels(drawn) != list(range(8))
    assert len({*levels(drawn)}) == 8
    level(tmp_path / "z.png", 99)
    level(tmp_path / "two" / "z.png", 99)
    mixed = load(space, tmp_path, 8)
    assert mixed.labels is None
    assert mixed.remarks == ("no labels: pictures lie beside subfolders, not only in them",)


def test_parts_of_a_data_set_are_no_classes(space: Space, tmp_path: Path) -> None:
    classes(tmp_path / "train", a=2, b=2)
    classes(tmp_path / "Test", a=2, b=2)
    refused(space, tmp_path, "the parts Test, train", f"batch.path={tmp_path / 'train'}")
    assert labels(load(space, tmp_path / "train", 4)) == [0, 1, 0, 1]


# files that are no pictures


def test_a_corrupt_file_is_left_out_and_named(space: Space, tmp_path: Path) -> None:
    folder = classes(tmp_path, a=10, b=10)
    (folder / "a" / "000.png").write_bytes(b"no; picture")
    for shuffle in (True, False):
        batch = load(space, folder, 19, statistics="unit", shuffle=shuffle)
        assert Counter(labels(batch)) == {0: 9, 1: 10}
        (remark,) = batch.remarks
        assert str(folder / "a" / "000.png") in remark
        assert "left out: " in remark
        assert "; " not in remark
    half = load(space, folder, 10, statistics="unit", shuffle=False)
    assert sorted(levels(half)) == [1, 2, 3, 4, 5, 60, 61, 62, 63, 64]
    refused(space, folder, "holds 19 images", "000.png is no readable PNG or JPEG", size=20)


def test_several_corrupt_files_are_counted(space: Space, tmp_path: Path) -> None:
    for n in range(8):
        level(tmp_path / f"{n}.png", n)
    for n in range(5):
        (tmp_path / f"{n}.png").write_bytes(b"")
    (remark,) = load(space, tmp_path, 3).remarks
    assert "5 files that are no readable PNG or JPEG (0.png, 1.png, 2.png and 2 more)" in remark
    for n in range(8):
        (tmp_path / f"{n}.png").write_bytes(b"")
    refused(space, tmp_path, "0.png is no readable PNG or JPEG image", "like 7 more", size=3)


def test_what_systems_leave_is_no_class(space: Space, tmp_path: Path) -> None:
    folder = classes(tmp_path, a=4, b=4)
    for name in ("a/._000.png", ".ipynb_checkpoints/0.png", "__MACOSX/a/._0.png", ".git/0.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\0\5\x16\7")
    level(folder / "__MACOSX" / "b" / "0.png", 250)
    for name in ("a/Thumbs.db", "a/desktop.ini", ".DS_Store"):
        (folder / name).write_bytes(b"\0")
    batch = load(space, folder, 8)
    assert batch.origin == "labels from subfolders: a, b"
    assert not batch.remarks


def test_pictures_of_other_kinds_are_counted(space: Space, tmp_path: Path) -> None:
    for n in range(3):
        level(tmp_path / f"{n}.png", n)
    level(tmp_path / "x.GIF", 9)
    (tmp_path / "notes.txt").write_text("x")
    assert load(space, tmp_path, 3).remarks == ("left out 1 picture that is no PNG or JPEG: .gif",)
    level(tmp_path / "y.bmp", 9)
    level(tmp_path / "z.gif", 9)
    (remark,) = load(space, tmp_path, 3).remarks
    assert remark == "left out 3 pictures that are no PNG or JPEG: .bmp, .gif"
    refused(space, tmp_path, "holds 3 images", remark, size=4)
    for n in range(3):
        (tmp_path / f"{n}.png").unlink()
    refused(space, tmp_path, "3 pictures of another kind (.bmp, .gif)", "convert them", size=1)


def test_a_class_without_pictures_keeps_its_label(space: Space, tmp_path: Path) -> None:
    folder = classes(tmp_path, a=4, c=4)
    (folder / "b").mkdir()
    (folder / "annotations").mkdir()
    (folder / "annotations" / "boxes.xml").write_text("<x/>")
    batch = load(space, folder, 8)
    assert Counter(labels(batch)) == {0: 4, 2: 4}
    assert batch.origin == "labels from subfolders: a, b, c"
    assert batch.remarks == ("no picture is in the subfolders of b (label 1)",)
    level(folder / "b" / "x.gif", 1)  # of a kind that is not read
    batch = load(space, folder, 8)
    assert Counter(labels(batch)) == {0: 4, 2: 4}
    assert len(batch.remarks) == 2


def test_classes_may_be_links_to_folders(space: Space, tmp_path: Path) -> None:
    far = classes(tmp_path / "far", cats=4, dogs=4)
    near = tmp_path / "near"
    near.mkdir()
    (near / "a").symlink_to(far / "cats")
    (near / "b").symlink_to(far / "dogs")
    assert Counter(labels(load(space, near, 8))) == {0: 4, 1: 4}
    (far / "cats" / "loop").symlink_to(near)  # a circle
    (near / "again").symlink_to(near / "b")
    (near / "broken").symlink_to(near / "nowhere")
    batch = load(space, near, 8)
    assert len({*map(tuple, batch.inputs.flatten(1).tolist())}) == 8  # no picture twice
    refused(space, near, "holds 8 images", size=9)


# kinds of pictures


def unit(space: Space, path: Path) -> torch.Tensor:
    return load(space, path, 1, statistics="unit").inputs[0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_turned_as_they_say(
    space: Space, tmp_path: Path, orientation: int
) -> None:
    upright = np.zeros((8, 8, 3), np.uint8)
    upright[:4, :4] = 255  # white at the upper left
    upright[:4, 4:, 0] = 200  # red at the upper right
    stored = Image.fromarray(upright)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    if orientation in undo:
        stored = stored.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "x.png", exif=exif)
    found = unit(space, tmp_path) * 255
    assert found.round().permute(1, 2, 0).tolist() == upright.tolist()


def test_what_is_transparent_is_white(space: Space, tmp_path: Path) -> None:
    clear = np.zeros((8, 8, 4), np.uint8)
    clear[:4, :, 3] = 255  # black above, nothing below
    modes: dict[str, Any] = {
        "rgba": Image.fromarray(clear),
        "la": Image.fromarray(clear[..., 2:]),
        "palette": Image.fromarray(clear).quantize(4),
    }
    for name, picture in modes.items():
        picture.save(tmp_path / "x.png")
        found = unit(space, tmp_path)
        assert found[:, :4].max() < 0.02, name
        assert found[:, 4:].min() > 0.98, name


def test_sixteen_bits_become_eight(space: Space, grey: Space, tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 64).round().astype(np.uint16).reshape(8, 8)
    Image.fromarray(values).save(tmp_path / "x.png")
    for each in (space, grey):
        found = unit(each, tmp_path)
        assert found.numpy() == pytest.approx(
            np.broadcast_to(values / 65535, found.shape), abs=0.503 / 255
        )


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "CMYK"])
def test_grey_spaces_get_grey_images(grey: Space, tmp_path: Path, mode: str) -> None:
    kind = "jpg" if mode == "CMYK" else "png"
    Image.new("RGB", (8, 8), (200, 200, 200)).convert(mode).save(tmp_path / f"x.{kind}")
    found = unit(grey, tmp_path)
    assert found.shape == (1, 8, 8)
    if mode not in ("1", "P"):  # of few colours, which are mixed
        assert found.numpy() == pytest.approx(200 / 255, abs=0.03)


def test_colours_are_weighed(grey: Space, tmp_path: Path) -> None:
    images = pixels(4)
    np.save(tmp_path / "x.npy", images)
    wanted = images.astype(np.float64) @ np.array(LUMINANCE)
    batch = load(grey, tmp_path / "x.npy", 4, statistics="unit")
    assert batch.inputs[:, 0].numpy() == pytest.approx(wanted / 255, abs=0.51 / 255)
    assert batch.remarks == ("colours became grey",)
    scaled = load(grey, tmp_path / "x.npy", 4).inputs[:, 0].numpy()
    mean, std = (np.array(each) @ np.array(LUMINANCE) for each in STATISTICS["cifar10"])
    assert scaled == pytest.approx((wanted.round() - mean) / std, abs=0.02)
    floats = (images / 255).transpose(0, 3, 1, 2)
    np.save(tmp_path / "f.npy", floats)
    assert load(grey, tmp_path / "f.npy", 4).inputs.numpy() == pytest.approx(
        wanted[:, None] / 255, abs=1e-6
    )


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 8, 8, 1), (5, 1, 8, 8)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_grey_arrays_for_colours(
    space: Space, grey: Space, tmp_path: Path, shape: tuple[int, ...], dtype: str
) -> None:
    values = pixels(5)[..., 0].reshape(shape)
    np.save(tmp_path / "x.npy", values if dtype == "uint8" else (values / 255).astype(dtype))
    one = load(grey, tmp_path / "x.npy", 4, statistics="unit")
    three = load(space, tmp_path / "x.npy", 4, statistics="unit")
    assert one.inputs.numpy() == pytest.approx(values.reshape(5, 1, 8, 8)[:4] / 255)
    assert torch.equal(three.inputs, one.inputs.expand(-1, 3, -1, -1))
    assert three.remarks == ("grey was taken for three colours",)


def test_images_that_are_not_square(tmp_path: Path) -> None:
    wide = SPACES.build("nasbench201", channels=4, cells=1, resolution=[4, 12])
    write(tmp_path / "x.png", pixels(1, 9, 21)[0])
    assert load(wide, tmp_path, 1).inputs.shape == (1, 3, 4, 12)


def test_arrays_are_drawn_too(space: Space, tmp_path: Path) -> None:
    images = pixels(30)
    np.savez(tmp_path / "x.npz", images=images, labels=np.arange(30) // 10)
    first = load(space, tmp_path / "x.npz", 6, statistics="unit")
    assert first.remarks == ("all 6 examples have the label 0: batch.shuffle=true draws them",)
    drawn = load(space, tmp_path / "x.npz", 30, statistics="unit", shuffle=True)
    assert sorted(labels(drawn)) == sorted(np.arange(30) // 10)
    known = {image.tobytes(): n for n, image in enumerate(images)}
    found = (drawn.inputs * 255).round().byte().permute(0, 2, 3, 1).numpy()
    places = [known[image.tobytes()] for image in found]
    assert places != list(range(30))
    assert [place // 10 for place in places] == labels(drawn)


# what is said


def test_score_and_search_say_which_labels(here: Path) -> None:
    classes(here / "data", cat=6, dog=6)
    (here / "data" / "cat" / "bad.png").write_bytes(b"")
    words = [*SMALL, "batch=images", "batch.path=data", "proxy=grad_norm"]
    words = ["batch.size=12" if word == "batch.size=8" else word for word in words]
    said = "labels from subfolders: cat, dog"
    done = nas("score", "(3,3,3,3,3,3)", *words)
    assert (done.code, done.err) == (0, "")
    assert f"{said}; left out: " in done.out
    assert "bad.png is no readable PNG or JPEG image" in done.out
    shown = json.loads(nas("score", "(3,3,3,3,3,3)", *words, "json=true").out)
    assert said in shown["note"]
    done = nas("search", *words, "budget=2", "strategy=random", "finals=none", "out=run")
    assert done.code == 0
    assert f"note    {said}\n" in done.out
    best = json.loads((here / "run" / "best.json").read_text())
    assert said in best["notes"]
    plain = json.loads(nas("score", "(3,3,3,3,3,3)", *SMALL, "proxy=grad_norm", "json=true").out)
    assert plain["note"] == "random labels, for the batch has none"
