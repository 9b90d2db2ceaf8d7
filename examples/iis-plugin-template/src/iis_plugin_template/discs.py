"""A dataset that needs no files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from iis_core import Sample

_HEIGHT, _WIDTH = 120, 160
_OBJECTS = (1, 2)


class DiscsDataset:
    """Images of two discs of a colour each on ground of another; every image depends on its number alone.

    Args:
        count: number of images.
    """

    def __init__(self, *, count: int = 10) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def info(self, index: int) -> Mapping[str, Any]:
        """What is known of a sample before it is generated."""
        name = f"disc{range(self.count)[index]:04d}"
        entry = {"layer": 0, "parent": None, "children": (), "class": None}
        return {"id": name, "path": name, "objects": {number: {**entry, "value": number} for number in _OBJECTS}}

    def __getitem__(self, index: int) -> Sample:
        info = self.info(index)
        rng = np.random.default_rng(range(self.count)[index])
        rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
        masks = np.zeros((_HEIGHT, _WIDTH, 1), np.int32)
        image = rng.uniform(60, 200, 3) + rng.normal(0, 8, (_HEIGHT, _WIDTH, 3))
        for number in _OBJECTS:
            row, col = rng.uniform(30, 90), rng.uniform(30, 50) + 80 * (number - 1)
            inside = np.hypot(rows - row, columns - col) <= rng.uniform(10, 25)
            masks[inside, 0] = number
            image[inside] += rng.choice([-60, 60], 3)
        return Sample(image.clip(0, 255).round().astype(np.uint8), masks, info)
