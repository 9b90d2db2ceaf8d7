"""Bounding boxes and connected components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from iis_core.types import Click


class Component(NamedTuple):
    """A connected component of a mask.

    Attributes:
        area: its pixel count.
        box: row and column slices of its bounding box.
        mask: bool, its pixels inside the box.
    """

    area: int
    box: tuple[slice, slice]
    mask: np.ndarray


def bounding_box(mask: np.ndarray) -> tuple[slice, slice] | None:
    """Return the smallest box that holds every true pixel of a mask.

    Args:
        mask: bool (H, W).

    Returns:
        Row and column slices; None in an empty mask.
    """
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return (slice(top, top + height), slice(left, left + width)) if width else None


def components(mask: np.ndarray, connectivity: int = 8) -> list[Component]:
    """Return the connected components of a mask.

    Args:
        mask: bool (H, W).
        connectivity: 4 or 8.

    Returns:
        The components, in row-major order of their first pixels.
    """
    labelled = _label(mask, connectivity)
    found = [labelled.component(label) for label in range(1, len(labelled.areas))]
    return sorted(found, key=_find_first_pixel)


def largest_component(mask: np.ndarray, connectivity: int = 8) -> Component | None:
    """Return the connected component with the most pixels.

    Args:
        mask: bool (H, W).
        connectivity: 4 or 8.

    Returns:
        The largest component, of equal ones the first in row-major order; None in an empty mask.
    """
    labelled = _label(mask, connectivity)
    if len(labelled.areas) == 1:
        return None
    labels = 1 + np.flatnonzero(labelled.areas[1:] == labelled.areas[1:].max())
    return min((labelled.component(int(label)) for label in labels), key=_find_first_pixel)


def keep_connected(mask: np.ndarray, pixels: Sequence[Click]) -> np.ndarray:
    """Return the union of the 8-connected components that hold at least one of the given pixels.

    Args:
        mask: bool (H, W).
        pixels: (row, col); those outside the mask add nothing.

    Returns:
        The union, bool (H, W).
    """
    if bounding_box(mask) is None:
        # OpenCV ends the process on a mask without pixels.
        return np.zeros(mask.shape, bool)
    _, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    is_kept = np.zeros(int(labels.max()) + 1, bool)
    is_kept[[labels[pixel] for pixel in pixels]] = True
    is_kept[0] = False
    return np.asarray(is_kept[labels])


class _Labelled(NamedTuple):
    """The labels that OpenCV gives to the pixels in the bounding box of a mask; label 0 is the background."""

    labels: np.ndarray
    stats: np.ndarray
    box: tuple[slice, slice]

    @property
    def areas(self) -> np.ndarray:
        return self.stats[:, cv2.CC_STAT_AREA]

    def component(self, label: int) -> Component:
        left, top, width, height, area = (int(value) for value in self.stats[label])
        inner = slice(top, top + height), slice(left, left + width)
        rows, columns = self.box
        outer = (
            slice(rows.start + top, rows.start + top + height),
            slice(columns.start + left, columns.start + left + width),
        )
        return Component(area, outer, self.labels[inner] == label)


def _label(mask: np.ndarray, connectivity: int) -> _Labelled:
    box = bounding_box(mask) or (slice(0, 0), slice(0, 0))
    crop = np.ascontiguousarray(mask[box]).view(np.uint8)
    if not crop.size:
        return _Labelled(crop, np.zeros((1, 5), np.int32), box)
    # 16-bit labels halve the time; with either connectivity at most half of the pixels are components.
    label_type = cv2.CV_16U if crop.size <= 2 * (2**16 - 2) else cv2.CV_32S
    _, labels, stats, _ = cv2.connectedComponentsWithStats(crop, connectivity=connectivity, ltype=label_type)
    return _Labelled(labels, stats, box)


def _find_first_pixel(component: Component) -> tuple[int, int]:
    rows, columns = component.box
    return rows.start, columns.start + int(component.mask[0].argmax())
