"""Integer counts on masks, ratios of them, and their exact comparison with a threshold.

A ratio of nothing to nothing is 1: IoU and Dice where prediction and target are both empty, precision
where nothing is predicted, recall where there is nothing to find.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TypeGuard

import numpy as np

from iis_core.errors import UserError
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


def iou(counts: Counts) -> float:
    """Return the intersection over union."""
    return _divide(counts.tp, counts.union)


def dice(counts: Counts) -> float:
    """Return twice the intersection over the sum of the areas, which is the F1 score of the pixels."""
    return _divide(2 * counts.tp, counts.union + counts.tp)


def precision(counts: Counts) -> float:
    """Return the share of the predicted pixels that are correct."""
    return _divide(counts.tp, counts.tp + counts.fp)


def recall(counts: Counts) -> float:
    """Return the share of the object's pixels that are predicted."""
    return _divide(counts.tp, counts.tp + counts.fn)


def _divide(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def iou_reaches(intersection: int, union: int, threshold: float) -> bool:
    """Return whether IoU >= threshold, exactly: the ratio of the counts is compared with the decimal as written.

    Args:
        intersection: number of pixels.
        union: number of pixels; where it is 0 (prediction and target are both empty) the IoU counts as 1.
        threshold: the IoU to reach.
    """
    exact = Fraction(str(threshold))
    return union == 0 or intersection * exact.denominator >= exact.numerator * union


def check_iou(name: str, value: object) -> None:
    """Check that a value is an IoU.

    Args:
        name: what the value is called in the message.
        value: anything.

    Raises:
        UserError: the value is not a number in (0, 1].
    """
    if not is_number(value) or not 0 < value <= 1:
        raise UserError(f"{name} must be an IoU above 0 and at most 1, e.g. 0.9, not {value!r}")


def is_number(value: object) -> TypeGuard[float]:
    """Tell numbers from everything else, True and False included."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
