"""Zoom-in: which region of the image the network sees, by the published rules.

Source: Sofiiuk et al. 2020, f-BRS: Rethinking Backpropagating Refinement for Interactive Segmentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import Tensor
from torch.nn import functional

from iis_core.clicks.points import PlacedClick
from iis_core.errors import UserError
from iis_core.types import SignedClick


class Box(NamedTuple):
    """A region of an image.

    Args:
        top: first row.
        bottom: last row.
        left: first column.
        right: last column.
    """

    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top + 1, self.right - self.left + 1


@dataclass(frozen=True)
class ZoomIn:
    """When and how to zoom.

    Args:
        target_size: longer side of what the network sees, in pixels, or its (height, width).
        skip_clicks: number of clicks before zooming; with -1 the network sees the whole image, at target_size, from
            the first click on.
        expansion_ratio: ratio of the region's sides to those of the object's bounding box.
        min_crop_size: smallest side of the region, in pixels.
        recompute_thresh_iou: the region is replaced when its IoU with the new one falls below this.
        prob_thresh: probability above which a pixel of the last prediction is the object.

    Raises:
        UserError: a value is out of range.
    """

    target_size: int | tuple[int, int] = 400
    skip_clicks: int = 1
    expansion_ratio: float = 1.4
    min_crop_size: int = 200
    recompute_thresh_iou: float = 0.5
    prob_thresh: float = 0.5

    def __post_init__(self) -> None:
        sides = (
            self.target_size if isinstance(self.target_size, (tuple, list)) else (self.target_size, self.target_size)
        )
        if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
            raise UserError(f"target_size must be a side or (height, width) in pixels, not {self.target_size!r}")
        if not (self.expansion_ratio > 0 and self.min_crop_size > 0 and self.skip_clicks >= -1):
            raise UserError(
                "expansion_ratio and min_crop_size must be above 0 and skip_clicks at least -1, not "
                f"{self.expansion_ratio}, {self.min_crop_size} and {self.skip_clicks}"
            )

    def next_region(
        self, clicks: Sequence[SignedClick], last: np.ndarray | None, region: Box | None, shape: tuple[int, int]
    ) -> tuple[Box | None, bool]:
        """Choose the region for the next prediction.

        As published, the region is kept but not seen when the last prediction is empty.

        Args:
            clicks: all clicks so far.
            last: the last prediction, float32 (H, W), or None before the first.
            region: the region so far, or None.
            shape: (H, W) of the image.

        Returns:
            The region, and whether the network sees it (True) or the whole image (False).
        """
        if len(clicks) <= self.skip_clicks:
            return region, False
        current = None if last is None else self.object_region(last > self.prob_thresh, clicks)
        if current is None:
            if self.skip_clicks >= 0:
                return region, False
            current = Box(0, shape[0] - 1, 0, shape[1] - 1)
        if region is None or not _holds(region, clicks) or box_iou(current, region) < self.recompute_thresh_iou:
            region = current
        return region, True

    def object_region(self, mask: np.ndarray, clicks: Sequence[SignedClick]) -> Box | None:
        """Find the region around the mask and the positive clicks, expanded and clamped to the image.

        Args:
            mask: bool (H, W).
            clicks: all clicks so far.

        Returns:
            The region, or None for an empty mask.
        """
        if not mask.any():
            return None
        mask = mask.copy()
        for click in clicks:
            if click.positive:
                mask[click.row, click.col] = True
        spans = []
        for axis, side in ((1, mask.shape[0]), (0, mask.shape[1])):
            places = np.flatnonzero(mask.any(axis=axis))
            first, last = int(places[0]), int(places[-1])
            centre, length = 0.5 * (first + last), max(self.expansion_ratio * (last - first + 1), self.min_crop_size)
            spans += [max(0, round(centre - 0.5 * length)), min(side - 1, round(centre + 0.5 * length))]
        return Box(*spans)

    def wants_again(self, last: np.ndarray, region: Box | None) -> bool:
        """Whether a prediction on the whole image is at once repeated on the region that it reveals.

        Args:
            last: the prediction, float32 (H, W).
            region: the region so far, or None.
        """
        if region is not None or self.skip_clicks > 0:
            return False
        found = self.object_region(last > self.prob_thresh, [])
        whole = Box(0, last.shape[0] - 1, 0, last.shape[1] - 1)
        return found is not None and box_iou(found, whole) < 0.5

    def seen_shape(self, region: Box) -> tuple[int, int]:
        """The size at which the network sees a region."""
        if not isinstance(self.target_size, int):
            return self.target_size[0], self.target_size[1]
        return fit_shape(region.shape, self.target_size)


def fit_shape(shape: tuple[int, int], side: int) -> tuple[int, int]:
    """Scale a size so that its longer side is `side`."""
    scale = side / max(shape)
    return round(shape[0] * scale), round(shape[1] * scale)


def crop_and_resize(pixels: Tensor, region: Box, shape: tuple[int, int]) -> Tensor:
    """Crop a region and resize it.

    Args:
        pixels: float32 (B, C, H, W).
        region: the region.
        shape: the new (height, width).
    """
    return resize_aligned(pixels[:, :, region.top : region.bottom + 1, region.left : region.right + 1], shape)


def map_clicks(clicks: Sequence[SignedClick | PlacedClick], region: Box, shape: tuple[int, int]) -> list[PlacedClick]:
    """Convert clicks to pixels of a region at another size.

    Args:
        clicks: clicks in pixels of the image.
        region: the region.
        shape: (height, width) to which the region is resized.
    """
    return [
        PlacedClick(
            shape[0] * (click.row - region.top) / region.shape[0],
            shape[1] * (click.col - region.left) / region.shape[1],
            click.positive,
        )
        for click in clicks
    ]


def mirror_clicks(clicks: Sequence[SignedClick | PlacedClick], width: int) -> list[PlacedClick]:
    """Place clicks in the mirrored image.

    Args:
        clicks: clicks in pixels of the image.
        width: of the image.
    """
    return [PlacedClick(click.row, width - click.col - 1, click.positive) for click in clicks]


def resize_aligned(x: Tensor, shape: Sequence[int]) -> Tensor:
    """Resize bilinearly, with corners aligned.

    Args:
        x: float32 (B, C, H, W).
        shape: the new (height, width).
    """
    return functional.interpolate(x, size=tuple(shape), mode="bilinear", align_corners=True)


def paste(probabilities: Tensor, region: Box, shape: tuple[int, int]) -> Tensor:
    """Put the probabilities of a region back in its place, with 0 elsewhere.

    Args:
        probabilities: float32 (B, 1, h, w).
        region: the region.
        shape: (H, W) of the image.

    Returns:
        float32 (B, 1, H, W).
    """
    whole = probabilities.new_zeros((len(probabilities), 1, *shape))
    whole[:, :, region.top : region.bottom + 1, region.left : region.right + 1] = resize_aligned(
        probabilities, region.shape
    )
    return whole


def box_iou(a: Box, b: Box) -> float:
    """Compute the IoU of the rows times the IoU of the columns."""
    return _span_iou(a.top, a.bottom, b.top, b.bottom) * _span_iou(a.left, a.right, b.left, b.right)


def _span_iou(a: int, b: int, c: int, d: int) -> float:
    return max(0, min(b, d) - max(a, c) + 1) / max(1e-6, max(b, d) - min(a, c) + 1)


def _holds(region: Box, clicks: Sequence[SignedClick]) -> bool:
    """Whether all positive clicks lie inside; the last row and column do not count as inside, as published."""
    return all(
        region.top <= click.row < region.bottom and region.left <= click.col < region.right
        for click in clicks
        if click.positive
    )
