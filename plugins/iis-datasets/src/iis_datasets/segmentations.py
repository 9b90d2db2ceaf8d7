"""Segmentations in COCO's format, checked before pycocotools sees them, which trusts every number."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as rle

_COMPRESSED = re.compile("[0-o]*[0-O]")
"""Digits of 5 bits; those from P to o say that another one follows."""

Size = tuple[int, int]
Box = tuple[float, float, float, float]


def decode_segmentation(segmentation: Any, size: Size) -> np.ndarray:
    """Decode polygons, or run lengths that are compressed or not.

    Args:
        segmentation: as in the annotation.
        size: height and width of the image.

    Returns:
        bool (H, W).

    Raises:
        ValueError: the segmentation is damaged, or belongs to an image of another size.
    """
    if isinstance(segmentation, list):
        polygons = [polygon.tolist() for polygon in check_polygons(segmentation, size)]
        return np.asarray(rle.decode(rle.merge(rle.frPyObjects(polygons, *size))), bool)
    counts = _check_runs(segmentation, size)
    runs = counts if isinstance(counts, list) else _decompress(counts)
    if sum(runs) != size[0] * size[1] or min(runs) < 0:
        raise ValueError(f"its run lengths add up to {sum(runs)} pixels, the image has {size[0] * size[1]}")
    pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.ascontiguousarray(pixels.reshape(size[::-1]).T)


def find_box(segmentation: Any, size: Size) -> Box:
    """Find left, top, right and bottom; from polygons, since a given `bbox` may be smaller than what is rendered.

    Args:
        segmentation: as in the annotation.
        size: height and width of the image.

    Raises:
        ValueError: the segmentation is damaged, or belongs to an image of another size.
    """
    if isinstance(segmentation, list):
        points = np.concatenate(check_polygons(segmentation, size)).reshape(-1, 2)
        (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        return left, top, right, bottom
    counts = _check_runs(segmentation, size)
    if isinstance(counts, list):
        counts = rle.frPyObjects({"size": list(size), "counts": counts}, *size)["counts"]
    left, top, width, height = rle.toBbox({"size": list(size), "counts": counts}).tolist()
    return left, top, left + width, top + height


def check_polygons(polygons: Sequence[Any], size: Size) -> list[np.ndarray]:
    """Return the polygons that have an area, as arrays of x, y, x, y and so on.

    Raises:
        ValueError: there is none, or a coordinate is no number or more than a whole image away.
    """
    height, width = size
    checked = []
    for polygon in polygons:
        if not (isinstance(polygon, list) and all(type(number) in (int, float) for number in polygon)):
            raise ValueError("its polygons are not lists of numbers")
        points = np.asarray(polygon, float)
        if len(points) % 2:
            raise ValueError("a polygon has an odd number of coordinates")
        near = (abs(points[::2] - width / 2) <= 1.5 * width).all() and (
            abs(points[1::2] - height / 2) <= 1.5 * height
        ).all()
        if not near:
            raise ValueError("a polygon lies far outside the image")
        if len(points) >= 6:
            checked.append(points)
    if not checked:
        raise ValueError("no polygon has three points")
    return checked


def _check_runs(segmentation: Any, size: Size) -> list[int] | bytes:
    """Return run lengths, or compressed ones as bytes, that are safe to hand on."""
    if not (isinstance(segmentation, Mapping) and {"size", "counts"} <= segmentation.keys()):
        raise ValueError("it is neither a list of polygons nor run lengths with size and counts")
    if list(segmentation["size"]) != list(size):
        raise ValueError(f"it is {segmentation['size']}, but its image is {list(size)}")
    counts = segmentation["counts"]
    if isinstance(counts, list):
        if not counts or not all(type(run) is int and 0 <= run <= size[0] * size[1] for run in counts):
            raise ValueError("its run lengths are not whole numbers of pixels in the image")
        return counts
    if not (isinstance(counts, str) and _COMPRESSED.fullmatch(counts)):
        raise ValueError("its compressed run lengths are cut short or damaged")
    return counts.encode()


def _decompress(counts: bytes) -> list[int]:
    """Decompress run lengths: digits of 5 bits, the lowest first; from the third on, the change to the last but one."""
    runs: list[int] = []
    value = shift = 0
    for digit in (byte - 48 for byte in counts):
        value |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        value -= (digit & 16) << (shift - 4)
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    return runs
