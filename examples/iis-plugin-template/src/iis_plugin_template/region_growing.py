"""A model without weights: regions that grow from clicks until they meet."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from iis_core import IISModel
from iis_core.clicks import order_clicks
from iis_core.types import Clicks, SignedClick, State

_OBJECT, _BACKGROUND = 1, 2
_PADDING = 2
"""Pixels around the image: its frame is background, where no region from a positive click gets there first."""


class RegionGrowing(IISModel):
    """Regions grow from positive and negative clicks and from the frame of the image, through similar pixels first.

    Without clicks there is no object. Nothing is kept from one interaction to the next.

    Args:
        radius: of the disc around a click that always takes its sign, in pixels.

    Source: Meyer, Beucher 1990, Morphological Segmentation (the watershed from markers).
    """

    device = torch.device("cpu")

    def __init__(self, *, radius: int = 3) -> None:
        self.radius = radius

    def __call__(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        images = (x * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        masks = [self._grow(image, order_clicks(pcs, ncs, element)) for element, image in enumerate(images)]
        return torch.from_numpy(np.stack(masks))[:, None], dict(z)

    def _grow(self, image: np.ndarray, clicks: list[SignedClick]) -> np.ndarray:
        """Float32 (H, W), 1 for the object. image: uint8 (H, W, 3)."""
        padded = cv2.copyMakeBorder(image, *4 * (_PADDING,), cv2.BORDER_REPLICATE)
        markers = np.full(padded.shape[:2], _BACKGROUND, np.int32)
        markers[1:-1, 1:-1] = 0
        for click in clicks:
            centre, sign = (click.col + _PADDING, click.row + _PADDING), _OBJECT if click.positive else _BACKGROUND
            cv2.circle(markers, centre, self.radius, sign, thickness=-1)
        grown = cv2.watershed(padded, markers)[_PADDING:-_PADDING, _PADDING:-_PADDING]
        return np.asarray(grown == _OBJECT, dtype=np.float32)
