"""GrabCut seeded by clicks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from iis_classic.seeded import SeededModel, check_above_0
from iis_classic.seeds import Seed, keep_anchored, mark_disks, measure_distances
from iis_core import UserError


class GrabCut(SeededModel):
    """OpenCV's GrabCut with seeds around the clicks and a prior on where the object can be.

    Every answer is a fresh cut. The object is probable close to a positive click, and excluded far from all of them.
    Parts of the cut without a positive click are dropped.

    Args:
        working_size: see `SeededModel`.
        seed_radius: see `SeededModel`.
        near: radius around positive clicks where the object is probable, as a fraction of the shorter side.
        far: see `SeededModel`.
        iterations: number of GrabCut iterations per answer.

    Source: Rother, Kolmogorov, Blake 2004, GrabCut: Interactive Foreground Extraction using Iterated Graph Cuts.
    """

    starts_from_mask = True

    def __init__(
        self,
        *,
        working_size: int = 256,
        seed_radius: float = 12,
        near: float = 0.12,
        far: float = 0.3,
        iterations: int = 3,
    ) -> None:
        super().__init__(working_size, seed_radius, far)
        if iterations < 1:
            raise UserError(f"iterations must be at least 1, not {iterations}")
        check_above_0(near=near)
        self.near = near
        self.iterations = iterations

    def segment(self, image: np.ndarray, seeds: Sequence[Seed], initial: np.ndarray | None) -> np.ndarray:
        labels = self._label_pixels(image.shape[:2], seeds, initial)
        is_object = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
        if seeds and is_object.any() and not is_object.all():
            # GrabCut starts its colour models from k-means, which draws from the generator of this thread.
            cv2.setRNGSeed(0)
            unused = (0, 0, 1, 1)
            background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
            cv2.grabCut(image, labels, unused, background, foreground, self.iterations, cv2.GC_INIT_WITH_MASK)
            is_object = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
        return keep_anchored(is_object, seeds, initial).astype(np.float32)

    def _label_pixels(self, shape: tuple[int, ...], seeds: Sequence[Seed], initial: np.ndarray | None) -> np.ndarray:
        """Assign GrabCut's four labels: the prior, with the certain disks on top."""
        to_positive, to_negative = measure_distances(shape, seeds)
        reach = self.near * min(shape)
        probable = to_positive < np.minimum(to_negative, reach)
        if initial is not None:
            probable |= initial & (to_negative >= np.minimum(to_positive, reach))
        labels = np.where(probable, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        if initial is None:
            labels[to_positive > self.far * max(shape)] = cv2.GC_BGD
        mark_disks(labels, seeds, positive=cv2.GC_FGD, negative=cv2.GC_BGD)
        return labels
