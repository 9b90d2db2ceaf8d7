"""Segmentation by geodesic distance to the clicks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from skimage.graph import MCP_Geometric

from iis_classic.seeded import SeededModel, check_above_0
from iis_classic.seeds import Seed, drop_unanchored, label_certain


class Geodesic(SeededModel):
    """Gives each pixel the label of the click that is nearest along a path over few edges.

    The length of a path is the sum, over its pixels, of 1 plus `edges` times the colour gradient.

    Args:
        working_size: see `SeededModel`.
        seed_radius: see `SeededModel`.
        edges: how much longer a path over an edge is, per unit of Lab.
        smoothing: standard deviation of the Gaussian that is applied before the gradient, in pixels at working size.
        far: see `SeededModel`.

    Source: Bai, Sapiro 2007, A Geodesic Framework for Fast Interactive Image and Video Segmentation and Matting.
    """

    def __init__(
        self,
        *,
        working_size: int = 200,
        seed_radius: float = 12,
        edges: float = 50.0,
        smoothing: float = 0.7,
        far: float = 0.3,
    ) -> None:
        super().__init__(working_size, seed_radius, far)
        check_above_0(edges=edges, smoothing=smoothing)
        self.edges = edges
        self.smoothing = smoothing

    def segment(self, image: np.ndarray, seeds: Sequence[Seed], initial: np.ndarray | None) -> np.ndarray:
        labels = label_certain(image.shape[:2], seeds, self.far)
        if not (labels == 2).any():
            return np.ones(labels.shape, np.float32)
        costs = 1 + self.edges * _compute_gradient(image, self.smoothing)
        to_object, to_background = (_measure_paths(costs, labels == label) for label in (1, 2))
        probabilities = to_background / (to_object + to_background)
        drop_unanchored(probabilities, seeds)
        return np.asarray(probabilities, np.float32)


def _compute_gradient(image: np.ndarray, smoothing: float) -> np.ndarray:
    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), smoothing)
    steps = [cv2.Sobel(smooth, cv2.CV_32F, *axes, ksize=3, scale=1 / 8) for axes in ((1, 0), (0, 1))]
    return np.asarray(np.sqrt(np.square(steps).sum(axis=(0, 3)), dtype=np.float64))


def _measure_paths(costs: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Measure the shortest path from the sources to every pixel, float64 (h, w)."""
    lengths, _ = MCP_Geometric(costs).find_costs(np.argwhere(sources))
    return np.asarray(lengths)
