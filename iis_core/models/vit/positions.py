"""Position embeddings of another size of image."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def resize_positions(positions: Tensor, shape: tuple[int, int]) -> Tensor:
    """Resize position embeddings by bicubic interpolation.

    Args:
        positions: float32 (1, h, w, C), without those of other tokens than patches.
        shape: the new (h, w).

    Returns:
        Float32 (1, *shape, C); the positions themselves where the shape is theirs.

    Source: Touvron et al. 2021, Training Data-Efficient Image Transformers (DeiT).
    """
    if tuple(positions.shape[1:3]) == tuple(shape):
        return positions
    channels_first = positions.permute(0, 3, 1, 2)
    resized = functional.interpolate(channels_first, size=tuple(shape), mode="bicubic", align_corners=False)
    return resized.permute(0, 2, 3, 1)
