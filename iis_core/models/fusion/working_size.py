"""Images, masks and clicks at a smaller size."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from iis_core.types import Clicks

Shape = tuple[int, int]


def choose_working_shape(shape: Shape, working_size: int | None) -> Shape:
    """Choose height and width with the longer side at most `working_size`, both sides alike; None for any."""
    if working_size is None or max(shape) <= working_size:
        return shape
    height, width = (max(1, round(side * working_size / max(shape))) for side in shape)
    return height, width


def resize_antialiased(x: Tensor, shape: Shape) -> Tensor:
    """Resize floating (B, C, H, W) bilinearly, without aliasing."""
    if x.shape[-2:] == shape:
        return x
    return functional.interpolate(x, size=shape, mode="bilinear", align_corners=False, antialias=True)


def scale_clicks(clicks: Clicks, shape: Shape, new_shape: Shape) -> Clicks:
    """Move the clicks of an image of one size into the pixels of another."""

    def place(at: int, side: int, new_side: int) -> int:
        return min(int((at + 0.5) * new_side / side), new_side - 1)

    return [
        [[(place(row, shape[0], new_shape[0]), place(col, shape[1], new_shape[1])) for row, col in own] for own in each]
        for each in clicks
    ]
