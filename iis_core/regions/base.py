"""What a region selector is, and the region of one object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from iis_core.types import Region


@runtime_checkable
class RegionSelector(Protocol):
    """Chooses one of the many targets that full masks hold."""

    random: bool
    """Whether it draws from rng; evaluation refuses one that does."""

    def __call__(
        self,
        image: np.ndarray,
        masks: np.ndarray,
        info: Mapping[str, Any],
        rng: np.random.Generator | None = None,
    ) -> Region:
        """The chosen region.

        image: uint8 (H, W, 3).
        masks: int32 (H, W, L); 0 background, > 0 an object, -1 ignore.
        info: as in `Sample`.
        rng: the only source of randomness.
        """
        ...


def object_region(masks: np.ndarray, layer: int, value: int) -> Region:
    """The region of the object that has this value in this layer of int32 (H, W, L) masks.

    Pixels marked -1 in that layer are ignored; `others` is the union of the other objects of all layers.
    """
    own = masks[:, :, layer]
    target = (own == value).astype(np.int8)
    target[own == -1] = -1
    others = (masks > 0).any(axis=2) & (own != value)
    return Region(target, others)
