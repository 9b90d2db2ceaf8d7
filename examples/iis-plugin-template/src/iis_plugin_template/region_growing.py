"""A model without weights: regions that grow from clicks until they meet."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from iis_core import IISModel
from iis_core.types import Clicks, State

_OBJECT, _BACKGROUND = 1, 2
_PADDING = 2
"""Pixels around the image: its frame is background, where no region from a positive click gets there first."""


class RegionGrowing(IISModel):
    """Regions grow from positive and negative clicks and from the frame of the image, through similar pixels first.

    radius: of the disc around a click that always takes its sign, in pixels.

    Without clicks there is no object. Nothing is kept from one interaction to the next.

    Source: Meyer, Beucher 1990, Morphological Segmentation (the watershed from markers).
    """

    def __init__(self, *, device: str = "cpu", radius: int = 3) -> None:
        self.device = torch.device(device)
        self.radius = radius

    def __call__(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        images = (x * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        masks = [self._grown(images[i], pcs, ncs, element=i) for i in range(len(x))]
        return torch.from_numpy(np.stack(masks))[:, None].to(self.device), dict(z)

    def _grown(self, image: np.ndarray, pcs: Clicks, ncs: Clicks, element: int) -> np.ndarray:
        """float32 (H, W), 1 for the object. image: uint8 (H, W, 3)."""
        padded = cv2.copyMakeBorder(image, *4 * (_PADDING,), cv2.BORDER_REPLICATE)
        markers = np.full(padded.shape[:2], _BACKGROUND, np.int32)
        markers[1:-1, 1:-1] = 0
        for positive, negative in zip(pcs, ncs, strict=True):
            for sign, clicks in ((_OBJECT, positive[element]), (_BACKGROUND, negative[element])):
                for row, col in clicks:
                    cv2.circle(markers, (col + _PADDING, row + _PADDING), self.radius, sign, thickness=-1)
        grown = cv2.watershed(padded, markers)[_PADDING:-_PADDING, _PADDING:-_PADDING]
        return np.asarray(grown == _OBJECT, dtype=np.float32)
