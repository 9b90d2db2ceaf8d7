"""Image files and masks: what is hostile, cut short, lossy or soft is refused before it does harm."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from iis_core.errors import UserError
from iis_core.files.images import read_binary_mask, read_image, read_labels, read_mask
from iis_core.masks.soft import find_soft_numbers

READERS = (read_image, read_mask, read_labels, read_binary_mask)
PHOTO = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def huge_png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 32000, 32000, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(4001 * 32000))) + chunk(b"IEND", b"")


def huge_jpeg(side: int) -> bytes:
    content = bytearray(save(Image.new("L", (8, 8)), "JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(content)


def huge_bmp() -> bytes:
    content = bytearray(save(Image.new("L", (8, 8)), "BMP"))
    content[18:26] = struct.pack("<ii", 32000, 32000)
    return bytes(content)


def huge_tiff() -> bytes:
    return save(Image.new("1", (32000, 32000)), "TIFF", compression="group4")


def huge_gif() -> bytes:
    content = bytearray(save(Image.new("L", (8, 8)), "GIF"))
    content[6:10] = struct.pack("<HH", 32000, 32000)
    return bytes(content)


def huge_webp() -> bytes:
    bits = (16383) | (16383 << 14)
    data = b"\x2f" + struct.pack("<I", bits) + bytes(16)
    chunk = b"VP8L" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def huge_ppm() -> bytes:
    return b"P6 32000 32000 255\n" + bytes(100)


def huge_jp2() -> bytes:
    content = save(Image.new("L", (64, 64)), "JPEG2000")
    return content.replace(struct.pack(">II", 64, 64), struct.pack(">II", 32000, 32000))


HUGE = (
    *(huge_png, huge_bmp, huge_tiff, huge_gif, huge_webp, huge_ppm, huge_jp2),
    *(lambda: huge_jpeg(32000), lambda: huge_jpeg(13000)),
)

READ_HUGE = """
import resource, sys
from pathlib import Path
from iis_core.errors import UserError
from iis_core.files.images import read_image, read_labels, read_mask
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for file in sys.argv[1:]:
    for read in (read_image, read_mask, read_labels):
        try:
            read(Path(file))
        except UserError as error:
            assert file in str(error), error
        else:
            sys.exit(f"{read.__name__} takes {file}")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_images_beyond_the_limit_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    for number, make in enumerate(HUGE):
        (tmp_path / f"{number}.img").write_bytes(make())
    files = sorted(str(file) for file in tmp_path.iterdir())
    done = subprocess.run([sys.executable, "-c", READ_HUGE, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 300_000, "KiB of memory"


@pytest.mark.parametrize("read", READERS)
def test_the_limit_and_the_size_are_named(read: Callable[[Path], np.ndarray], tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(huge_png())
    with pytest.raises(UserError, match=r"a\.png is too large: .*1024000000 pixels.*178956970 pixels.*make it smaller"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("read", READERS)
def test_a_pipe_or_a_folder_in_place_of_an_image_is_refused(read: Callable[[Path], np.ndarray], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for name, message in (("pipe.png", "is a pipe or a device"), ("", "is a folder"), ("gone", "No such file")):
        with pytest.raises(UserError, match=message):
            read(tmp_path / name)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 0}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_that_was_cut_short_and_closed_again_is_refused(
    options: dict[str, object], mode: str, tmp_path: Path
) -> None:
    bands = Image.fromarray(PHOTO).split()
    image = Image.merge("CMYK", (*bands, bands[0])) if mode == "CMYK" else Image.merge(mode, bands[: len(mode)])
    whole = save(image, "JPEG", **options)
    file = tmp_path / "a.jpg"
    file.write_bytes(whole)
    assert read_image(file).shape == PHOTO.shape
    start = whole.rindex(b"\xff\xda") if options.get("progressive") else whole.index(b"\xff\xda")
    for part in (0.1, 0.5, 0.9):
        end = start + 14 + int((len(whole) - start - 14) * part)
        file.write_bytes(whole[:end] + b"\xff\xd9")
        with pytest.raises(UserError, match=r"a\.jpg is not a readable image"):
            read_image(file)


def test_scans_that_are_missing_are_noticed(tmp_path: Path) -> None:
    whole = save(Image.fromarray(PHOTO), "JPEG", progressive=True)
    scans = [place for place in range(len(whole)) if whole[place : place + 2] == b"\xff\xda"]
    tables = [whole.rindex(b"\xff\xc4", 0, scan) for scan in scans[1:]]
    for end in tables:
        (tmp_path / "a.jpg").write_bytes(whole[:end] + b"\xff\xd9")
        with pytest.raises(UserError, match="not a readable image"):
            read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("grey", [127, 128, 129])
def test_a_jpeg_that_ends_in_grey_is_whole(grey: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    image = PHOTO.copy()
    image[20:] = grey
    (tmp_path / "a.jpg").write_bytes(save(Image.fromarray(image), "JPEG", quality=95))
    assert abs(read_image(tmp_path / "a.jpg")[40:].astype(int) - grey).max() <= 2
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_read_as_opencv_reads_it(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    for ending in ("jpg", "png"):
        Image.fromarray(PHOTO).save(tmp_path / f"a.{ending}", exif=exif)
        expected = cv2.imread(str(tmp_path / f"a.{ending}"), cv2.IMREAD_COLOR_RGB)
        assert np.array_equal(read_image(tmp_path / f"a.{ending}"), expected)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 100}),
        ("WEBP", {}),
        ("AVIF", {}),
        ("JPEG2000", {"irreversible": True}),
        ("TIFF", {"compression": "jpeg"}),
        ("MPO", {}),
    ],
)
@pytest.mark.parametrize("read", READERS[1:])
def test_a_lossy_mask_is_refused_whatever_its_name(
    kind: str, options: dict[str, object], read: Callable[[Path], np.ndarray], tmp_path: Path
) -> None:
    mask = Image.fromarray(np.full((50, 70, 3), 255, np.uint8))
    (tmp_path / "a.png").write_bytes(save(mask, kind, **options))
    with pytest.raises(UserError, match=r"a\.png is a .*, which blurs the numbers of a mask: save masks as PNG"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("GIF", {}), ("PPM", {}), ("WEBP", {"lossless": True})],
)
def test_a_lossless_mask_is_read(kind: str, options: dict[str, object], tmp_path: Path) -> None:
    mask = np.zeros((50, 70), np.uint8)
    mask[10:30, 20:60] = 255
    (tmp_path / "mask").write_bytes(save(Image.fromarray(mask), kind, **options))
    assert np.array_equal(read_mask(tmp_path / "mask"), mask)
    assert np.array_equal(read_binary_mask(tmp_path / "mask"), mask > 0)


def test_a_soft_mask_is_refused_where_it_would_be_one_object(tmp_path: Path) -> None:
    mask = np.zeros((50, 70), np.uint8)
    mask[10:30, 20:60] = 255
    (tmp_path / "a.png").write_bytes(save(Image.fromarray(cv2.GaussianBlur(mask, (5, 5), 0)), "PNG"))
    with pytest.raises(UserError, match=r"a\.png has soft edges.* 0 and 255 by a threshold at half"):
        read_binary_mask(tmp_path / "a.png")
    read_mask(tmp_path / "a.png")


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32])
def test_numbers_between_two_others_are_soft(kind: type) -> None:
    labels = np.zeros((20, 30), kind)
    labels[4:16, 4:26], labels[5:15, 5:25], labels[6:14, 6:24] = 64, 191, 255
    labels[18, :20] = 7
    assert find_soft_numbers(labels).tolist() == [64, 191]
    assert find_soft_numbers(labels * 0).tolist() == []
    assert find_soft_numbers((labels == 255).astype(kind)).tolist() == []


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_float_image_is_refused(channels: int, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.tiff"), np.random.default_rng(0).random((9, 9, channels), np.float32))
    for read in READERS:
        with pytest.raises(UserError, match=r"a\.tiff .*(8 or 16 bits|8 bits|colours)"):
            read(tmp_path / "a.tiff")
