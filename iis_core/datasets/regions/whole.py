"""Selectors that choose without drawing at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from iis_core.datasets.regions.base import merge_objects, object_mask
from iis_core.types import Region


class FirstSelector:
    """Chooses the object with value 1 in layer 0, the only one in datasets with one object per image."""

    random = False

    def __call__(
        self, image: np.ndarray, masks: np.ndarray, info: Mapping[str, Any], rng: np.random.Generator | None = None
    ) -> Region:
        entries = info["objects"].items()
        return merge_objects(masks, info, [number for number, e in entries if (e["layer"], e["value"]) == (0, 1)])


class LargestSelector:
    """Chooses the object with the most pixels, of equal ones the one with the smallest id."""

    random = False

    def __call__(
        self, image: np.ndarray, masks: np.ndarray, info: Mapping[str, Any], rng: np.random.Generator | None = None
    ) -> Region:
        areas = {number: np.count_nonzero(object_mask(masks, info, number)) for number in sorted(info["objects"])}
        return merge_objects(masks, info, [max(areas, key=lambda number: areas[number])] if areas else [])


class BackgroundSelector:
    """Chooses every pixel that no object covers in any layer."""

    random = False

    def __call__(
        self, image: np.ndarray, masks: np.ndarray, info: Mapping[str, Any], rng: np.random.Generator | None = None
    ) -> Region:
        objects = np.asarray(np.any(masks > 0, axis=2))
        target = np.where(objects, 0, np.where((masks == -1).any(axis=2), -1, 1)).astype(np.int8)
        return Region(target, objects)
