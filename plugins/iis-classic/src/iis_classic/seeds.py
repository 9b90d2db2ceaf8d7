"""What a click says beyond its pixel: disks that share its label, and where the object cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np


class Seed(NamedTuple):
    """A click at working size, and the radius of the disk around it that is certain to share its label."""

    row: int
    col: int
    radius: float
    positive: bool


def distance_to(shape: tuple[int, ...], seeds: Iterable[Seed]) -> np.ndarray:
    """Euclidean distance to the nearest seed, float32 (H, W); infinite without any."""
    elsewhere = np.ones(shape, np.uint8)
    for seed in seeds:
        elsewhere[seed.row, seed.col] = 0
    if elsewhere.all():
        return np.full(shape, np.inf, np.float32)
    return cv2.distanceTransform(elsewhere, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def distances(shape: tuple[int, ...], seeds: Sequence[Seed]) -> tuple[np.ndarray, np.ndarray]:
    """Distances to the nearest positive and to the nearest negative seed, see `distance_to`."""
    return distance_to(shape, (s for s in seeds if s.positive)), distance_to(
        shape, (s for s in seeds if not s.positive)
    )


def draw_disks(labels: np.ndarray, seeds: Sequence[Seed], positive: int, negative: int) -> None:
    """Draw the certain disks, the latest on top, none past half-way to a seed of the other sign."""
    to_positive, to_negative = distances(labels.shape, seeds)
    for seed in seeds:
        rivals = to_negative if seed.positive else to_positive
        radius = max(1.0, min(seed.radius, rivals[seed.row, seed.col] / 2))
        cv2.circle(labels, (seed.col, seed.row), round(radius), positive if seed.positive else negative, cv2.FILLED)
    for seed in seeds:
        labels[seed.row, seed.col] = positive if seed.positive else negative


def certain_labels(shape: tuple[int, ...], seeds: Sequence[Seed], far: float) -> np.ndarray:
    """uint8 (H, W): 1 certainly object, 2 certainly background, 0 open.

    Background is what is farther from all positive seeds than a part `far` of the longer side, or the image's
    border where nothing is that far.
    """
    to_positive, _ = distances(shape, seeds)
    labels = (2 * (to_positive > far * max(shape))).astype(np.uint8)
    if not labels.any():
        labels[[0, -1]] = labels[:, [0, -1]] = 2
    draw_disks(labels, seeds, positive=1, negative=2)
    return labels


def anchored(mask: np.ndarray, seeds: Sequence[Seed], initial: np.ndarray | None = None) -> np.ndarray:
    """The 4-connected parts of the mask that hold a positive seed or meet the initial mask, bool (H, W)."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    kept = np.zeros(count, bool)
    kept[[labels[seed.row, seed.col] for seed in seeds if seed.positive]] = True
    if initial is not None:
        kept[labels[initial]] = True
    kept[0] = False
    return np.asarray(kept[labels])


def drop_unanchored(probabilities: np.ndarray, seeds: Sequence[Seed]) -> None:
    """Set to 0, in place, the parts above 0.5 that hold no positive seed."""
    inside = probabilities > 0.5
    probabilities[inside & ~anchored(inside, seeds)] = 0
