"""What a click is about: the region to refine, and what of a given mask is corrected."""

from __future__ import annotations

from math import exp

import cv2
import numpy as np

from iis_core.models.inference import Box
from iis_core.types import Click, SignedClick

PROBABILITY = 0.49
"""Above which a pixel of an earlier prediction is the object."""

PROBABILITY_NOW = 1 / (1 + exp(-PROBABILITY))
"""The same of the coarse prediction, which the published code compares as a logit."""

_EXPANSION = 1.4
_AROUND_CLICK = 0.2
_FEW = 10

_Sides = tuple[float, float, float, float]
"""First row, last row, first column, last column."""


def find_focus(new: np.ndarray, old: np.ndarray, click: Click | None, region: Box) -> Box | None:
    """Find the region to refine, by the published rules.

    It is what changed where the click is; where that is small beside the object, the surroundings of the click; the
    object where nothing was predicted before.

    Args:
        new: the coarse prediction, bool (H, W).
        old: the previous prediction, bool (H, W).
        click: the last one, (row, col), or None.
        region: what the coarse segmentor saw.

    Returns:
        The region to refine, or None where nothing of it lies in what the coarse segmentor saw.

    Source: Chen et al. 2022, FocalClick, and its code.
    """
    sides = _find_sides(new)
    if click is not None and old.any():
        changed = _find_sides(mark_part(new != old, click))
        height, width = sides[1] - sides[0], sides[3] - sides[2]
        if changed[1] - changed[0] < height / 3 or changed[3] - changed[2] < width / 3:
            reach = _AROUND_CLICK * max(height, width)
            sides = (click[0] - reach, click[0] + reach, click[1] - reach, click[1] + reach)
        else:
            sides = changed
    return _expand(sides, new.shape, region)


def merge(given: np.ndarray, result: np.ndarray, click: SignedClick) -> np.ndarray:
    """Correct a given mask where the click is, and nowhere else.

    Where the result does not change the clicked pixel, the part of all unchanged pixels is taken, as published. A click
    that asks for what the mask already has, which no robot makes, changes nothing.

    Args:
        given: the mask so far, bool (H, W).
        result: the prediction, bool (H, W).
        click: the click.

    Returns:
        The corrected mask, bool (H, W).

    Source: Chen et al. 2022, FocalClick (progressive merge).
    """
    place = click.row, click.col
    if given[place] == click.positive:
        return given
    part = mark_part(result != given, place)
    return np.asarray(given | part if click.positive else given & ~part)


def mark_part(mask: np.ndarray, click: Click) -> np.ndarray:
    """Mark the 8-connected part of a mask that holds a click; all pixels outside of the mask where that is none.

    Args:
        mask: bool (H, W).
        click: (row, col).

    Returns:
        bool (H, W).
    """
    _, parts = cv2.connectedComponents(mask.astype(np.uint8))
    return np.asarray(parts == parts[click])


def _find_sides(mask: np.ndarray) -> _Sides:
    """Find the sides of a mask, last row and column included; of a mask of few pixels those of the image, excluded."""
    if np.count_nonzero(mask) < _FEW:
        return 0, mask.shape[0], 0, mask.shape[1]
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


def _expand(sides: _Sides, shape: tuple[int, ...], region: Box) -> Box | None:
    spans = []
    limits = ((region.top, region.bottom), (region.left, region.right))
    for first, last, side, (lower, upper) in zip(sides[::2], sides[1::2], shape, limits, strict=True):
        centre, reach = 0.5 * (first + last), 0.5 * (_EXPANSION * (last - first + 1))
        start, end = max(0, int(centre - reach), lower), min(side, int(centre + reach), upper + 1)
        if start >= end:
            return None
        spans += [start, end - 1]
    return Box(*spans)
