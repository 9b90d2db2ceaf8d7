"""Soft edges: numbers in a mask that are no objects, but left by interpolation, smoothing or lossy compression."""

from __future__ import annotations

import cv2
import numpy as np

_SQUARE = np.ones((3, 3), np.uint8)
_CRUMB, _CRUMBS = 4, 8


def find_soft_numbers(labels: np.ndarray) -> np.ndarray:
    """Find the numbers that soft edges have left in a mask.

    Such a number is nowhere three pixels wide, and either lies mostly between a lower and a higher number, as what is
    interpolated does, or in eight and more crumbs of less than four pixels, as what a JPEG adds.

    Args:
        labels: integers (H, W), 0 and above.

    Returns:
        The soft numbers, in order.
    """
    if ((labels == 0) | (labels == labels.max())).all():
        return np.empty(0, labels.dtype)
    narrow = labels if labels.dtype in (np.uint8, np.uint16) else labels.astype(np.float64)
    lowest, highest = cv2.erode(narrow, _SQUARE), cv2.dilate(narrow, _SQUARE)
    between = (lowest < narrow) & (narrow < highest) & (labels > 0)
    if not between.any():
        return np.empty(0, labels.dtype)
    numbers, total = np.unique(labels[labels > 0], return_counts=True)
    is_wide = np.isin(numbers, labels[lowest == highest])
    is_between = 2 * _tally(labels[between], numbers) >= total
    crumbs = _tally(labels[_starts(labels)], numbers)
    is_in_crumbs = (crumbs >= _CRUMBS) & (total < _CRUMB * crumbs)
    return np.asarray(numbers[~is_wide & (is_between | is_in_crumbs)])


def has_soft_edges(labels: np.ndarray) -> bool:
    """Return whether at least half of the numbers above 0 are soft; `labels` as for `find_soft_numbers`."""
    soft = len(find_soft_numbers(labels))
    return soft > 0 and 2 * soft >= len(np.unique(labels[labels > 0]))


def _tally(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Count each number among the values."""
    found, count = np.unique(values[values > 0], return_counts=True)
    tally = np.zeros(len(numbers), int)
    tally[np.searchsorted(numbers, found)] = count
    return tally


def _starts(labels: np.ndarray) -> np.ndarray:
    """Mark pixels without an equal one to the left or above, diagonals included: at least one in each part."""
    padded = np.pad(labels, ((1, 0), (1, 1)))
    before = (padded[1:, :-2], padded[:-1, :-2], padded[:-1, 1:-1], padded[:-1, 2:])
    return np.asarray(~np.any([labels == neighbour for neighbour in before], axis=0))
