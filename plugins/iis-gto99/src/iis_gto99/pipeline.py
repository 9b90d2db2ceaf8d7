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
from iis_core.masks import connected_to
from iis_core.threads import per_element
from iis_core.types import Click, Clicks

_MULTIPLE = 32
_SIGMAS = tuple(share * 352 for share in (0.02, 0.08, 0.16))
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Signed = tuple[list[Click], list[Click]]
"""Clicks of one element: negative first, as in the published maps."""


def split_by_sign(pcs: Clicks, ncs: Clicks, element: int) -> Signed:
    """All clicks of one element."""
    negative, positive = ([click for clicks in all_of for click in clicks[element]] for all_of in (ncs, pcs))
    return negative, positive


def choose_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """The size at which the network sees an image: the next multiples of 32."""
    return ceil(shape[0] / _MULTIPLE) * _MULTIPLE, ceil(shape[1] / _MULTIPLE) * _MULTIPLE


def enlarge(x: Tensor, shape: tuple[int, int]) -> Tensor:
    """Images or alphas, float32 (B, C, H, W), at another size by Lanczos; values may leave their range."""

    def resize(element: int) -> np.ndarray:
        pixels = np.ascontiguousarray(x[element].permute(1, 2, 0).cpu().numpy())
        resized = cv2.resize(pixels, shape[::-1], interpolation=cv2.INTER_LANCZOS4)
        return resized.reshape(*shape, -1)

    if tuple(x.shape[-2:]) == shape:
        return x
    stacked = torch.from_numpy(np.stack(per_element(resize, len(x))))
    return stacked.permute(0, 3, 1, 2).contiguous().to(x.device)


def reduce_to(alpha: Tensor, shape: tuple[int, int]) -> Tensor:
    """Alphas, float32 (B, 1, H, W), back at the image's size, bilinear."""
    if tuple(alpha.shape[-2:]) == shape:
        return alpha
    return functional.interpolate(alpha, size=shape, mode="bilinear", align_corners=False)


def normalise(image: Tensor) -> Tensor:
    """Less the ImageNet mean, divided by its standard deviation; float32 (B, 3, H, W)."""
    mean, std = (image.new_tensor(values)[:, None, None] for values in (_MEAN, _STD))
    return (image - mean) / std


def scale_clicks(clicks: Signed, shape: tuple[int, int], scaled: tuple[int, int]) -> Signed:
    """The pixels that show each click once its map is enlarged to the nearest pixel; a click may show in several.

    The scale is inverted twice, so that it rounds as in OpenCV.
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
    """exp(-d^2 / (2 sigma^2)) of the distance d to the nearest click, 0 without any: float32 (B, 6, H, W).

    The three widths are 0.02, 0.08 and 0.16 of 352 pixels; the first three maps are of the negative clicks.
    """
    count = max(1, *(len(same) for signed in clicks for same in signed))
    rows = [
        [(*pixel, 0.0) for pixel in same] + [NO_POINT] * (count - len(same)) for signed in clicks for same in signed
    ]
    points = torch.tensor(rows, dtype=torch.float32, device=device).reshape(len(clicks), 2 * count, 3)
    return gaussians(points, shape, _SIGMAS)


def mark_clicks(clicks: Sequence[Signed], shape: tuple[int, int], device: torch.device | str = "cpu") -> Tensor:
    """1 at clicked pixels, those of negative clicks first: float32 (B, 2, H, W)."""
    maps = torch.zeros((len(clicks), 2, *shape), device=device)
    for element, signed in enumerate(clicks):
        for kind, same in enumerate(signed):
            for row, col in same:
                maps[element, kind, row, col] = 1
    return maps


def keep_clicked_components(alpha: Tensor, clicks: Sequence[Signed]) -> Tensor:
    """The alphas, 0 outside the components (alpha > 0.5, 8-connected) that hold a positive click.

    alpha: float32 (B, 1, H, W). An element without a positive click is left as it is.
    """

    def keep(element: int) -> np.ndarray:
        values = alpha[element, 0].cpu().numpy()
        _, positive = clicks[element]
        return np.where(connected_to(values > 0.5, positive), values, np.float32(0)) if positive else values

    return torch.from_numpy(np.stack(per_element(keep, len(alpha)))[:, None]).to(alpha.device)


def force_clicks(alpha: Tensor, clicks: Sequence[Signed]) -> Tensor:
    """The alphas with clicked pixels set: 0 at negative clicks, 1 at positive ones, which prevail."""
    maps = mark_clicks(clicks, (alpha.shape[-2], alpha.shape[-1]), alpha.device)
    return alpha.masked_fill(maps[:, :1] == 1, 0).masked_fill(maps[:, 1:] == 1, 1)
