"""The strips on either side of a mask's border."""

from __future__ import annotations

import numpy as np

from iis_core.masks.morphology import dilate, erode


def inner_border(mask: np.ndarray, width: int) -> np.ndarray:
    """Pixels of a bool (H, W) mask within `width` (chessboard distance) of its outside, image border included."""
    return np.logical_and(mask, ~erode(mask, width))


def outer_border(mask: np.ndarray, width: int) -> np.ndarray:
    """Pixels outside a bool (H, W) mask within `width` (chessboard distance) of it."""
    return np.logical_and(dilate(mask, width), ~mask)
