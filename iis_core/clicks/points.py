"""Conversion between nested click lists and point tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from iis_core.clicks.order import order_clicks
from iis_core.errors import UserError
from iis_core.types import Clicks, SignedClick

NO_POINT = (-1.0, -1.0, -1.0)
"""Fills a point tensor where there is no click."""


class PlacedClick(NamedTuple):
    """A click in pixels of what a network sees.

    Args:
        row: the row, which may lie between two pixels.
        col: the column, likewise.
        positive: whether it is on the object.
    """

    row: float
    col: float
    positive: bool


def points_from_clicks(pcs: Clicks, ncs: Clicks, *, device: torch.device | str = "cpu") -> Tensor:
    """Put clicks into one tensor.

    Args:
        pcs: positive clicks, `[interaction][batch element][click]`.
        ncs: negative clicks, in the same form, for the same interactions.
        device: where the tensor is made.

    Returns:
        As `stack_points` gives them; the order of an element's clicks is by interaction, positives before negatives.
    """
    batch = len(pcs[0]) if pcs else 0
    return stack_points([order_clicks(pcs, ncs, element) for element in range(batch)], device=device)


def stack_points(
    clicks: Sequence[Sequence[PlacedClick | SignedClick]],
    *,
    least: int = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Put the ordered clicks of every batch element into one tensor.

    The first n points are positive, the last n negative; n is the largest number of clicks of one sign. The order
    counts an element's clicks from 0.

    Args:
        clicks: `[batch element][click]`.
        least: the smallest n.
        dtype: of the tensor.
        device: where the tensor is made.

    Returns:
        (B, 2n, 3) of (row, col, order), padded with `NO_POINT`.
    """
    by_sign = [
        [
            (float(click.row), float(click.col), float(order))
            for order, click in enumerate(own)
            if click.positive is sign
        ]
        for own in clicks
        for sign in (True, False)
    ]
    count = max(least, *map(len, by_sign), 0)
    padded = [[*own, *[NO_POINT] * (count - len(own))] for own in by_sign]
    return torch.tensor(padded, dtype=dtype, device=device).reshape(len(clicks), 2 * count, 3)


def drop_negative_places(points: Tensor) -> Tensor:
    """Make no point of those of which both coordinates are negative, as the click maps of published networks do.

    A click above and to the left of what the network sees is such a point.

    Args:
        points: floating (B, 2n, 3) of (row, col, order).

    Returns:
        (B, 2n, 3), with `NO_POINT` in their places.
    """
    is_negative = (points[..., :2] < 0).all(dim=-1, keepdim=True)
    return torch.where(is_negative, points.new_tensor(NO_POINT), points)


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
