"""The guided filter."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def guided_filter(guide: Tensor, x: Tensor, radius: int, eps: float) -> Tensor:
    """Make x a locally linear function of the guide.

    Args:
        guide: float32 (B, 1, H, W).
        x: float32 (B, 1, H, W).
        radius: radius of the square windows, in pixels.
        eps: number that is added to the guide's variance.

    Source: He, Sun, Tang 2010, Guided Image Filtering.
    """

    def mean(values: Tensor) -> Tensor:
        return _sum_box(values, radius) / count

    count = _sum_box(torch.ones_like(guide[:1]), radius)
    mean_guide, mean_x = mean(guide), mean(x)
    covariance = mean(guide * x) - mean_guide * mean_x
    variance = mean(guide * guide) - mean_guide * mean_guide
    slope = covariance / (variance + eps)
    offset = mean_x - slope * mean_guide
    return mean(slope) * guide + mean(offset)


def _sum_box(x: Tensor, radius: int) -> Tensor:
    """Sum over windows clipped to the image.

    Running sums round as in the published code; where a guide hardly varies, their rounding decides the slope.
    """
    return _sum_along(_sum_along(x, radius, 2), radius, 3)


def _sum_along(x: Tensor, radius: int, dim: int) -> Tensor:
    sums = functional.pad(x.cumsum(dim), (0, 0, 1, 0) if dim == 2 else (1, 0))
    places = torch.arange(x.shape[dim], device=x.device)
    after = (places + radius + 1).clamp(max=x.shape[dim])
    before = (places - radius).clamp(min=0)
    return sums.index_select(dim, after) - sums.index_select(dim, before)
