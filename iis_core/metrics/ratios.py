"""Ratios of integer counts, and their exact comparison with a threshold.

A ratio of nothing to nothing is 1: IoU and Dice where prediction and target are both empty, precision
where nothing is predicted, recall where there is nothing to find.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import TypeGuard

from iis_core.errors import UserError
from iis_core.types import Counts


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
    exact = _read_as_written(threshold)
    return union == 0 or intersection * exact.denominator >= exact.numerator * union


@cache
def _read_as_written(threshold: float) -> Fraction:
    return Fraction(str(threshold))


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
