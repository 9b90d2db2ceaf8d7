"""The model and the dataset of the toy plugin."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch

from iis_core import IISModel, Sample, UserError
from iis_core.clicks import order_clicks


class DisksModel(IISModel):
    """The analytic model of the reference files: click i adds or removes a disk of radius shrink^i.

    Args:
        shrink: how much smaller each disk is than the one before.
        delay: seconds to wait in every call, so that others work meanwhile.
    """

    device = torch.device("cpu")

    def __init__(self, *, shrink: float = 0.85, delay: float = 0.0) -> None:
        self.shrink = shrink
        self.delay = delay

    def __call__(self, x, z, pcs, ncs):
        time.sleep(self.delay)
        y = np.stack([self._disks(x.shape[-2:], pcs, ncs, element) for element in range(len(x))])
        return torch.from_numpy(y)[:, None], dict(z)

    def _disks(self, shape, pcs, ncs, element):
        mask = np.zeros(shape, np.float32)
        rows, columns = np.ogrid[: shape[0], : shape[1]]
        for i, click in enumerate(order_clicks(pcs, ncs, element)):
            radius = self.shrink**i * min(shape) * (0.30 if click.positive else 0.12)
            mask[(rows - click.row) ** 2 + (columns - click.col) ** 2 <= radius**2] = click.positive
        return mask


class ShapesDataset:
    """Images of two sizes with one or two ellipses and an ignored strip; one click is enough for number 4.

    Args:
        count: number of images.
    """

    def __init__(self, *, count: int = 6) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def info(self, index):
        numbers = (1, 2) if index % 3 == 0 else (1,)
        entry = {"layer": 0, "parent": None, "children": (), "class": None}
        objects = {number: {**entry, "value": number} for number in numbers}
        return {"id": f"shape{index}", "path": f"shape{index}.png", "objects": objects}

    def __getitem__(self, index):
        info = self.info(index)
        rng = np.random.default_rng(index)
        height, width = ((40, 56), (48, 44))[index % 2]
        rows, columns = np.mgrid[:height, :width]
        masks = np.zeros((height, width, 1), np.int32)
        for number in info["objects"]:
            centre = rng.uniform(0.2, 0.8, 2) * (height, width)
            radii = rng.uniform(0.1, 0.3, 2) * (height, width) + 1
            if index == 4:
                centre, radii = (height // 2, width // 2), 2 * [0.3 * min(height, width)]
            masks[np.hypot((rows - centre[0]) / radii[0], (columns - centre[1]) / radii[1]) < 1] = number
        masks[:2] = -1
        image = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
        return Sample(image, masks, info)


class SpoiltDataset(ShapesDataset):
    """The same, of which some images cannot be read and some objects have no pixels."""

    def __init__(self, *, unreadable: Sequence[int] = (), empty: Sequence[int] = ()) -> None:
        super().__init__()
        self.unreadable, self.empty = unreadable, empty

    def __getitem__(self, index):
        if index in self.unreadable:
            raise UserError(f"shape{index}.png is not a readable image")
        sample = super().__getitem__(index)
        if index in self.empty:
            sample.masks[sample.masks == 1] = 0
        return sample
