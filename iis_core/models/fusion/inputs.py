"""The maps that a network reads besides the image: the previous prediction and the clicks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from iis_core.clicks import disks, gaussians, points_from_clicks, tanh_distances
from iis_core.errors import UserError, near_matches
from iis_core.types import Clicks

MAPS = 3
"""The number of maps: the previous prediction, the positive clicks and the negative clicks."""

CLICK_ENCODINGS: Mapping[str, Callable[[Tensor, tuple[int, int]], Tensor]] = {
    "disks": partial(disks, radius=5),
    "distances": partial(tanh_distances, radius=60),
    "gaussians": partial(gaussians, sigmas=(10.0,)),
}
"""The encodings of clicks, by name: disks of radius 5, tanh(2 d / 60) of the distance d, Gaussians of width 10."""


def encode_maps(prediction: Tensor, pcs: Clicks, ncs: Clicks, click_encoding: str) -> Tensor:
    """Stack the previous prediction and the click maps, float32 (B, 3, H, W) in [0, 1].

    Args:
        prediction: the previous prediction, float32 (B, 1, H, W).
        pcs: positive clicks, `[interaction][batch element][click]`.
        ncs: negative clicks, in the same form.
        click_encoding: a name in `CLICK_ENCODINGS`.

    Returns:
        The maps: the previous prediction, the positive clicks and the negative clicks.

    Raises:
        UserError: the encoding is unknown.
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
