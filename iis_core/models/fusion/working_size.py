"""Functions that bring images, masks and clicks to a smaller size."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from iis_core.types import Clicks

Shape = tuple[int, int]


def choose_working_shape(shape: Shape, working_size: int | None) -> Shape:
    """Choose the size at which a network reads an image.

    Args:
        shape: (H, W) of the image.
        working_size: the largest length of the longer side; None for no limit.

    Returns:
        (H, W), the shape itself or both sides reduced by the same factor.
    """
    if working_size is None or max(shape) <= working_size:
        return shape
    height, width = (max(1, round(side * working_size / max(shape))) for side in shape)
    return height, width


def resize_antialiased(x: Tensor, shape: Shape) -> Tensor:
    """Resize maps bilinearly, without aliasing.

    Args:
        x: floating (B, C, H, W).
        shape: the new (H, W).

    Returns:
        The resized maps; x itself where it has that size.
    """
    if x.shape[-2:] == shape:
        return x
    return functional.interpolate(x, size=shape, mode="bilinear", align_corners=False, antialias=True)


def scale_clicks(clicks: Clicks, shape: Shape, new_shape: Shape) -> Clicks:
    """Move clicks to the same place in an image of another size.

    Args:
        clicks: `[interaction][batch element][click]`.
        shape: (H, W) of the image in which they were made.
        new_shape: (H, W) of the other image.

    Returns:
        The moved clicks, in the same form.
    """

    def place(at: int, side: int, new_side: int) -> int:
        return min(int((at + 0.5) * new_side / side), new_side - 1)

    return [
        [[(place(row, shape[0], new_shape[0]), place(col, shape[1], new_shape[1])) for row, col in own] for own in each]
        for each in clicks
    ]
