"""Erosion and dilation by a square."""

from __future__ import annotations

import cv2
import numpy as np


def erode(mask: np.ndarray, radius: int, *, min_area: int | None = None) -> np.ndarray:
    """Remove the pixels of a mask that lie close to its outside.

    Args:
        mask: bool (H, W). Pixels beyond the image are outside the mask.
        radius: the largest chessboard distance at which a pixel is removed.
        min_area: where fewer pixels would remain, the mask is returned unchanged.

    Returns:
        The eroded mask, bool (H, W).
    """
    eroded = cv2.erode(mask.view(np.uint8), _make_square(radius), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    kept = eroded.view(bool)
    return mask if min_area is not None and np.count_nonzero(kept) < min_area else kept


def dilate(mask: np.ndarray, radius: int, *, max_area: int | None = None) -> np.ndarray:
    """Add the pixels that lie close to a mask.

    Args:
        mask: bool (H, W).
        radius: the largest chessboard distance at which a pixel is added.
        max_area: where more pixels would result, the mask is returned unchanged.

    Returns:
        The dilated mask, bool (H, W).
    """
    dilated = cv2.dilate(mask.view(np.uint8), _make_square(radius), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    grown = dilated.view(bool)
    return mask if max_area is not None and np.count_nonzero(grown) > max_area else grown


def _make_square(radius: int) -> np.ndarray:
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
