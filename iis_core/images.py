"""Between image files and arrays, with errors that name the file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from iis_core.errors import UserError


def read_image(path: Path) -> np.ndarray:
    """uint8 (H, W, 3) RGB, turned upright by its EXIF orientation. Raises UserError where unreadable."""
    return np.ascontiguousarray(_decode(path, cv2.IMREAD_COLOR)[:, :, ::-1])


def read_mask(path: Path) -> np.ndarray:
    """The stored codes, uint8 (H, W): the largest of the channels where there are several."""
    mask = _decode(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return np.asarray(mask.max(axis=2))


def write_mask(path: Path, mask: np.ndarray) -> None:
    """Write a bool (H, W) mask as a PNG of 0 and 255. Raises UserError where it cannot be written."""
    if path.suffix.lower() != ".png":
        raise UserError(f"{path} must end in .png: a mask needs a lossless format")
    encoded = cv2.imencode(".png", mask.astype(np.uint8) * 255)[1]
    try:
        path.write_bytes(encoded.tobytes())
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error


def _decode(path: Path, flags: int) -> np.ndarray:
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    decoded = cv2.imdecode(content, flags) if content.size else None
    if decoded is None:
        raise UserError(f"{path} is not a readable image: fetch it again, or convert it to PNG")
    return decoded
