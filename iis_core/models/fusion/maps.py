"""What a network is told beside the image: the previous prediction and maps of the clicks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from iis_core.clicks import disks, gaussians, points_from_clicks, tanh_distances
from iis_core.errors import UserError, near_matches
from iis_core.types import Clicks

MAPS = 3
"""How many maps there are: the previous prediction, the positive clicks, the negative clicks."""

CLICK_ENCODINGS: Mapping[str, Callable[[Tensor, tuple[int, int]], Tensor]] = {
    "disks": partial(disks, radius=5),
    "distances": partial(tanh_distances, radius=60),
    "gaussians": partial(gaussians, sigmas=(10.0,)),
}
"""Clicks as maps, by name: disks of radius 5, tanh(2 d / 60) of the distance d, Gaussians of width 10 (pixels)."""


def encode_maps(prediction: Tensor, pcs: Clicks, ncs: Clicks, click_encoding: str) -> Tensor:
    """Stack the previous prediction and the click maps, float32 (B, 3, H, W) in [0, 1].

    prediction: float32 (B, 1, H, W). pcs, ncs: as for `IISModel.__call__`. click_encoding: of `CLICK_ENCODINGS`.

    Raises UserError for an unknown encoding.
    """
    if click_encoding not in CLICK_ENCODINGS:
        known = ", ".join(CLICK_ENCODINGS)
        raise UserError(
            f"there is no click encoding {click_encoding!r}{near_matches(click_encoding, CLICK_ENCODINGS)}: {known}"
        )
    points = points_from_clicks(pcs, ncs, device=prediction.device)
    if not len(points):
        points = prediction.new_zeros((len(prediction), 0, 3))
    encode = CLICK_ENCODINGS[click_encoding]
    return torch.cat((prediction, encode(points, (prediction.shape[-2], prediction.shape[-1]))), dim=1)
