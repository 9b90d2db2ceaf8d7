"""Erosion and dilation by a square."""

from __future__ import annotations

import cv2
import numpy as np


def erode(mask: np.ndarray, radius: int, *, min_area: int | None = None) -> np.ndarray:
    """Remove every pixel within `radius` (chessboard distance) of the outside; beyond the image is outside.

    mask: bool (H, W).
    min_area: where fewer pixels would remain, the mask is returned as it is.
    """
    eroded = cv2.erode(mask.view(np.uint8), _square(radius), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    kept = eroded.view(bool)
    return mask if min_area is not None and np.count_nonzero(kept) < min_area else kept


def dilate(mask: np.ndarray, radius: int, *, max_area: int | None = None) -> np.ndarray:
    """Add every pixel within `radius` (chessboard distance) of the mask.

    mask: bool (H, W).
    max_area: where more pixels would result, the mask is returned as it is.
    """
    dilated = cv2.dilate(mask.view(np.uint8), _square(radius), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    grown = dilated.view(bool)
    return mask if max_area is not None and np.count_nonzero(grown) > max_area else grown


def _square(radius: int) -> np.ndarray:
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
