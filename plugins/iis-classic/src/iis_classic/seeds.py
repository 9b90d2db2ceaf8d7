"""What a click says beyond its pixel: which pixels share its label, and where the object cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np


class Seed(NamedTuple):
    """A click at working size with the disk around it that certainly shares its label.

    Args:
        row: row of the click.
        col: column of the click.
        radius: radius of the disk, in pixels.
        positive: whether the click is positive.
    """

    row: int
    col: int
    radius: float
    positive: bool


def drop_hidden(seeds: Sequence[Seed]) -> list[Seed]:
    """Drop the negative seeds that share a pixel with a positive one, so that every object keeps its seeds."""
    taken = {(seed.row, seed.col) for seed in seeds if seed.positive}
    return [seed for seed in seeds if seed.positive or (seed.row, seed.col) not in taken]


def measure_distance(shape: tuple[int, ...], seeds: Iterable[Seed]) -> np.ndarray:
    """Measure the Euclidean distance of every pixel to the nearest seed.

    Args:
        shape: (H, W).
        seeds: seeds of either sign.

    Returns:
        float32 (H, W), infinite without any seed.
    """
    elsewhere = np.ones(shape, np.uint8)
    for seed in seeds:
        elsewhere[seed.row, seed.col] = 0
    if elsewhere.all():
        return np.full(shape, np.inf, np.float32)
    return cv2.distanceTransform(elsewhere, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def measure_distances(shape: tuple[int, ...], seeds: Sequence[Seed]) -> tuple[np.ndarray, np.ndarray]:
    """Measure the distance of every pixel to the nearest positive and to the nearest negative seed.

    Args:
        shape: (H, W).
        seeds: seeds of both signs.

    Returns:
        Both as given by `measure_distance`.
    """
    return measure_distance(shape, (s for s in seeds if s.positive)), measure_distance(
        shape, (s for s in seeds if not s.positive)
    )


def mark_disks(labels: np.ndarray, seeds: Sequence[Seed], positive: int, negative: int) -> None:
    """Mark the certain disks in place, the latest on top, none past half-way to a seed of the other sign.

    Args:
        labels: uint8 (H, W), which is changed.
        seeds: all seeds, in order.
        positive: label of the disks of positive seeds.
        negative: label of the disks of negative seeds.
    """
    to_positive, to_negative = measure_distances(labels.shape, seeds)
    for seed in seeds:
        rivals = to_negative if seed.positive else to_positive
        radius = max(1.0, min(seed.radius, rivals[seed.row, seed.col] / 2))
        cv2.circle(labels, (seed.col, seed.row), round(radius), positive if seed.positive else negative, cv2.FILLED)
    for seed in seeds:
        labels[seed.row, seed.col] = positive if seed.positive else negative


def label_certain(shape: tuple[int, ...], seeds: Sequence[Seed], far: float) -> np.ndarray:
    """Label the pixels that are certain.

    Besides the disks around negative seeds, all that is far from every positive seed is background, or the image's
    border if nothing is that far.

    Args:
        shape: (H, W).
        seeds: all seeds, in order.
        far: distance from which on a pixel is background, as a fraction of the longer side.

    Returns:
        uint8 (H, W): 1 certainly object, 2 certainly background, 0 open.
    """
    to_positive, _ = measure_distances(shape, seeds)
    labels = (2 * (to_positive > far * max(shape))).astype(np.uint8)
    if not labels.any():
        labels[[0, -1]] = labels[:, [0, -1]] = 2
    mark_disks(labels, seeds, positive=1, negative=2)
    return labels


def keep_anchored(mask: np.ndarray, seeds: Sequence[Seed], initial: np.ndarray | None = None) -> np.ndarray:
    """Keep the 4-connected parts of a mask that hold a positive seed or meet the initial mask.

    Args:
        mask: bool (H, W).
        seeds: all seeds.
        initial: bool (H, W), or None.

    Returns:
        bool (H, W).
    """
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    kept = np.zeros(count, bool)
    kept[[labels[seed.row, seed.col] for seed in seeds if seed.positive]] = True
    if initial is not None:
        kept[labels[initial]] = True
    kept[0] = False
    return np.asarray(kept[labels])


def drop_unanchored(probabilities: np.ndarray, seeds: Sequence[Seed]) -> None:
    """Set the parts above 0.5 that hold no positive seed to 0, in place.

    Args:
        probabilities: float (H, W), which is changed.
        seeds: all seeds.
    """
    inside = probabilities > 0.5
    probabilities[inside & ~keep_anchored(inside, seeds)] = 0
