"""Colour models: mixtures of Gaussians fitted to the pixels around the clicks."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

COMPONENTS = 5


class ColourModel(NamedTuple):
    """A mixture of Gaussians; an unused component has weight 0.

    Args:
        weights: float64 (5,).
        means: float64 (5, 3).
        covariances: float64 (5, 3, 3).
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


def fit(colours: np.ndarray, noise: float) -> ColourModel:
    """Fit a mixture to colours; k-means assigns each colour to a component.

    Args:
        colours: uint8 (n, 3).
        noise: standard deviation added to every component, which keeps the model of a few colours from becoming too
            narrow.
    """
    count = min(COMPONENTS, len(np.unique(colours, axis=0)))
    member = _assign(colours, count)
    weights, means = np.zeros(COMPONENTS), np.zeros((COMPONENTS, 3))
    covariances = np.zeros((COMPONENTS, 3, 3))
    for k in range(count):
        own = colours[member == k].astype(np.float64)
        if len(own):
            weights[k], means[k] = len(own) / len(colours), own.mean(axis=0)
            covariances[k] = np.cov(own.T, bias=True) + noise**2 * np.eye(3)
    return ColourModel(weights, means, covariances)


def _assign(colours: np.ndarray, count: int) -> np.ndarray:
    """Assign each colour to one of `count` components, int (n,)."""
    # OpenCV would take a single colour for three samples of one number.
    if count == 1:
        return np.zeros(len(colours), np.int32)
    stop = (cv2.TERM_CRITERIA_MAX_ITER, 10, 0.0)
    # OpenCV's k-means draws from the generator of this thread.
    cv2.setRNGSeed(0)
    no_labels = np.zeros(0, np.int32)
    _, member, _ = cv2.kmeans(colours.astype(np.float32), count, no_labels, stop, 1, cv2.KMEANS_PP_CENTERS)
    return np.asarray(member[:, 0])
