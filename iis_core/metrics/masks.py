"""Integer counts on masks, and the ratios of them.

A ratio of nothing to nothing is 1: IoU and Dice where prediction and target are both empty, precision
where nothing is predicted, recall where there is nothing to find.
"""

from __future__ import annotations

import numpy as np

from iis_core.masks.border import inner_border
from iis_core.types import Counts


def count(prediction: np.ndarray, target: np.ndarray) -> Counts:
    """Counts over the pixels that are not ignored.

    prediction: bool (H, W).
    target: int8 (H, W); 1 object, 0 background, -1 ignore.
    """
    true = target == 1
    tp = int(np.count_nonzero(true & prediction))
    fp = int(np.count_nonzero((target == 0) & prediction))
    return Counts(tp, fp, int(np.count_nonzero(true)) - tp)


def boundary_width(shape: tuple[int, int], fraction: float = 0.02) -> int:
    """Width in pixels of the boundary of an image of this (H, W): a fraction of its diagonal, at least 1."""
    return max(1, round(fraction * float(np.hypot(*shape))))


def boundary_counts(prediction: np.ndarray, target: np.ndarray, width: int | None = None) -> Counts:
    """Counts between the inner boundaries of prediction and target, for the boundary IoU.

    prediction, target: as for `count`; an ignored pixel is outside both masks, whatever is predicted there.
    width: of the boundary in pixels, by default `boundary_width` of the image.

    Source: Cheng, Girshick, Dollár, Berg, Kirillov 2021, Boundary IoU.
    """
    width = boundary_width(target.shape) if width is None else width
    own, true = inner_border(prediction & (target != -1), width), inner_border(target == 1, width)
    tp = int(np.count_nonzero(own & true))
    return Counts(tp, int(np.count_nonzero(own)) - tp, int(np.count_nonzero(true)) - tp)


def iou(counts: Counts) -> float:
    """Intersection over union."""
    return _ratio(counts.tp, counts.union)


def dice(counts: Counts) -> float:
    """Twice the intersection over the sum of the areas, the F1 score of pixels."""
    return _ratio(2 * counts.tp, counts.union + counts.tp)


def precision(counts: Counts) -> float:
    """The share of the predicted pixels that are right."""
    return _ratio(counts.tp, counts.tp + counts.fp)


def recall(counts: Counts) -> float:
    """The share of the target's pixels that are found."""
    return _ratio(counts.tp, counts.tp + counts.fn)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
