"""Reading and writing image files and masks, with errors that name the file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL.ImageFile import ImageFile

from iis_core.errors import UserError
from iis_core.files.decoding import decode, decode_rgb, find_orientation, open_image
from iis_core.files.reading import read_bytes
from iis_core.files.writing import write_bytes
from iis_core.masks.soft import has_soft_edges

_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_NUMBERED = ("1", "L", "P", *_DEEP)
_TRANSPARENT = ("LA", "La", "PA", "RGBA", "RGBa")
_LARGEST = (1 << 16) - 1
_FEW_BITS = {"L;2": 85, "L;4": 17}
"""By what Pillow multiplies grey values of fewer than 8 bits."""


def read_image(path: Path) -> np.ndarray:
    """Read an image, turned upright by its EXIF or TIFF orientation.

    Grey, palette and CMYK images become RGB; where a channel has 16 bits, the upper 8 are kept.

    Args:
        path: the image file.

    Returns:
        uint8 (H, W, 3) RGB.

    Raises:
        UserError: the file is unreadable, cut short, has too many pixels, several pages, numbers of other than 8 or 16
            bits, or transparent pixels.
    """
    content = read_bytes(path)
    image = open_image(content, path)
    if _may_be_transparent(image):
        return _decode_opaque(image, path)
    if image.format in ("JPEG", "MPO", "PNG", "BMP"):
        return decode_rgb(content, image, path)
    if image.mode in (*_DEEP, "F"):
        return np.repeat(_keep_upper_bits(decode(image, path), path)[:, :, None], 3, axis=2)
    return decode(image, path, "RGB")


def read_mask(path: Path) -> np.ndarray:
    """Read the codes stored in a mask, turned upright as its image is.

    Where the file has several channels, a pixel's code is the largest of them; a palette image is read as its colours.

    Args:
        path: the image file.

    Returns:
        uint8 (H, W).

    Raises:
        UserError: the file is unreadable, cut short, lossy, has several pages, is not of 8 bits, or has transparent
            pixels.
    """
    mask = _open_mask(path)
    return decode(mask, path, "L") if mask.mode in ("1", "L") else np.asarray(_decode_colours(mask, path).max(axis=2))


def read_mask_colours(path: Path) -> np.ndarray:
    """Read a mask whose colours, not numbers, tell its objects apart; the errors are those of `read_mask`.

    Args:
        path: the image file.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    return _decode_colours(_open_mask(path), path)


def read_labels(path: Path) -> np.ndarray:
    """Read the numbers in a mask: palette indices or grey values of up to 32 bits, turned upright as its image is.

    Args:
        path: the image file.

    Returns:
        int32 (H, W).

    Raises:
        UserError: the file is unreadable, cut short, lossy, has several pages, or holds colours.
    """
    return decode_labels(read_bytes(path), path)


def decode_labels(content: bytes, path: Path) -> np.ndarray:
    """Decode the numbers in a mask that is at hand.

    Args:
        content: the image file.
        path: where it comes from, for the errors, which are those of `read_labels`.

    Returns:
        int32 (H, W).
    """
    mask = _check_lossless(open_image(content, path), content, path)
    factor = _FEW_BITS.get(_find_raw_mode(mask), 1)
    labels, mode = decode(mask, path), mask.mode
    if mode == "RGB" and (labels == labels[:, :, :1]).all():
        labels, mode = labels[:, :, 0], "L"
    if mode not in _NUMBERED:
        raise UserError(f"{path} holds colours ({mode}): save the mask with one channel, a number for each object")
    return labels.astype(np.int32) // factor


def read_binary_mask(path: Path) -> np.ndarray:
    """Read a mask of one object: every pixel with any channel above 0.

    Args:
        path: the image file.

    Returns:
        bool (H, W).

    Raises:
        UserError: as `read_mask`, or the mask has soft edges, of which too much would be taken.
    """
    codes = read_mask(path)
    check_edges(codes, path)
    return np.asarray(codes > 0)


def check_edges(labels: np.ndarray, path: Path, remedy: str = "") -> None:
    """Refuse a mask with soft edges, whose in-between numbers would be taken for objects.

    Args:
        labels: integers (H, W), 0 and above, without what is ignored.
        path: where they come from, for the error.
        remedy: what else helps.

    Raises:
        UserError: the mask has soft edges.
    """
    if has_soft_edges(labels):
        some = ", ".join(str(number) for number in np.unique(labels)[:5])
        raise UserError(
            f"{path} has soft edges, as from resizing, smoothing or JPEG (numbers {some}, ...): "
            f"save it with hard edges, or set it to 0 and 255 by a threshold at half of its largest number{remedy}"
        )


