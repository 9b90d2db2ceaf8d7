"""Selectors that draw objects at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from iis_core.datasets.regions.base import merge_objects
from iis_core.errors import UserError
from iis_core.masks.components import components
from iis_core.types import Region


class RandomSingleSelector:
    """Draws one object, each with the same probability."""

    random = True

    def __call__(
        self, image: np.ndarray, masks: np.ndarray, info: Mapping[str, Any], rng: np.random.Generator | None = None
    ) -> Region:
        return merge_objects(masks, info, _draw(sorted(info["objects"]), 1, rng))


class RandomMergeSelector:
    """Draws several objects and merges them: any number from 2 to `most`, or all where there are fewer.

    Args:
        most: the largest number of objects to merge.

    Raises:
        UserError: `most` is below 2.
    """

    random = True

    def __init__(self, *, most: int = 5) -> None:
        if most < 2:
            raise UserError(f"most must be at least 2, not {most}")
        self.most = most

    def __call__(
        self, image: np.ndarray, masks: np.ndarray, info: Mapping[str, Any], rng: np.random.Generator | None = None
    ) -> Region:
        numbers = sorted(info["objects"])
        most = min(self.most, len(numbers))
        count = most if most <= 2 else int(require_generator(rng).integers(2, most + 1))
        return merge_objects(masks, info, _draw(numbers, count, rng))


class RandomComponentSelector:
    """Draws an object and one of its connected components, each with the same probability.

    Args:
        min_area: components with fewer pixels are left out, unless the object has only such.
    """

    random = True

    def __init__(self, *, min_area: int = 1) -> None:
        self.min_area = min_area

    def __call__(
        self, image: np.ndarray, masks: np.ndarray, info: Mapping[str, Any], rng: np.random.Generator | None = None
    ) -> Region:
        whole = merge_objects(masks, info, _draw(sorted(info["objects"]), 1, rng))
        parts = components(whole.target == 1)
        parts = [part for part in parts if part.area >= self.min_area] or parts
        if not parts:
            return whole
        part = parts[int(require_generator(rng).integers(len(parts)))]
        target = np.minimum(whole.target, 0)
        target[part.box][part.mask] = 1
        return Region(target, whole.others)


class ClassSelector:
    """Chooses all objects of one class and merges them.

    Args:
        label: the class; None draws one of those in the image, and raises UserError on an image without classes.
    """

    def __init__(self, *, label: str | int | None = None) -> None:
        self.label = label
        self.random = label is None

    def __call__(
        self, image: np.ndarray, masks: np.ndarray, info: Mapping[str, Any], rng: np.random.Generator | None = None
    ) -> Region:
        classes = {number: entry["class"] for number, entry in sorted(info["objects"].items())}
        label = self.label
        if label is None:
            known = sorted({found for found in classes.values() if found is not None}, key=str)
            if not known:
                raise UserError(f"{info['id']} ({info['path']}) has no classes: choose another selector")
            label = known[int(require_generator(rng).integers(len(known)))]
        return merge_objects(masks, info, [number for number, found in classes.items() if found == label])


def _draw(numbers: list[int], count: int, rng: np.random.Generator | None) -> list[int]:
    if not numbers:
        return []
    return [numbers[i] for i in require_generator(rng).choice(len(numbers), count, replace=False)]


def require_generator(rng: np.random.Generator | None) -> np.random.Generator:
    """Check that there is a generator.

    Args:
        rng: the generator, or None.

    Returns:
        The generator.

    Raises:
        UserError: there is none.
    """
    if rng is None:
        raise UserError("this selector draws at random: give it a generator")
    return rng
