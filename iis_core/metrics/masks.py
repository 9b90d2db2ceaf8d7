"""Integer counts of the pixels of masks and of their boundaries."""

from __future__ import annotations

import numpy as np

from iis_core.masks.border import inner_border
from iis_core.types import Counts


def count(prediction: np.ndarray, target: np.ndarray) -> Counts:
    """Count the correct and the wrong pixels of a prediction, leaving ignored pixels out.

    Args:
        prediction: bool (H, W).
        target: int8 (H, W); 1 object, 0 background, -1 ignore.

    Returns:
        The counts.
    """
    true = target == 1
    tp = int(np.count_nonzero(true & prediction))
    fp = int(np.count_nonzero((target == 0) & prediction))
    return Counts(tp, fp, int(np.count_nonzero(true)) - tp)


def boundary_width(shape: tuple[int, int], fraction: float = 0.02) -> int:
    """Return the width of the boundary for the boundary IoU.

    Args:
        shape: (H, W) of the image.
        fraction: the width as a fraction of the diagonal of the image.

    Returns:
        The width in pixels, at least 1.
    """
    return max(1, round(fraction * float(np.hypot(*shape))))


def boundary_counts(prediction: np.ndarray, target: np.ndarray, width: int | None = None) -> Counts:
    """Count the correct and the wrong pixels of the inner boundary of a prediction, for the boundary IoU.

    Args:
        prediction: bool (H, W).
        target: int8 (H, W); 1 object, 0 background, -1 ignore. An ignored pixel is outside both masks, whatever the
            prediction.
        width: the width of the boundaries in pixels; None for the `boundary_width` of the image.

    Returns:
        The counts, of the prediction's boundary against the target's.

    Source: Cheng, Girshick, Dollár, Berg, Kirillov 2021, Boundary IoU.
    """
    width = boundary_width(target.shape) if width is None else width
    own, true = inner_border(prediction & (target != -1), width), inner_border(target == 1, width)
    tp = int(np.count_nonzero(own & true))
    return Counts(tp, int(np.count_nonzero(own)) - tp, int(np.count_nonzero(true)) - tp)
