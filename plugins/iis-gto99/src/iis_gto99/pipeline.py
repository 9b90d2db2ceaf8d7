"""What happens to image, clicks and alpha before and after the network, by the published rules."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from iis_core.clicks import NO_POINT, gaussians
from iis_core.masks import keep_connected
from iis_core.threads import per_element
from iis_core.types import Click, Clicks

_MULTIPLE = 32
_SIGMAS = tuple(share * 352 for share in (0.02, 0.08, 0.16))
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Signed = tuple[list[Click], list[Click]]
"""Clicks of one element: the negative ones, then the positive ones, as in the published maps."""


def split_by_sign(pcs: Clicks, ncs: Clicks, element: int) -> Signed:
    """Split the clicks of one element by sign.

    Args:
        pcs: positive clicks, `[interaction][batch element][click]`.
        ncs: negative clicks, in the same form.
        element: the batch element.
    """
    negative, positive = ([click for clicks in all_of for click in clicks[element]] for all_of in (ncs, pcs))
    return negative, positive


def choose_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Choose the size at which the network sees an image: the next multiples of 32."""
    return ceil(shape[0] / _MULTIPLE) * _MULTIPLE, ceil(shape[1] / _MULTIPLE) * _MULTIPLE


def enlarge(x: Tensor, shape: tuple[int, int]) -> Tensor:
    """Resize images or alphas by Lanczos interpolation; values may leave their range.

    Args:
        x: float32 (B, C, H, W).
        shape: the new (H, W).
    """

    def resize(element: int) -> np.ndarray:
        pixels = np.ascontiguousarray(x[element].permute(1, 2, 0).cpu().numpy())
        resized = cv2.resize(pixels, shape[::-1], interpolation=cv2.INTER_LANCZOS4)
        return resized.reshape(*shape, -1)

    if tuple(x.shape[-2:]) == shape:
        return x
    stacked = torch.from_numpy(np.stack(per_element(resize, len(x))))
    return stacked.permute(0, 3, 1, 2).contiguous().to(x.device)


def reduce_to(alpha: Tensor, shape: tuple[int, int]) -> Tensor:
    """Resize alphas back to the image's size, bilinearly.

    Args:
        alpha: float32 (B, 1, H, W).
        shape: (H, W) of the image.
    """
    if tuple(alpha.shape[-2:]) == shape:
        return alpha
    return functional.interpolate(alpha, size=shape, mode="bilinear", align_corners=False)


def normalise(image: Tensor) -> Tensor:
    """Normalise images, float32 (B, 3, H, W), by the mean and standard deviation of ImageNet."""
    mean, std = (image.new_tensor(values)[:, None, None] for values in (_MEAN, _STD))
    return (image - mean) / std


def scale_clicks(clicks: Signed, shape: tuple[int, int], scaled: tuple[int, int]) -> Signed:
    """Find the pixels that show a click once its map is resized to the nearest pixel; there may be several.

    The scale is inverted twice, so that it rounds as in OpenCV.

    Args:
        clicks: clicks in pixels of the image.
        shape: (H, W) of the image.
        scaled: (H, W) at which the network sees it.
    """
    sources = [
        (np.arange(large) * (1 / (large / small))).astype(int) for small, large in zip(shape, scaled, strict=True)
    ]

    def find_pixels(click: Click) -> list[Click]:
        rows, columns = (np.flatnonzero(source == place) for source, place in zip(sources, click, strict=True))
        return [(int(row), int(col)) for row in rows for col in columns]

    negative, positive = ([pixel for click in same for pixel in find_pixels(click)] for same in clicks)
    return negative, positive


def encode_clicks(clicks: Sequence[Signed], shape: tuple[int, int], device: torch.device | str = "cpu") -> Tensor:
    """Encode clicks as exp(-d^2 / (2 sigma^2)), where d is the distance to the nearest click; 0 without any.

    Args:
        clicks: clicks of each element.
        shape: (H, W).
        device: where the maps are made.

    Returns:
        float32 (B, 6, H, W): three maps of the negative clicks, then three of the positive ones. The values of sigma
            are 0.02, 0.08 and 0.16 of 352 pixels.
    """
    count = max(1, *(len(same) for signed in clicks for same in signed))
    rows = [
        [(*pixel, 0.0) for pixel in same] + [NO_POINT] * (count - len(same)) for signed in clicks for same in signed
    ]
    points = torch.tensor(rows, dtype=torch.float32, device=device).reshape(len(clicks), 2 * count, 3)
    return gaussians(points, shape, _SIGMAS)


def mark_clicks(clicks: Sequence[Signed], shape: tuple[int, int], device: torch.device | str = "cpu") -> Tensor:
    """Mark clicked pixels.

    Args:
        clicks: clicks of each element.
        shape: (H, W).
        device: where the maps are made.

    Returns:
        float32 (B, 2, H, W), 1 at clicked pixels, else 0; the map of the negative clicks comes first.
    """
    maps = torch.zeros((len(clicks), 2, *shape), device=device)
    for element, signed in enumerate(clicks):
        for kind, same in enumerate(signed):
            for row, col in same:
                maps[element, kind, row, col] = 1
    return maps


def keep_clicked_components(alpha: Tensor, clicks: Sequence[Signed]) -> Tensor:
    """Set alphas to 0 outside the components (alpha > 0.5, 8-connected) that hold a positive click.

    An element without a positive click stays as it is.

    Args:
        alpha: float32 (B, 1, H, W).
        clicks: clicks of each element.
    """

    def keep(element: int) -> np.ndarray:
        values = alpha[element, 0].cpu().numpy()
        _, positive = clicks[element]
        return np.where(keep_connected(values > 0.5, positive), values, np.float32(0)) if positive else values

    return torch.from_numpy(np.stack(per_element(keep, len(alpha)))[:, None]).to(alpha.device)


def force_clicks(alpha: Tensor, clicks: Sequence[Signed]) -> Tensor:
    """Set alphas to 0 at negative clicks and to 1 at positive ones, which prevail.

    Args:
        alpha: float32 (B, 1, H, W).
        clicks: clicks of each element.
    """
    maps = mark_clicks(clicks, (alpha.shape[-2], alpha.shape[-1]), alpha.device)
    return alpha.masked_fill(maps[:, :1] == 1, 0).masked_fill(maps[:, 1:] == 1, 1)
