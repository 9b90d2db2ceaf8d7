"""Between image files and arrays, with errors that name the file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from iis_core.errors import UserError

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG"
_HEADER = 1 << 16


def read_image(path: Path) -> np.ndarray:
    """uint8 (H, W, 3) RGB, turned upright by its EXIF orientation.

    Grey, palette and CMYK files become RGB, 16 bits become the upper 8. Raises UserError for a file that is
    unreadable, cut short, or has transparent pixels.
    """
    content = _content(path)
    if _may_be_transparent(content[:_HEADER].tobytes()):
        _check_opaque(path, _decode(path, content, cv2.IMREAD_UNCHANGED))
    return _decode(path, content, cv2.IMREAD_COLOR_RGB)


def read_mask(path: Path) -> np.ndarray:
    """The stored codes, uint8 (H, W): the largest of the channels where there are several, a palette's colours.

    Raises UserError for a file that is unreadable, cut short, not of 8 bits, or has transparent pixels.
    """
    mask = _decode(path, _content(path), cv2.IMREAD_UNCHANGED)
    if mask.dtype != np.uint8:
        raise UserError(f"{path} is a mask of {mask.dtype}: save it with 8 bits")
    _check_opaque(path, mask)
    return mask if mask.ndim == 2 else np.asarray(mask[:, :, :3].max(axis=2))


def write_image(path: Path, image: np.ndarray) -> None:
    """Write uint8 (H, W, 3) RGB, or uint8 (H, W), as a PNG. Raises UserError where it cannot be written."""
    channels = image if image.ndim == 2 else np.ascontiguousarray(image[:, :, ::-1])
    try:
        path.write_bytes(cv2.imencode(".png", channels)[1].tobytes())
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error


def write_mask(path: Path, mask: np.ndarray) -> None:
    """Write a bool (H, W) mask as a PNG of 0 and 255. Raises UserError where it cannot be written."""
    if path.suffix.lower() != ".png":
        raise UserError(f"{path} must end in .png: a mask needs a lossless format")
    write_image(path, mask.astype(np.uint8) * 255)


def _content(path: Path) -> np.ndarray:
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
    """False for JPEG and for PNG without alpha channel or transparent palette, which spares decoding them twice."""
    if header.startswith(_PNG):
        return header[25:26] in (b"\4", b"\6") or b"tRNS" in header
    return not header.startswith(_JPEG)


def _check_opaque(path: Path, pixels: np.ndarray) -> None:
    if pixels.ndim == 3 and pixels.shape[2] == 4 and (pixels[:, :, 3] < np.iinfo(pixels.dtype).max).any():
        raise UserError(f"{path} has transparent pixels: save it without transparency")
