"""One's own images: every file format is read right or refused with the remedy."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from own_files import LABELS, PIXELS, RGB, Save
from PIL import Image, ImageOps
from published_files import put

from iis_core import EvaluationDataset, Sample, UserError, load_dataset
from iis_core.testing import check


def test_every_number_is_an_object_and_one_can_be_ignored(read: Callable[..., Sample]) -> None:
    assert sorted(read().info["objects"]) == [3, 200, 255]
    sample = read(ignore=255)
    assert sorted(sample.info["objects"]) == [3, 200]
    assert np.array_equal(sample.masks[:, :, 0], np.where(LABELS == 255, -1, LABELS.astype(np.int32)))


def test_it_keeps_the_contract(read: Callable[..., Sample], tmp_path: Path) -> None:
    read()
    assert {result.status for result in check("datasets/folder", root=str(tmp_path))} == {"passed"}


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


def test_numbers_of_fewer_bits_are_as_they_are_stored(tmp_path: Path, read: Callable[..., Sample]) -> None:
    labels = np.where(LABELS == 255, 15, LABELS // 100).astype(np.uint8)
    packed = np.pad(labels[:, ::2] << 4 | labels[:, 1::2], ((0, 0), (1, 0)))
    header = struct.pack(">IIBBBBB", 64, 48, 4, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(packed.tobytes())), (b"IEND", b""))
    content = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    put(tmp_path / "masks" / "a.png", b"\x89PNG\r\n\x1a\n" + content)
    assert np.array_equal(read(ignore=15).masks[:, :, 0], np.where(labels == 15, -1, labels.astype(np.int32)))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_a_mask_is_turned_as_its_image_is(
    orientation: int, ending: str, save: Save, read: Callable[..., Sample], tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    save(f"images/a.{ending}", RGB, exif=exif)
    save(f"masks/a.{ending}", Image.fromarray(LABELS), exif=exif)
    upright = Image.fromarray(LABELS)
    upright.getexif()[274] = orientation
    sample = read()
    assert np.array_equal(sample.masks[:, :, 0], np.asarray(ImageOps.exif_transpose(upright)))
    assert sample.image.shape[:2] == sample.masks.shape[:2]


@pytest.mark.parametrize("ending", ["tiff", "gif"])
@pytest.mark.parametrize("folder", ["images", "masks"])
def test_pages_are_not_lost(folder: str, ending: str, save: Save, read: Callable[..., Sample]) -> None:
    pages = [Image.fromarray(LABELS), Image.fromarray(LABELS.T.copy()).resize((64, 48), Image.Resampling.NEAREST)]
    save(f"{folder}/a.{ending}", pages[0], save_all=True, append_images=pages[1:])
    with pytest.raises(UserError, match=rf"{folder}/a\.{ending} holds several pages or frames"):
        read()
