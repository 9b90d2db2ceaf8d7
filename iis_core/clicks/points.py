"""Conversion between nested click lists and point tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from iis_core.clicks.order import order_clicks
from iis_core.errors import UserError
from iis_core.types import Clicks

NO_POINT = (-1.0, -1.0, -1.0)
"""Fills a point tensor where there is no click."""


def points_from_clicks(pcs: Clicks, ncs: Clicks, *, device: torch.device | str = "cpu") -> Tensor:
    """Put clicks into one tensor.

    The first n points are positive, the last n negative; n is the largest number of clicks of one sign. The
    order counts an element's clicks from 0: by interaction, positives before negatives.

    Args:
        pcs: positive clicks, `[interaction][batch element][click]`.
        ncs: negative clicks, in the same form, for the same interactions.
        device: where the tensor is made.

    Returns:
        Float32 (B, 2n, 3) of (row, col, order), padded with `NO_POINT`.
    """
    batch = len(pcs[0]) if pcs else 0
    ordered = [list(enumerate(order_clicks(pcs, ncs, element))) for element in range(batch)]
    by_sign = [
        [(float(click.row), float(click.col), float(order)) for order, click in own if click.positive is positive]
        for own in ordered
        for positive in (True, False)
    ]
    count = max(map(len, by_sign), default=0)
    padded = [[*own, *[NO_POINT] * (count - len(own))] for own in by_sign]
    return torch.tensor(padded, dtype=torch.float32, device=device).reshape(batch, 2 * count, 3)


def clicks_from_points(points: Tensor) -> tuple[Clicks, Clicks]:
    """Put points into nested click lists, with one click per element and interaction, in the order of the points.

    Args:
        points: float32 (B, 2n, 3) as returned by `points_from_clicks`, with integer coordinates. Orders need not be
            consecutive: each that occurs is one interaction.

    Returns:
        The positive and the negative clicks, `[interaction][batch element][click]`.

    Raises:
        UserError: the points have the wrong shape, or coordinates that are fractional or infinite, since clicks are
            pixels.
    """
    if points.ndim != 3 or points.shape[1] % 2 or points.shape[2] != 3:
        raise UserError(f"points must be (B, 2n, 3), not {tuple(points.shape)}")
    if (points != points.round()).any() or not points.isfinite().all():
        raise UserError("points with fractional or infinite coordinates cannot become clicks: round them first")
    half = points.shape[1] // 2
    orders = sorted({int(order) for order in points[:, :, 2].flatten().tolist() if order >= 0})
    interactions = {order: k for k, order in enumerate(orders)}
    pcs: Clicks = [[[] for _ in points] for _ in orders]
    ncs: Clicks = [[[] for _ in points] for _ in orders]
    for element, own in enumerate(points.tolist()):
        for place, (row, col, order) in enumerate(own):
            if order >= 0:
                (pcs if place < half else ncs)[interactions[int(order)]][element].append((int(row), int(col)))
    return pcs, ncs
