"""Images and predictions as the page gets them."""

from __future__ import annotations

import cv2
import numpy as np

from iis_core.errors import UserError

_EXACT_PIXELS = 1 << 22
"""Larger photographs are sent as JPEG, with colours that differ a little from what the model sees."""


def encode_photograph(image: np.ndarray) -> tuple[bytes, str]:
    """Encode an image, uint8 (H, W, 3) RGB, as the page shows it.

    Returns:
        The file and its media type.
    """
    colours = np.ascontiguousarray(image[:, :, ::-1])
    if image.shape[0] * image.shape[1] <= _EXACT_PIXELS:
        return cv2.imencode(".png", colours, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes(), "image/png"
    return cv2.imencode(".jpg", colours, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes(), "image/jpeg"


def encode_prediction(y: np.ndarray, mask: np.ndarray) -> tuple[bytes, tuple[int, int, int, int]]:
    """Encode probabilities as a PNG of 8 bits in which exactly the pixels of the mask are 128 and above.

    Args:
        y: float32 (H, W) in [0, 1].
        mask: bool (H, W), y by the threshold.

    Returns:
        The PNG of the smallest box outside of which all is 0, and the box as (top, left, height, width); where all is
        0, a box of a single pixel.
    """
    rounded = cv2.convertScaleAbs(y, alpha=255)
    levels = np.where(mask, np.maximum(rounded, 128), np.minimum(rounded, 127))
    left, top, width, height = cv2.boundingRect(levels)
    box = (top, left, max(height, 1), max(width, 1))
    part = levels[box[0] : box[0] + box[2], box[1] : box[1] + box[3]]
    quick = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    return cv2.imencode(".png", part, quick)[1].tobytes(), box


def check_size(image: np.ndarray, name: str) -> None:
    """Refuse what no page can show.

    Raises:
        UserError: a side is longer than a canvas of a browser can be.
    """
    if max(image.shape[:2]) > 16384:
        raise UserError(
            f"{name} is {image.shape[0]} x {image.shape[1]}; a page shows sides of up to 16384: make it smaller"
        )