def read_size(path: Path) -> tuple[int, int]:
    """Read the height and width that an image has once it is turned upright; the errors are those of `read_image`."""
    content = read_bytes(path)
    image = open_image(content, path)
    width, height = image.size
    return (width, height) if find_orientation(image, content) >= 5 else (height, width)


def find_range(path: Path) -> tuple[int, int]:
    """Find the largest number that an image file of 16 bits stores, and the largest that it could.

    Args:
        path: the file.

    Returns:
        The two numbers; for a file of other than 16 bits, or another kind, the same one twice.
    """
    try:
        pixels = cv2.imdecode(np.frombuffer(read_bytes(path), np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    largest = int(pixels.max()) if pixels is not None and pixels.dtype == np.uint16 else _LARGEST
    return largest, _LARGEST


def write_image(path: Path, image: np.ndarray) -> None:
    """Write an image as a PNG, or leave the file as it was.

    Args:
        path: the file.
        image: uint8 (H, W, 3) RGB, or uint8 (H, W).

    Raises:
        UserError: the file cannot be written.
    """
    channels = image if image.ndim == 2 else np.ascontiguousarray(image[:, :, ::-1])
    write_bytes(path, cv2.imencode(".png", channels)[1].tobytes())


def write_mask(path: Path, mask: np.ndarray) -> None:
    """Write a mask as a PNG of 0 and 255.

    Args:
        path: the file; its name must end in `.png`.
        mask: bool (H, W).

    Raises:
        UserError: the name has another ending, or the file cannot be written.
    """
    if path.suffix.lower() != ".png":
        raise UserError(f"{path} must end in .png: a mask needs a lossless format")
    write_image(path, mask.astype(np.uint8) * 255)


def _open_mask(path: Path) -> ImageFile:
    """Open a mask of codes or colours, which have 8 bits or fewer."""
    content = read_bytes(path)
    mask = _check_lossless(open_image(content, path), content, path)
    if mask.mode in (*_DEEP, "F") or "16" in _find_raw_mode(mask):
        raise UserError(f"{path} is a mask of more than 8 bits: save it with 8 bits")
    return mask


def _check_lossless(mask: ImageFile, content: bytes, path: Path) -> ImageFile:
    """Refuse a mask in a format that blurs its numbers."""
    lossy = mask.format in ("JPEG", "MPO", "JPEG2000", "AVIF") or mask.info.get("compression") in ("jpeg", "tiff_jpeg")
    if lossy or (mask.format == "WEBP" and b"VP8L" not in content[:4096]):
        kind = f"{mask.format} with JPEG compression" if mask.format == "TIFF" else mask.format
        raise UserError(f"{path} is a {kind}, which blurs the numbers of a mask: save masks as PNG, from the original")
    return mask


def _find_raw_mode(image: ImageFile) -> str:
    """Find how an image that is not decoded yet is stored, in Pillow's words."""
    stored = image.tile[0][3] if image.tile else ""
    return str(stored[0] if isinstance(stored, tuple) else stored)


def _may_be_transparent(image: ImageFile) -> bool:
    return image.mode in _TRANSPARENT or "transparency" in image.info


def _decode_opaque(image: ImageFile, path: Path) -> np.ndarray:
    rgba = decode(image, path, "RGBA")
    if (rgba[:, :, 3] < 255).any():
        raise UserError(f"{path} has transparent pixels: save it without transparency")
    return np.ascontiguousarray(rgba[:, :, :3])


def _decode_colours(mask: ImageFile, path: Path) -> np.ndarray:
    return _decode_opaque(mask, path) if _may_be_transparent(mask) else decode(mask, path, "RGB")


def _keep_upper_bits(numbers: np.ndarray, path: Path) -> np.ndarray:
    if numbers.dtype.kind not in "iu" or numbers.min() < 0 or numbers.max() > _LARGEST:
        raise UserError(f"{path} holds numbers of {numbers.dtype}, whose range is unknown: save it with 8 or 16 bits")
    return (numbers >> 8).astype(np.uint8)
