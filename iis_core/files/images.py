"""Reading and writing image files, with errors that name the file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from iis_core.errors import UserError

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG"
_HEADER = 1 << 16


def read_image(path: Path) -> np.ndarray:
    """Read an image, turned upright by its EXIF orientation.

    Grey, palette and CMYK images become RGB; where a channel has 16 bits, the upper 8 are kept.

    Args:
        path: the image file.

    Returns:
        uint8 (H, W, 3) RGB.

    Raises:
        UserError: the file is unreadable, cut short, or has transparent pixels.
    """
    content = _read_bytes(path)
    if _may_be_transparent(content[:_HEADER].tobytes()):
        _check_opaque(path, _decode(path, content, cv2.IMREAD_UNCHANGED))
    return _decode(path, content, cv2.IMREAD_COLOR_RGB)


def read_mask(path: Path) -> np.ndarray:
    """Read the codes stored in a mask.

    Where the file has several channels, a pixel's code is the largest of them; a palette image is read as its colours.

    Args:
        path: the image file.

    Returns:
        uint8 (H, W).

    Raises:
        UserError: the file is unreadable, cut short, not of 8 bits, or has transparent pixels.
    """
    mask = _decode(path, _read_bytes(path), cv2.IMREAD_UNCHANGED)
    if mask.dtype != np.uint8:
        raise UserError(f"{path} is a mask of {mask.dtype}: save it with 8 bits")
    _check_opaque(path, mask)
    return mask if mask.ndim == 2 else np.asarray(mask[:, :, :3].max(axis=2))


def write_image(path: Path, image: np.ndarray) -> None:
    """Write an image as a PNG.

    Args:
        path: the file.
        image: uint8 (H, W, 3) RGB, or uint8 (H, W).

    Raises:
        UserError: the file cannot be written.
    """
    channels = image if image.ndim == 2 else np.ascontiguousarray(image[:, :, ::-1])
    try:
        path.write_bytes(cv2.imencode(".png", channels)[1].tobytes())
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error


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


def _read_bytes(path: Path) -> np.ndarray:
    try:
        return np.fromfile(path, np.uint8)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def _decode(path: Path, content: np.ndarray, flags: int) -> np.ndarray:
    try:
        decoded = cv2.imdecode(content, flags) if content.size else None
    except cv2.error:
        decoded = None
    if decoded is None:
        raise UserError(f"{path} is not a readable image: fetch it again, or convert it to PNG")
    return decoded


def _may_be_transparent(header: bytes) -> bool:
    """Return False for JPEG, and for PNG without alpha channel or transparent palette: no second decoding is needed."""
    if header.startswith(_PNG):
        return header[25:26] in (b"\4", b"\6") or b"tRNS" in header
    return not header.startswith(_JPEG)


def _check_opaque(path: Path, pixels: np.ndarray) -> None:
    if pixels.ndim == 3 and pixels.shape[2] == 4 and (pixels[:, :, 3] < np.iinfo(pixels.dtype).max).any():
        raise UserError(f"{path} has transparent pixels: save it without transparency")
