"""One image, some clicks, no ground truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from iis_core.errors import UserError
from iis_core.loop import answer, initialize
from iis_core.models import IISModel
from iis_core.types import Clicks


def predict(
    model: IISModel,
    image: np.ndarray,
    clicks: Sequence[tuple[int, int, bool]],
    initial_mask: np.ndarray | None = None,
) -> np.ndarray:
    """The model's answer to clicks that are given one after the other, float32 (H, W) probabilities in [0, 1].

    image: uint8 (H, W, 3) RGB.
    clicks: (row, col, positive) in image pixels, in the order in which they were made.
    initial_mask: bool (H, W), a mask to start from.

    Raises UserError for an image or mask of another form, a click outside the image, and a pixel that is clicked
    with both signs.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise UserError(f"image must be uint8 (H, W, 3) RGB, not {image.dtype} {image.shape}")
    if initial_mask is not None and initial_mask.shape != image.shape[:2]:
        raise UserError(f"initial_mask is {initial_mask.shape}, but the image is {image.shape[:2]}")
    _check_clicks(clicks, image.shape[0], image.shape[1])
    x = torch.from_numpy(image).permute(2, 0, 1)[None].to(model.device, torch.float32) / 255
    mask = None if initial_mask is None else torch.from_numpy(initial_mask.astype(np.float32))[None, None]
    z, y = initialize(model, x, torch.zeros((1, 1, *image.shape[:2]), dtype=torch.int8), mask)
    pcs: Clicks = []
    ncs: Clicks = []
    for row, col, positive in clicks:
        pcs.append([[(row, col)] if positive else []])
        ncs.append([[] if positive else [(row, col)]])
        y, z = answer(model, x, z, pcs, ncs)
    return np.asarray(y[0, 0].cpu().numpy())


def _check_clicks(clicks: Sequence[tuple[int, int, bool]], height: int, width: int) -> None:
    signs: dict[tuple[int, int], bool] = {}
    for row, col, positive in clicks:
        if not (0 <= row < height and 0 <= col < width):
            raise UserError(f"click ({row}, {col}) lies outside the image of {height} x {width} (rows x columns)")
        if signs.setdefault((row, col), positive) != positive:
            raise UserError(f"pixel ({row}, {col}) is clicked as object and as background: leave one of them out")
