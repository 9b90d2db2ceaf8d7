"""The robots of RITM: the evaluation robot, made exact, and the training robot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iis_core.masks.distance import Interior
from iis_core.robots.base import ElementRobot, ElementView, draw

if TYPE_CHECKING:
    from iis_core.types import Click


class RitmRobot(ElementRobot):
    """Clicks the error pixel farthest from the border of its error map.

    The larger of the two maxima decides the sign, and a tie is negative. Pixels clicked before are skipped; of equal
    pixels the first in row-major order is clicked. Distances are compared as squared integers. Without an error there
    is no click, whereas the published code clicks (0, 0).

    Source: Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance.
    """

    def choose(self, view: ElementView) -> list[Click]:
        positive, negative = (Interior.of(errors, view.clicked) for errors in view.errors)
        deeper = negative
        if negative is None or (positive is not None and _is_deeper(positive, negative)):
            deeper = positive
        return [] if deeper is None else [deeper.farthest_pixel()[1:]]


class RitmTrainRobot(ElementRobot):
    """Clicks at random in the inner part of the deeper error map, where the distance exceeds half its maximum.

    Distances are those of OpenCV's 5 x 5 mask, as published; a tie between the maps is negative.

    Source: Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance (`get_next_points`).
    """

    draws = True

    def choose(self, view: ElementView) -> list[Click]:
        assert view.rng is not None
        positive, negative = (Interior.of(errors) for errors in view.errors)
        deeper = negative
        if negative is None or (positive is not None and positive.largest > negative.largest):
            deeper = positive
        if deeper is None:
            return []
        inner = draw(deeper.chamfer > deeper.largest / 2, 1, view.rng)
        return [(row + deeper.origin[0], col + deeper.origin[1]) for row, col in inner]


def _is_deeper(positive: Interior, negative: Interior) -> bool:
    if positive.is_surely_deeper_than(negative):
        return True
    if negative.is_surely_deeper_than(positive):
        return False
    return positive.farthest_pixel().squared > negative.farthest_pixel().squared
