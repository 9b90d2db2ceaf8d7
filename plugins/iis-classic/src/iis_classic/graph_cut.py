"""One graph cut between colour models of the clicks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from iis_classic.colours import fit
from iis_classic.seeded import SeededModel, check_above_0
from iis_classic.seeds import Seed, keep_anchored, label_certain


class GraphCut(SeededModel):
    """A minimum cut that matches the colours around the clicks and follows edges.

    There is a colour model of the certain object and one of the certain background, each a mixture of five Gaussians.
    Unlike in GrabCut they are not refined. OpenCV computes the cut.

    Args:
        working_size: see `SeededModel`.
        seed_radius: see `SeededModel`.
        noise: standard deviation added to every component, in units of Lab.
        far: see `SeededModel`.

    Source: Boykov, Jolly 2001, Interactive Graph Cuts for Optimal Boundary and Region Segmentation.
    """

    def __init__(
        self,
        *,
        working_size: int = 256,
        seed_radius: float = 12,
        noise: float = 6.0,
        far: float = 0.3,
    ) -> None:
        super().__init__(working_size, seed_radius, far)
        check_above_0(noise=noise)
        self.noise = noise

    def segment(self, image: np.ndarray, seeds: Sequence[Seed], initial: np.ndarray | None) -> np.ndarray:
        certain = label_certain(image.shape[:2], seeds, self.far)
        labels = np.choose(certain, [cv2.GC_PR_BGD, cv2.GC_FGD, cv2.GC_BGD]).astype(np.uint8)
        if (certain == 2).any() and not certain.all():
            background, foreground = (
                np.concatenate([part.ravel() for part in fit(image[certain == label], self.noise)])[None]
                for label in (2, 1)
            )
            cv2.grabCut(image, labels, (0, 0, 1, 1), background, foreground, 1, cv2.GC_EVAL_FREEZE_MODEL)
        is_object = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
        return keep_anchored(is_object, seeds).astype(np.float32)
