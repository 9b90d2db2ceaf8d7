"""The robot of "Getting to 99% Accuracy in Interactive Segmentation", made exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iis_core.masks.components import Component, largest_component
from iis_core.masks.distance import farthest_pixel
from iis_core.robots.base import ElementRobot, ElementView

if TYPE_CHECKING:
    from iis_core.types import Click


class Gto99Robot(ElementRobot):
    """Clicks the centre of the largest 8-connected error region, by pixel count, of either kind.

    A tie between the kinds is negative; a tie within a kind goes to the first region in row-major order.
    The centre is the first pixel in row-major order with the largest distance to the outside of the region;
    pixels clicked before are not skipped. Without an error there is no click.

    Source: Forte, Price, Cohen, Xu, Pitié 2020, Getting to 99% Accuracy in Interactive Segmentation.
    """

    def choose(self, view: ElementView) -> list[Click]:
        positive, negative = _find_largest(*view.errors)
        region = negative
        if negative is None or (positive is not None and positive.area > negative.area):
            region = positive
        if region is None:
            return []
        centre = farthest_pixel(region.mask)
        assert centre is not None
        return [(region.box[0].start + centre.row, region.box[1].start + centre.col)]


def _find_largest(missed: np.ndarray, excess: np.ndarray) -> tuple[Component | None, Component | None]:
    """Find the largest component of each map; None for a map with fewer pixels than the other's component."""
    first, second = missed, excess
    swapped = np.count_nonzero(missed) < np.count_nonzero(excess)
    if swapped:
        first, second = excess, missed
    largest = largest_component(first)
    rival = None
    if largest is not None and np.count_nonzero(second) >= largest.area:
        rival = largest_component(second)
    return (rival, largest) if swapped else (largest, rival)
