"""The interface of region selectors, and the region of one object or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from iis_core.types import Region


@runtime_checkable
class RegionSelector(Protocol):
    """Chooses one region among the many that the full masks of a sample hold."""

    random: bool
    """Whether the selector draws from rng; evaluation refuses one that does."""

    def __call__(
        self,
        image: np.ndarray,
        masks: np.ndarray,
        info: Mapping[str, Any],
        rng: np.random.Generator | None = None,
    ) -> Region:
        """Choose a region.

        Args:
            image: uint8 (H, W, 3).
            masks: int32 (H, W, L); 0 background, > 0 an object, -1 ignore.
            info: as in `Sample`.
            rng: the only source of randomness.

        Returns:
            The region.
        """
        ...


def object_mask(masks: np.ndarray, info: Mapping[str, Any], object_id: int) -> np.ndarray:
    """Return the mask of one object.

    Args:
        masks: int32 (H, W, L), as in `Sample`.
        info: as in `Sample`.
        object_id: the object's id in the sample.

    Returns:
        The pixels of the object, bool (H, W).
    """
    entry = info["objects"][object_id]
    return np.asarray(masks[:, :, entry["layer"]] == entry["value"])


def merge_objects(masks: np.ndarray, info: Mapping[str, Any], object_ids: Sequence[int]) -> Region:
    """Make one region of one object or several.

    Args:
        masks: int32 (H, W, L), as in `Sample`.
        info: as in `Sample`.
        object_ids: the ids of the objects in the sample.

    Returns:
        The region. Pixels marked -1 in the layers of these objects are ignored; `others` is the union of the other
            objects, in all layers, outside the region.
    """
    is_target = np.zeros(masks.shape[:2], bool)
    is_ignored = np.zeros(masks.shape[:2], bool)
    for object_id in object_ids:
        is_target |= object_mask(masks, info, object_id)
        is_ignored |= masks[:, :, info["objects"][object_id]["layer"]] == -1
    target = np.where(is_target, 1, np.where(is_ignored, -1, 0)).astype(np.int8)
    return Region(target, (masks > 0).any(axis=2) & ~is_target)
