"""One's own images: every file format is read right or refused with the remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from iis_core import EvaluationDataset, Sample, UserError, evaluate, load_dataset
from iis_core.datasets.checking import check_files
from iis_core.testing import check

PIXELS = np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
RGB = Image.fromarray(PIXELS)
LABELS = np.zeros((48, 64), np.uint8)
LABELS[4:20, 5:30], LABELS[25:40, 30:60], LABELS[0, 0] = 3, 200, 255

Save = Callable[..., None]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def save(name: str, image: Image.Image, **options: object) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, **options)

    return save


@pytest.fixture
def read(tmp_path: Path, save: Save) -> Callable[..., Sample]:
    """The first sample of the folder, with a plain image and mask where the test wrote none."""

    def read(**keywords: object) -> Sample:
        for folder, plain in (("images", RGB), ("masks", Image.fromarray(LABELS))):
            if not (tmp_path / folder).exists():
                save(f"{folder}/a.png", plain)
        return load_dataset("folder", root=str(tmp_path), **keywords)[0]

    return read


def test_every_number_is_an_object_and_one_can_be_ignored(read: Callable[..., Sample]) -> None:
    assert sorted(read().info["objects"]) == [3, 200, 255]
    sample = read(ignore=255)
    assert sorted(sample.info["objects"]) == [3, 200]
    assert np.array_equal(sample.masks[:, :, 0], np.where(LABELS == 255, -1, LABELS.astype(np.int32)))


def test_it_keeps_the_contract(read: Callable[..., Sample], tmp_path: Path) -> None:
    read()
    assert {result.status for result in check("datasets/folder", root=str(tmp_path))} == {"passed"}


def test_subfolders_are_searched_and_hidden_files_are_not(save: Save, tmp_path: Path) -> None:
    for name in ("clip/2", "clip/10", "z"):
        save(f"images/{name}.jpg", RGB)
        save(f"masks/{name}.png", Image.fromarray(LABELS))
    (tmp_path / "images" / "._z.jpg").write_bytes(b"left by another system")
    targets = EvaluationDataset(load_dataset("folder", root=str(tmp_path), ignore=255))
    assert targets.ids == ["clip/10#3", "clip/10#200", "clip/2#3", "clip/2#200", "z#3", "z#200"]


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "RGBA", "LA", "1"])
def test_images_of_other_modes_become_rgb(mode: str, save: Save, read: Callable[..., Sample]) -> None:
    image = RGB.convert(mode)
    save("images/a." + ("jpg" if mode == "CMYK" else "png"), image, **({"quality": 100} if mode == "CMYK" else {}))
    found = read().image.astype(int)
    assert np.abs(found - np.asarray(image.convert("RGB"))).max() <= (8 if mode == "CMYK" else 0)


def test_a_progressive_jpeg_is_read(save: Save, read: Callable[..., Sample]) -> None:
    save("images/a.jpg", RGB, quality=100, subsampling=0, progressive=True)
    assert np.abs(read().image.astype(int) - PIXELS).max() <= 8


def test_of_16_bits_the_upper_8_are_taken(save: Save, read: Callable[..., Sample]) -> None:
    deep = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 21
    save("images/a.png", Image.fromarray(deep))
    assert np.array_equal(read().image, np.repeat((deep >> 8)[:, :, None], 3, axis=2))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_images_are_turned_upright(orientation: int, ending: str, save: Save, read: Callable[..., Sample]) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    save(f"images/a.{ending}", RGB, exif=exif, **({"quality": 100, "subsampling": 0} if ending == "jpg" else {}))
    upright = RGB.copy()
    upright.getexif()[274] = orientation
    expected = np.asarray(ImageOps.exif_transpose(upright))
    save("masks/a.png", Image.fromarray(LABELS if orientation < 5 else LABELS.T))
    assert np.abs(read().image.astype(int) - expected).max() <= 8


@pytest.mark.parametrize("ending", ["png", "webp", "tiff"])
def test_transparent_pixels_are_refused(ending: str, save: Save, read: Callable[..., Sample]) -> None:
    transparent = RGB.copy()
    transparent.putalpha(Image.fromarray(np.where(LABELS == 3, 255, 0).astype(np.uint8)))
    save(f"images/a.{ending}", transparent)
    with pytest.raises(UserError, match=rf"a\.{ending} has transparent pixels: save it without transparency"):
        read()


def test_a_transparent_palette_is_refused(save: Save, read: Callable[..., Sample]) -> None:
    indexed = RGB.convert("P")
    save("images/a.png", indexed, transparency=int(np.asarray(indexed)[0, 0]))
    with pytest.raises(UserError, match="has transparent pixels"):
        read()


@pytest.mark.parametrize("ending", ["jpg", "png", "bmp"])
def test_a_file_cut_short_is_refused(ending: str, save: Save, read: Callable[..., Sample], tmp_path: Path) -> None:
    save(f"images/a.{ending}", RGB)
    file = tmp_path / "images" / f"a.{ending}"
    whole = file.read_bytes()
    for part in (0.05, 0.5, 0.95):
        file.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(UserError, match=rf"a\.{ending} is not a readable image"):
            read()


@pytest.mark.parametrize("mode", ["L", "P", "I;16", "I", "RGB"])
def test_masks_are_read_as_numbers(mode: str, save: Save, read: Callable[..., Sample]) -> None:
    labels = LABELS.astype(np.uint16) * (100 if mode.startswith("I") else 1)
    mask = Image.fromarray(labels if mode == "I;16" else LABELS)
    if mode == "I":
        mask = Image.fromarray(labels.astype(np.int32))
    if mode == "P":
        mask.putpalette(list(range(255, -1, -1)) * 3)
    if mode == "RGB":
        mask = mask.convert("RGB")
    save("masks/a.tiff" if mode == "I" else "masks/a.png", mask)
    assert np.array_equal(read().masks[:, :, 0], labels)


def test_masks_that_hold_no_numbers_are_refused(save: Save, read: Callable[..., Sample], tmp_path: Path) -> None:
    save("masks/a.png", RGB)
    with pytest.raises(UserError, match=r"masks/a\.png holds colours \(RGB\): save the mask with one channel"):
        read()
    save("masks/a.png", Image.fromarray(LABELS).convert("LA"))
    with pytest.raises(UserError, match=r"holds colours \(LA\)"):
        read()
    (tmp_path / "masks" / "a.png").unlink()
    save("masks/a.jpg", Image.fromarray(LABELS))
    with pytest.raises(UserError, match=r"a\.jpg is a JPEG, which blurs the numbers of a mask"):
        read()


def test_a_mask_cut_short_is_refused(save: Save, read: Callable[..., Sample], tmp_path: Path) -> None:
    save("masks/a.png", Image.fromarray(LABELS))
    file = tmp_path / "masks" / "a.png"
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:20], b"<html>"):
        file.write_bytes(content)
        with pytest.raises(UserError, match=r"masks/a\.png is not a readable image"):
            read()


def test_an_image_without_objects_is_named(save: Save, read: Callable[..., Sample]) -> None:
    save("masks/a.png", Image.fromarray(LABELS * 0))
    read()
    with pytest.raises(UserError, match=r"a of datasets/folder \(.*images/a\.png\) has no object pixels"):
        EvaluationDataset(load_dataset("folder", root=str(Path(read().info["path"]).parents[1])))


def test_a_mask_with_soft_edges_is_refused_or_taken_as_one_object(save: Save, read: Callable[..., Sample]) -> None:
    rows, columns = np.mgrid[:48, :64]
    soft = (255 / (1 + np.exp((np.hypot(rows - 24, columns - 32) - 15) * 2))).round().astype(np.uint8)
    save("masks/a.png", Image.fromarray(soft))
    with pytest.raises(UserError, match=r"a\.png holds \d+ numbers, .* soft edges .*binary=true"):
        read()
    sample = read(binary=True)
    assert list(sample.info["objects"]) == [1]
    assert np.array_equal(sample.masks[:, :, 0] == 1, soft > 0)


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
