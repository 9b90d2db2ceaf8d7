"""Opening image files: what the header says is checked before a pixel is decoded."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

from iis_core.errors import UserError, first_line
from iis_core.files.jpeg import lacks_data, lacks_rows

SUFFIXES = frozenset(
    (
        *(".avif", ".bmp", ".dib", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm"),
        *(".ppm", ".tif", ".tiff", ".webp"),
    )
)
"""The endings of the files that are read."""

_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "AVIF", "JPEG2000", "DIB")
_ORIENTATION = 0x0112


def open_image(content: bytes, path: Path) -> ImageFile:
    """Read the header of an image file.

    Args:
        content: the file.
        path: its name, for the errors.

    Returns:
        The image, not decoded yet.

    Raises:
        UserError: the file is no image, has more pixels than `PIL.Image.MAX_IMAGE_PIXELS` allows (178,956,970 unless it
            was changed), or holds several pages or frames.
    """
    try:
        image = Image.open(io.BytesIO(content), formats=_FORMATS)
        pages = bool(getattr(image, "is_animated", False)) and image.format != "MPO"
    except Image.DecompressionBombError as error:
        raise UserError(f"{path} is too large: {first_line(error).rstrip('.')}; make it smaller") from error
    except Exception as error:
        raise refuse(path) from error
    if pages:
        raise UserError(f"{path} holds several pages or frames: save the one that is meant as a file of its own")
    return image


def refuse(path: Path) -> UserError:
    """The error for a file that cannot be decoded."""
    return UserError(f"{path} is not a readable image: fetch it again, or convert it to PNG of 8 or 16 bits")


def decode(image: ImageFile, path: Path, mode: str | None = None) -> np.ndarray:
    """Decode an image, turned upright.

    Args:
        image: as from `open_image`.
        path: its name, for the errors.
        mode: Pillow's mode to convert to; None keeps the numbers that are stored.

    Raises:
        UserError: the file is damaged, cut short, or cannot be converted.
    """
    try:
        pixels = np.asarray(image if mode is None else image.convert(mode))
        return turn_upright(pixels, find_orientation(image))
    except Exception as error:
        raise refuse(path) from error


def decode_rgb(content: bytes, image: ImageFile, path: Path) -> np.ndarray:
    """Decode an opaque JPEG, PNG or BMP as RGB, turned upright, faster than `decode` and with the same pixels.

    Args:
        content: the file.
        image: its header, as from `open_image`.
        path: its name, for the errors.

    Raises:
        UserError: the file is damaged or cut short.
    """
    is_jpeg = image.format in ("JPEG", "MPO")
    if is_jpeg and lacks_data(content, image):
        raise refuse(path)
    pixels = _decode_rgb(content)
    if pixels is None or pixels.shape[:2] != image.size[::-1]:
        raise refuse(path)
    if is_jpeg and lacks_rows(content, image, pixels):
        raise refuse(path)
    return turn_upright(pixels, find_orientation(image, content))


def find_orientation(image: ImageFile, content: bytes = b"eXIf") -> int:
    """Find how an image is to be turned, 1 to 8 as in EXIF; Pillow turns TIFF itself."""
    # In a PNG, Pillow looks for it behind the pixels and decodes them on its way.
    if image.format == "TIFF" or ("exif" not in image.info and not (image.format == "PNG" and b"eXIf" in content)):
        return 1
    return int(image.getexif().get(_ORIENTATION, 1))


def turn_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn and mirror pixels (H, W) or (H, W, C) by an EXIF orientation; an unknown one leaves them as they are."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _decode_rgb(content: bytes) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
