"""One's own files are all found, and what is left out or cannot be named in a record is said."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from own_files import LABELS, RGB, Save
from PIL import Image

from iis_core import EvaluationDataset, Sample, UserError, evaluate, load_dataset
from iis_core.datasets.checking import check_files


def test_subfolders_are_searched_and_hidden_files_are_not(save: Save, tmp_path: Path) -> None:
    for name in ("clip/2", "clip/10", "z"):
        save(f"images/{name}.jpg", RGB)
        save(f"masks/{name}.png", Image.fromarray(LABELS))
    (tmp_path / "images" / "._z.jpg").write_bytes(b"left by another system")
    targets = EvaluationDataset(load_dataset("folder", root=str(tmp_path), ignore=255))
    assert targets.ids == ["clip/10#3", "clip/10#200", "clip/2#3", "clip/2#200", "z#3", "z#200"]


@pytest.mark.parametrize(
    "ending", ["avif", "bmp", "dib", "gif", "jfif", "jp2", "jpe", "jpeg", "jpg", "png", "ppm", "tif", "tiff", "webp"]
)
def test_images_of_every_ending_are_found(ending: str, save: Save, read: Callable[..., Sample]) -> None:
    smooth = Image.new("RGB", (64, 48), (200, 100, 50))
    save(f"images/a.{ending}", smooth)
    assert np.abs(read().image.astype(int) - np.asarray(smooth)).max() <= 16


def test_what_is_no_image_is_named(save: Save, read: Callable[..., Sample], tmp_path: Path) -> None:
    read()
    for name in ("b.heic", "c.heic", "notes"):
        (tmp_path / "images" / name).write_bytes(b"unreadable")
    problems = [f.problem for some in check_files(load_dataset("folder", root=str(tmp_path)), None) for f in some]
    assert problems == [
        f"1 files ending in nothing are left out, the first is {tmp_path}/images/notes",
        f"2 files ending in .heic are left out, the first is {tmp_path}/images/b.heic",
    ]
    save("masks/b.png", Image.fromarray(LABELS))
    with pytest.raises(UserError, match=r"b\.heic has a mask, but \.heic is not read: convert it to PNG"):
        read()


def test_linked_folders_are_followed_once(save: Save, tmp_path: Path) -> None:
    for folder, image in (("images", RGB), ("masks", Image.fromarray(LABELS))):
        save(f"{folder}/real/a.png", image)
        save(f"elsewhere/{folder}/b.png", image)
        (tmp_path / folder / "again").symlink_to(tmp_path / folder / "real")
        (tmp_path / folder / "linked").symlink_to(tmp_path / "elsewhere" / folder)
        (tmp_path / folder / "real" / "circle").symlink_to(tmp_path / folder)
        save(f"{folder}/.hidden/c.png", image)
    dataset = load_dataset("folder", root=str(tmp_path))
    assert [name for name, _ in dataset.images] == ["linked/b", "real/a"]


@pytest.mark.parametrize("name", ["caf\udce9", "two\nlines", "escape\x1b[31m"])
def test_a_name_that_no_record_can_hold_is_refused(name: str, save: Save, tmp_path: Path) -> None:
    for folder, image in (("images", RGB), ("masks", Image.fromarray(LABELS))):
        save(f"{folder}/a.png", image)
        (tmp_path / folder / "a.png").rename(tmp_path / folder / f"{name}.png")
    with pytest.raises(UserError, match=r"(caf|two|escape).*is no text in UTF-8 or has control characters: rename it"):
        load_dataset("folder", root=str(tmp_path))


def test_names_in_any_script_are_kept(save: Save, tmp_path: Path) -> None:
    for name in ("猫", "ñandú 1", "📷", "at\u202f9.41"):
        save(f"images/{name}.png", RGB)
        save(f"masks/{name}.png", Image.fromarray(LABELS))
    ids = [name for name, _ in load_dataset("folder", root=str(tmp_path)).images]
    assert ids == sorted(("猫", "ñandú 1", "📷", "at\u202f9.41"))


def test_a_mask_with_a_suffix_is_paired_once_the_suffix_is_named(save: Save, tmp_path: Path) -> None:
    save("images/Cake.jpg", RGB)
    save("masks/Cake_mask.png", Image.fromarray(LABELS))
    with pytest.raises(UserError, match=r"Cake_mask\.png seems to be for: give it by --data mask_suffix=_mask"):
        load_dataset("folder", root=str(tmp_path))
    assert [name for name, _ in load_dataset("folder", root=str(tmp_path), mask_suffix="_mask").images] == ["Cake"]
    save("images/Cake_mask.png", Image.fromarray(LABELS))
    together = load_dataset("folder", root=str(tmp_path), masks="images", mask_suffix="_mask")
    assert together.masks == [tmp_path / "images" / "Cake_mask.png"]


def test_folders_of_other_names_are_listed(save: Save, tmp_path: Path) -> None:
    save("imgs/a.png", RGB)
    save("labels/a.png", Image.fromarray(LABELS))
    with pytest.raises(UserError, match=r"--data images=\.\.\. --data masks=\.\.\. .*; there are imgs/, labels/"):
        load_dataset("folder", root=str(tmp_path))
    assert len(load_dataset("folder", root=str(tmp_path), images="imgs", masks="labels")) == 1


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_few_bits_in_many_are_reported(ending: str, save: Save, read: Callable[..., Sample], tmp_path: Path) -> None:
    deep = np.linspace(0, 4095, 48 * 64).reshape(48, 64).astype(np.uint16)
    save(f"images/a.{ending}", Image.fromarray(deep))
    read()
    (finding,) = [f for some in check_files(load_dataset("folder", root=str(tmp_path)), None) for f in some]
    assert finding.sample == "a"
    assert f"images/a.{ending} stores numbers up to 4095 of 65535" in finding.problem
    save(f"images/a.{ending}", Image.fromarray(deep << 4))
    assert [f for some in check_files(load_dataset("folder", root=str(tmp_path)), None) for f in some] == []


def test_masks_that_look_inverted_are_remarked_once(save: Save, read: Callable[..., Sample], tmp_path: Path) -> None:
    surrounding = np.full((48, 64), 255, np.uint8)
    surrounding[10:30, 10:30] = 0
    large = np.zeros((48, 64), np.uint8)
    large[2:, 2:] = 255
    low = np.zeros((48, 64), np.uint8)
    low[30:] = 255
    for name, mask in (("a", low), ("b", surrounding), ("c", large), ("d", surrounding)):
        save(f"masks/{name}.png", Image.fromarray(mask))
        save(f"images/{name}.png", RGB)
    findings = [f for some in check_files(load_dataset("folder", root=str(tmp_path)), None) for f in some]
    (finding,) = findings
    assert finding.sample == ""
    assert re.match(
        r"2 objects touch three borders .*, the first is object 255 of b: are masks inverted\?", finding.problem
    )


def test_a_mask_without_image_is_remarked(save: Save, read: Callable[..., Sample], tmp_path: Path) -> None:
    read()
    save("masks/b.png", Image.fromarray(LABELS))
    findings = [f for some in check_files(load_dataset("folder", root=str(tmp_path)), None) for f in some]
    assert [(f.sample, f.problem) for f in findings] == [("", f"{tmp_path}/masks/b.png has no image")]


class Whole:
    """A model of one pixel's wits."""

    device = "cpu"

    def initialize_z(self, image, target, initial_mask=None):
        return {}

    def initialize_y(self, image, target, initial_mask=None):
        return image[:, :1] * 0

    def __call__(self, x, z, pcs, ncs):
        return x[:, :1] * 0 + 1, z


def test_an_image_of_one_pixel_is_evaluated(save: Save, tmp_path: Path) -> None:
    save("images/a.png", Image.new("RGB", (1, 1), (9, 9, 9)))
    save("masks/a.png", Image.new("L", (1, 1), 1))
    run = evaluate(Whole(), "folder", dataset_keywords={"root": str(tmp_path)}, out=tmp_path / "run")
    (record,) = run.records
    assert [(click.row, click.col, click.positive) for click in record.clicks] == [(0, 0, True)]
    assert record.end == "stop_iou"
