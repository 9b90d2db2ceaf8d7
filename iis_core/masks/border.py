"""The strips on either side of a mask's border."""

from __future__ import annotations

import numpy as np

from iis_core.masks.components import bounding_box
from iis_core.masks.morphology import dilate, erode


def inner_border(mask: np.ndarray, width: int) -> np.ndarray:
    """Pixels of a bool (H, W) mask within `width` (chessboard distance) of its outside, image border included."""
    border = np.zeros_like(mask)
    box = bounding_box(mask)
    if box is not None:
        border[box] = mask[box] & ~erode(mask[box], width)
    return border


def outer_border(mask: np.ndarray, width: int) -> np.ndarray:
    """Pixels outside a bool (H, W) mask within `width` (chessboard distance) of it."""
    return np.asarray(dilate(mask, width) & ~mask)
