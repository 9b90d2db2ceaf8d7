"""The strips on either side of a mask's border."""

from __future__ import annotations

import numpy as np

from iis_core.masks.components import bounding_box
from iis_core.masks.morphology import dilate, erode


def inner_border(mask: np.ndarray, width: int) -> np.ndarray:
    """Return the pixels of a mask that lie close to its outside.

    Args:
        mask: bool (H, W). Pixels beyond the image are outside the mask.
        width: the largest chessboard distance to the outside.

    Returns:
        The strip inside the border, bool (H, W).
    """
    border = np.zeros_like(mask)
    box = bounding_box(mask)
    if box is not None:
        border[box] = mask[box] & ~erode(mask[box], width)
    return border


def outer_border(mask: np.ndarray, width: int) -> np.ndarray:
    """Return the pixels outside a mask that lie close to it.

    Args:
        mask: bool (H, W).
        width: the largest chessboard distance to the mask.

    Returns:
        The strip outside the border, bool (H, W).
    """
    return np.asarray(dilate(mask, width) & ~mask)
