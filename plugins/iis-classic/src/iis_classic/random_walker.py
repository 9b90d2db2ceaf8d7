"""Random walks from every pixel to the clicks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from skimage.segmentation import random_walker

from iis_classic.seeded import SeededModel, check_above_0
from iis_classic.seeds import Seed, drop_unanchored, label_certain


class RandomWalker(SeededModel):
    """Gives the probability that a random walk, which seldom crosses an edge, reaches a positive click first.

    Args:
        working_size: see `SeededModel`.
        seed_radius: see `SeededModel`.
        beta: how seldom a walk crosses an edge.
        far: see `SeededModel`.

    Source: Grady 2006, Random Walks for Image Segmentation; scikit-image's implementation.
    """

    def __init__(
        self,
        *,
        working_size: int = 256,
        seed_radius: float = 12,
        beta: float = 4000.0,
        far: float = 0.3,
    ) -> None:
        super().__init__(working_size, seed_radius, far)
        check_above_0(beta=beta)
        self.beta = beta

    def segment(self, image: np.ndarray, seeds: Sequence[Seed], initial: np.ndarray | None) -> np.ndarray:
        labels = label_certain(image.shape[:2], seeds, self.far)
        if labels.all() or not (labels == 2).any():
            probabilities = np.asarray(labels != 2, np.float64)
        else:
            probabilities = self._walk(image / 255.0, labels)
        drop_unanchored(probabilities, seeds)
        return np.asarray(probabilities.clip(0, 1), np.float32)

    def _walk(self, image: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Compute float64 (h, w): 1 or 0 at certain pixels, and the probability at open ones that a walk can leave."""
        both = random_walker(
            image, labels.astype(np.int32), self.beta, mode="bf", return_full_prob=True, channel_axis=2
        )
        return np.asarray(both[0])
