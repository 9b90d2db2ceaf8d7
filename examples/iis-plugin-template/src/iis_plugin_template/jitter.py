"""A robot whose hand is not steady."""

from __future__ import annotations

import numpy as np

from iis_core.robots import ElementRobot, ElementView
from iis_core.robots.ritm import RitmRobot
from iis_core.types import Click


class JitterRobot(ElementRobot):
    """Clicks near the pixel that the robot `ritm` would click, in the same error map.

    Args:
        threshold: the probability above which a pixel is predicted as object.
        inclusive: whether a pixel at the threshold is predicted as object too.
        radius: how far away at most, in pixels; all pixels within are equally likely.
    """

    draws = True

    def __init__(self, *, threshold: float = 0.5, inclusive: bool = False, radius: float = 5.0) -> None:
        super().__init__(threshold=threshold, inclusive=inclusive)
        self.radius = radius
        self.exact = RitmRobot(threshold=threshold, inclusive=inclusive)

    def choose(self, view: ElementView) -> list[Click]:
        assert view.rng is not None
        chosen = self.exact.choose(view)
        if not chosen:
            return []
        (aim,) = chosen
        (errors,) = (errors for errors in view.errors if errors[aim])
        places = np.argwhere(errors)
        near = places[((places - aim) ** 2).sum(axis=1) <= self.radius**2]
        row, col = view.rng.choice(near)
        return [(int(row), int(col))]
