"""The simplest selector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from iis_core.regions.base import object_region
from iis_core.types import Region


class FirstSelector:
    """The object with value 1 of layer 0: the only one in datasets of one object per image."""

    random = False

    def __call__(
        self,
        image: np.ndarray,
        masks: np.ndarray,
        info: Mapping[str, Any],
        rng: np.random.Generator | None = None,
    ) -> Region:
        return object_region(masks, layer=0, value=1)
