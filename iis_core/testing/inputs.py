"""Small seeded images, targets and clicks for the checks."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from iis_core.types import Clicks


def images(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Draw images of a bright object on a dark ground, both noisy; float32 (count, 3, H, W) in [0, 1]."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 90, (count, 3, height, width)) + 120 * (targets(count, height, width, seed) == 1).numpy()
    return torch.from_numpy(pixels.astype(np.float32) / 255)


def targets(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Draw targets of one ellipse each, with a ring of ignored pixels (-1) around it; int8 (count, 1, H, W)."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    masks = np.zeros((count, 1, height, width), np.int8)
    for mask in masks:
        centre = rng.uniform(0.35, 0.65, 2) * (height, width)
        radii = np.maximum(rng.uniform(0.15, 0.3, 2) * (height, width), 1)
        distance = np.hypot((rows - centre[0]) / radii[0], (columns - centre[1]) / radii[1])
        mask[0][distance <= 1.1] = -1
        mask[0][distance <= 1] = 1
    return torch.from_numpy(masks)


def predictions(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Draw blocks of noise, by turns too little and too much; float32 (count, 1, H, W) in [0, 1]."""
    rng = np.random.default_rng(seed + 1)
    coarse = rng.random((count, 1, -(-height // 5), -(-width // 5)), dtype=np.float32)
    coarse[::2] *= 0.6
    return torch.from_numpy(coarse.repeat(5, axis=2).repeat(5, axis=3)[:, :, :height, :width].copy())


def click_history(count: int, height: int, width: int) -> tuple[Clicks, Clicks]:
    """Return positive and negative clicks of four interactions: a positive click, a negative one, both, and none."""
    centre, corner, edge = (height // 2, width // 2), (0, width - 1), (height - 1, width // 2)
    beside = (height // 2, max(0, width // 2 - 2))
    pcs: Clicks = [
        [[centre]] * count,
        [[] for _ in range(count)],
        [[beside]] * count,
        [[] for _ in range(count)],
    ]
    ncs: Clicks = [
        [[] for _ in range(count)],
        [[corner]] * count,
        [[edge]] * count,
        [[] for _ in range(count)],
    ]
    return pcs, ncs
