"""Which region of an image a network is shown."""

from __future__ import annotations

import numpy as np

from iis_core.models.inference import Box, ZoomIn, box_iou
from iis_core.types import SignedClick


def test_boxes_are_compared_side_by_side() -> None:
    assert box_iou(Box(0, 9, 0, 9), Box(0, 9, 0, 9)) == 1
    assert box_iou(Box(0, 9, 0, 9), Box(0, 4, 0, 9)) == 0.5
    assert box_iou(Box(0, 9, 0, 9), Box(20, 29, 0, 9)) == 0


def test_a_region_holds_the_object_and_the_positive_clicks() -> None:
    mask = np.zeros((500, 700), bool)
    mask[200:260, 300:400] = True
    clicks = [SignedClick(450, 350, True), SignedClick(5, 5, False)]
    region = ZoomIn().object_region(mask, clicks)
    assert region.top <= 200 - 20
    assert region.bottom == 499
    assert region.left > 200
    assert ZoomIn().object_region(mask & False, clicks) is None
