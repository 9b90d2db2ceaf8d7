"""Exact squared Euclidean distances to the border of a mask.

Distances are squared integers: OpenCV's float distances differ in the last bits with the memory alignment
of their input, which is enough to move a robot's click.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from scipy import ndimage

from iis_core.masks.components import bounding_box

_OPENCV_EXACT_SIDE = 1024
"""Up to this image side OpenCV's float32 distances, squared and rounded, are the exact integers."""

_CHAMFER_LOW, _CHAMFER_HIGH = 0.982, 1.020
"""Bounds of the ratio of OpenCV's 5 x 5 chamfer distance (steps of 1, 1.4 and 2.1969) to the Euclidean one."""

_SAME_DEPTH = _CHAMFER_LOW / _CHAMFER_HIGH
"""A pixel whose chamfer distance is below this fraction of the largest cannot be the farthest one."""


class FarthestPixel(NamedTuple):
    """The pixel of a mask that is farthest from its outside.

    Attributes:
        squared: its squared distance to the outside.
        row: its row in the image.
        col: its column in the image.
    """

    squared: int
    row: int
    col: int


def squared_distance(mask: np.ndarray) -> np.ndarray:
    """Return the exact squared distance of each pixel to the nearest pixel outside the mask.

    Args:
        mask: bool (H, W). Pixels beyond the image are outside the mask.

    Returns:
        Squared distances, int (H, W); 0 outside the mask.
    """
    squared = np.zeros(mask.shape, np.int64)
    box = bounding_box(mask)
    if box is not None:
        inside = np.nonzero(mask[box])
        squared[box][inside] = _measure_squared(_pad(mask[box]), inside[0] + 1, inside[1] + 1)
    return squared


def farthest_pixel(mask: np.ndarray, excluded: np.ndarray | None = None) -> FarthestPixel | None:
    """Return the pixel of a mask that is farthest from its outside.

    Args:
        mask: bool (H, W). Pixels beyond the image are outside the mask.
        excluded: int (n, 2), (row, col) of pixels that must not be chosen, though they may belong to the mask.

    Returns:
        The first pixel, in row-major order, with the largest squared distance; None where no pixel can be chosen.
    """
    interior = Interior.of(mask, excluded)
    return None if interior is None else interior.farthest_pixel()


@dataclass(frozen=True, eq=False)
class Interior:
    """A mask's approximate distances to its outside, which tell where exact ones are needed.

    Args:
        padded: uint8, the mask in its bounding box with a frame of zeros.
        origin: image coordinates of the first pixel of `padded`.
        chamfer: float32, 5 x 5 chamfer distances; 0 where a pixel must not be chosen.
        largest: their maximum.
    """

    padded: np.ndarray
    origin: tuple[int, int]
    chamfer: np.ndarray
    largest: float

    @classmethod
    def of(cls, mask: np.ndarray, excluded: np.ndarray | None = None) -> Interior | None:
        """Measure the approximate distances of a mask.

        Args:
            mask: as for `farthest_pixel`.
            excluded: as for `farthest_pixel`.

        Returns:
            The distances; None where no pixel can be chosen.
        """
        box = bounding_box(mask)
        if box is None:
            return None
        padded = _pad(mask[box])
        origin = box[0].start - 1, box[1].start - 1
        chamfer = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_5)
        if excluded is not None and len(excluded):
            inside = excluded - origin
            inside = inside[((inside >= 0) & (inside < padded.shape)).all(axis=1)]
            chamfer[inside[:, 0], inside[:, 1]] = 0
        largest = float(chamfer.max())
        return cls(padded, origin, chamfer, largest) if largest > 0 else None

    def is_surely_deeper_than(self, other: Interior) -> bool:
        """Whether the exact maximum is larger than the other's, however large the error of the chamfer distances."""
        return self.largest * _SAME_DEPTH > other.largest

    def farthest_pixel(self) -> FarthestPixel:
        """Return the first pixel, in row-major order, with the largest exact squared distance."""
        # The pixel with the largest chamfer distance c has an exact distance of at least c / HIGH, so the farthest
        # pixel has one too, and a chamfer distance of at least c * LOW / HIGH: it is always among the candidates.
        # No candidate is farther than c / LOW from the nearest pixel outside. `reach` exceeds that, so a crop that
        # extends so far beyond the candidates holds the nearest outside pixel of each. Cropping can only take
        # outside pixels away, never add any, so the distances of the candidates stay exact.
        candidates = self.chamfer >= self.largest * _SAME_DEPTH
        box = bounding_box(candidates)
        assert box is not None
        reach = int(self.largest / _CHAMFER_LOW) + 2
        rows, columns = (slice(max(0, side.start - reach), side.stop + reach) for side in box)
        places = np.nonzero(candidates[rows, columns])
        squared = _measure_squared(self.padded[rows, columns], *places)
        first = int(squared.argmax())
        row, col = (int(place[first]) for place in places)
        return FarthestPixel(
            int(squared[first]), row + rows.start + self.origin[0], col + columns.start + self.origin[1]
        )


def _pad(crop: np.ndarray) -> np.ndarray:
    padded = np.zeros((crop.shape[0] + 2, crop.shape[1] + 2), np.uint8)
    padded[1:-1, 1:-1] = crop
    return padded


def _measure_squared(padded: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return exact squared distances, int64, from some pixels of a uint8 map to its nearest zeros."""
    if max(padded.shape) > _OPENCV_EXACT_SIDE:
        nearest = ndimage.distance_transform_edt(padded, return_distances=False, return_indices=True)
        to_row, to_column = nearest[:, rows, columns].astype(np.int64)
        return np.asarray((to_row - rows) ** 2 + (to_column - columns) ** 2)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[rows, columns]
    return np.asarray(np.rint(distance.astype(np.float64) ** 2), np.int64)
