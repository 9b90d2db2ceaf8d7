"""Maps of clicks: batched, on the device of the points, without a loop over pixels.

Every encoding looks only at the nearest click, so the map of more clicks is composed from maps of fewer: give
the new points alone, and the map of the earlier ones as `previous`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import torch
from torch import Tensor

from iis_core.errors import UserError


def disks(points: Tensor, shape: tuple[int, int], radius: float = 5, previous: Tensor | None = None) -> Tensor:
    """1 within `radius` of a click (border included), else 0: float32 (B, 2, H, W), positive map first.

    points: float32 (B, 2n, 3) of (row, col, order), first n positive; fractional coordinates allowed,
        negative order for none.
    shape: (H, W).
    previous: the map of earlier clicks.

    Source: Benenson, Popov, Ferrari 2019, Large-Scale Interactive Object Segmentation with Human Annotators.
    """
    _check(points, previous, (len(points), 2, *shape))
    maps = points.new_zeros((len(points), 2, *shape)) if previous is None else previous.clone()
    signed = _by_sign(points)
    batch, sign, place = (signed[..., 2] >= 0).nonzero(as_tuple=True)
    centres = signed[batch, sign, place, :2]
    reach = ceil(radius) + 1
    window = torch.arange(-reach, reach + 1, device=points.device)
    rows = centres[:, 0].floor().long()[:, None] + window
    columns = centres[:, 1].floor().long()[:, None] + window
    squared = ((rows - centres[:, :1]) ** 2)[:, :, None] + ((columns - centres[:, 1:]) ** 2)[:, None, :]
    inside = ((rows >= 0) & (rows < shape[0]))[:, :, None] & ((columns >= 0) & (columns < shape[1]))[:, None, :]
    click, row, column = (inside & (squared <= radius**2)).nonzero(as_tuple=True)
    maps[batch[click], sign[click], rows[click, row], columns[click, column]] = 1
    return maps


def tanh_distances(
    points: Tensor, shape: tuple[int, int], radius: float = 260, previous: Tensor | None = None
) -> Tensor:
    """tanh(2 d / radius) of the distance d to the nearest click, 1 without any: float32 (B, 2, H, W).

    Arguments as for `disks`.

    Source: Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance (`norm_radius`).
    """
    _check(points, previous, (len(points), 2, *shape))
    maps = torch.tanh(2 * _nearest_squared(points, shape).sqrt() / radius)
    return maps if previous is None else torch.minimum(maps, previous)


def gaussians(
    points: Tensor, shape: tuple[int, int], sigmas: Sequence[float], previous: Tensor | None = None
) -> Tensor:
    """exp(-d^2 / (2 sigma^2)) of the distance d to the nearest click, 0 without any: float32 (B, 2 S, H, W).

    sigmas: S widths in pixels; the channels are those of the positive clicks in this order, then the negative.
    Other arguments as for `disks`.
    """
    _check(points, previous, (len(points), 2 * len(sigmas), *shape))
    squared = _nearest_squared(points, shape)[:, :, None]
    widths = torch.tensor(sigmas, device=points.device)[:, None, None]
    maps = torch.exp(-squared / (2 * widths**2)).flatten(1, 2)
    return maps if previous is None else torch.maximum(maps, previous)


def _nearest_squared(points: Tensor, shape: tuple[int, int]) -> Tensor:
    """Squared distance to the nearest click of each sign, infinite without any: float32 (B, 2, H, W)."""
    signed = _by_sign(points)
    rows = torch.arange(shape[0], device=points.device)
    columns = torch.arange(shape[1], device=points.device)
    nearest = points.new_full((len(points), 2, *shape), torch.inf)
    for click in signed.unbind(2):
        to_row = (rows - click[..., :1]) ** 2
        to_row[click[..., 2] < 0] = torch.inf
        to_column = (columns - click[..., 1:2]) ** 2
        torch.minimum(nearest, to_row[..., :, None] + to_column[..., None, :], out=nearest)
    return nearest


def _by_sign(points: Tensor) -> Tensor:
    return points.reshape(len(points), 2, points.shape[1] // 2, 3)


def _check(points: Tensor, previous: Tensor | None, expected: tuple[int, ...]) -> None:
    if points.ndim != 3 or points.shape[1] % 2 or points.shape[2] != 3:
        raise UserError(f"points must be (B, 2n, 3) of (row, col, order), not {tuple(points.shape)}")
    if previous is not None and tuple(previous.shape) != expected:
        raise UserError(f"previous must be a map of shape {expected}, not {tuple(previous.shape)}")
