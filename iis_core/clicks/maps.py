"""Maps of clicks, batched and on the device of the points, without a loop over pixels.

Every encoding looks only at the nearest click, so maps can be extended: give the new points alone, and the maps of
the earlier ones as `previous`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import torch
from torch import Tensor

from iis_core.errors import UserError


def disks(points: Tensor, shape: tuple[int, int], radius: float = 5, previous: Tensor | None = None) -> Tensor:
    """Render clicks as disks.

    Args:
        points: float32 or float64 (B, 2n, 3) of (row, col, order), the first n positive. Coordinates may be fractional;
            a negative order marks a place without a click. Offsets from pixels are rounded to float32.
        shape: (H, W).
        radius: of the disks, in pixels.
        previous: the maps of earlier clicks, in the form that is returned.

    Returns:
        Float32 (B, 2, H, W), positive map first: 1 at a distance of at most `radius` from a click, else 0.

    Raises:
        UserError: the points or the previous maps have the wrong shape.

    Source: Benenson, Popov, Ferrari 2019, Large-Scale Interactive Object Segmentation with Human Annotators.
    """
    _check(points, previous, (len(points), 2, *shape))
    maps = torch.zeros((len(points), 2, *shape), device=points.device) if previous is None else previous.clone()
    signed = _split_by_sign(points)
    batch, sign, place = (signed[..., 2] >= 0).nonzero(as_tuple=True)
    centres = signed[batch, sign, place, :2]
    reach = ceil(radius) + 1
    window = torch.arange(-reach, reach + 1, device=points.device)
    rows = centres[:, 0].floor().long()[:, None] + window
    columns = centres[:, 1].floor().long()[:, None] + window
    to_row, to_column = (rows - centres[:, :1]).float() ** 2, (columns - centres[:, 1:]).float() ** 2
    squared = to_row[:, :, None] + to_column[:, None, :]
    inside = ((rows >= 0) & (rows < shape[0]))[:, :, None] & ((columns >= 0) & (columns < shape[1]))[:, None, :]
    click, row, column = (inside & (squared <= radius**2)).nonzero(as_tuple=True)
    maps[batch[click], sign[click], rows[click, row], columns[click, column]] = 1
    return maps


def tanh_distances(
    points: Tensor, shape: tuple[int, int], radius: float = 260, previous: Tensor | None = None
) -> Tensor:
    """Render clicks as tanh(2 d / radius), where d is the distance to the nearest click.

    Args:
        points: as for `disks`.
        shape: (H, W).
        radius: the scale of the distances, in pixels.
        previous: the maps of earlier clicks, in the form that is returned.

    Returns:
        Float32 (B, 2, H, W), positive map first; 1 everywhere without clicks.

    Raises:
        UserError: the points or the previous maps have the wrong shape.

    Source: Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance (`norm_radius`).
    """
    _check(points, previous, (len(points), 2, *shape))
    maps = torch.tanh(2 * _measure_nearest(points, shape).sqrt() / radius)
    return maps if previous is None else torch.minimum(maps, previous)


def gaussians(
    points: Tensor, shape: tuple[int, int], sigmas: Sequence[float], previous: Tensor | None = None
) -> Tensor:
    """Render clicks as exp(-d^2 / (2 sigma^2)), where d is the distance to the nearest click.

    Args:
        points: as for `disks`.
        shape: (H, W).
        sigmas: S widths in pixels.
        previous: the maps of earlier clicks, in the form that is returned.

    Returns:
        Float32 (B, 2 S, H, W), the maps of the positive clicks in the order of the widths, then those of the negative
            clicks; 0 everywhere without clicks.

    Raises:
        UserError: the points or the previous maps have the wrong shape.
    """
    _check(points, previous, (len(points), 2 * len(sigmas), *shape))
    squared = _measure_nearest(points, shape)[:, :, None]
    widths = torch.tensor(sigmas, device=points.device)[:, None, None]
    maps = torch.exp(-squared / (2 * widths**2)).flatten(1, 2)
    return maps if previous is None else torch.maximum(maps, previous)


def _measure_nearest(points: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return the squared distance to the nearest click of each sign, float32 (B, 2, H, W); infinite without any."""
    signed = _split_by_sign(points)
    rows = torch.arange(shape[0], device=points.device)
    columns = torch.arange(shape[1], device=points.device)
    nearest = torch.full((len(points), 2, *shape), torch.inf, device=points.device)
    for click in signed.unbind(2):
        to_row = (rows - click[..., :1]).float() ** 2
        to_row[click[..., 2] < 0] = torch.inf
        to_column = (columns - click[..., 1:2]).float() ** 2
        torch.minimum(nearest, to_row[..., :, None] + to_column[..., None, :], out=nearest)
    return nearest


def _split_by_sign(points: Tensor) -> Tensor:
    return points.reshape(len(points), 2, points.shape[1] // 2, 3)


def _check(points: Tensor, previous: Tensor | None, expected: tuple[int, ...]) -> None:
    if points.ndim != 3 or points.shape[1] % 2 or points.shape[2] != 3:
        raise UserError(f"points must be (B, 2n, 3) of (row, col, order), not {tuple(points.shape)}")
    if previous is not None and tuple(previous.shape) != expected:
        raise UserError(f"previous must be a map of shape {expected}, not {tuple(previous.shape)}")
