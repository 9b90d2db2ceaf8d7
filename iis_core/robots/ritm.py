"""The evaluation robot of RITM, made exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iis_core.masks.distance import Interior
from iis_core.robots.base import ElementRobot

if TYPE_CHECKING:
    from iis_core.types import Click


class RitmRobot(ElementRobot):
    """Clicks the error pixel farthest from the border of its error map.

    The larger of the two maxima decides the sign, a tie is negative; pixels clicked before are passed
    over; of equal pixels the first in row-major order is taken. Distances are compared as squared
    integers. Without an error there is no click, where the published code clicks (0, 0).

    Source: Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance.
    """

    def click(
        self, missed: np.ndarray, excess: np.ndarray, clicked: np.ndarray, rng: np.random.Generator | None
    ) -> tuple[Click, bool] | None:
        positive, negative = Interior.of(missed, clicked), Interior.of(excess, clicked)
        if positive is None and negative is None:
            return None
        if negative is None or (positive is not None and _is_deeper(positive, negative)):
            assert positive is not None
            return positive.farthest_pixel()[1:], True
        return negative.farthest_pixel()[1:], False


def _is_deeper(positive: Interior, negative: Interior) -> bool:
    if positive.is_surely_deeper_than(negative):
        return True
    if negative.is_surely_deeper_than(positive):
        return False
    return positive.farthest_pixel().squared > negative.farthest_pixel().squared
