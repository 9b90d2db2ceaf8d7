"""Convolutions of enlarged maps, at the price of the small ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def enlarge_and_convolve(x: Tensor, weight: Tensor, shape: tuple[int, int], *, align_corners: bool) -> Tensor:
    """Enlarge maps bilinearly and convolve them, without ever holding all channels at the large size.

    Where the small maps have at most a sixteenth of the pixels, this takes many times less computation.

    Args:
        x: floating (B, C, h, w).
        weight: of the convolution, (O, C, k, k) with k odd; the enlarged maps are padded by k // 2 zeros.
        shape: (H, W), the large size.
        align_corners: as for `torch.nn.functional.interpolate`.

    Returns:
        (B, O, H, W), equal to `conv2d(interpolate(x, shape, mode="bilinear"), weight, padding=k // 2)` except for
            rounding.
    """
    # The kernel has k x k taps: its matrices of weights, one for each offset. Both operations are linear, and a tap
    # mixes channels at one pixel, whereas the enlargement mixes pixels of one channel, so they can be swapped: apply
    # each tap to the small maps as a 1x1 convolution, then enlarge its result and shift it by the tap's offset, and
    # sum over taps. Enlarging, shifting and summing are separable: one matrix product over columns, one over rows.
    batch, _, height, width = x.shape
    outputs, _, k, _ = weight.shape
    rows, columns = (
        _build_matrix(small, large, k, x, align_corners) for small, large in zip((height, width), shape, strict=True)
    )
    taps = functional.conv2d(x, weight.permute(2, 3, 0, 1).reshape(k * k * outputs, -1, 1, 1))
    taps = taps.permute(0, 2, 3, 1).reshape(batch, height, width, k, k, outputs)
    by_column = taps.permute(0, 1, 4, 2, 3, 5).reshape(batch, height, k * width, k * outputs)
    wide = (columns @ by_column).reshape(batch, height, shape[1], k, outputs)
    by_row = wide.permute(0, 3, 1, 2, 4).reshape(batch, k * height, shape[1] * outputs)
    return (rows @ by_row).reshape(batch, *shape, outputs).permute(0, 3, 1, 2)


def _build_matrix(small: int, large: int, k: int, like: Tensor, align_corners: bool) -> Tensor:
    """Return the matrix (large, k small) that enlarges a line for each of k taps, shifts by the taps and sums."""
    unit = torch.eye(small, dtype=like.dtype, device=like.device)[None]
    enlarged = functional.interpolate(unit, size=large, mode="linear", align_corners=align_corners)[0]
    return functional.pad(enlarged, (k // 2, k // 2)).unfold(1, large, 1).permute(2, 1, 0).reshape(large, k * small)
