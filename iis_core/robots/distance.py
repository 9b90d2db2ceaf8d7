"""Robots that click at random, more often deep inside the error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iis_core.masks.distance import squared_distance
from iis_core.robots.base import ElementRobot, ElementView, draw

if TYPE_CHECKING:
    from iis_core.types import Click


class DistanceErrorRobot(ElementRobot):
    """Clicks on errors of either kind, with a probability proportional to the distance to the border of the error.

    Source: iislib.
    """

    several_points = True
    draws = True

    def choose(self, view: ElementView) -> list[Click]:
        assert view.rng is not None
        return draw(view.error, view.n_points, view.rng, distance_to_border(view.error))


class DistanceErrorSequentialRobot(ElementRobot):
    """Clicks like `distance-error`, but removes each clicked pixel from the error before the next click is drawn."""

    several_points = True
    draws = True

    def choose(self, view: ElementView) -> list[Click]:
        assert view.rng is not None
        left, clicks = view.error.copy(), []
        for _ in range(view.n_points):
            for click in draw(left, 1, view.rng, distance_to_border(left)):
                left[click] = False
                clicks.append(click)
        return clicks


def distance_to_border(region: np.ndarray) -> np.ndarray:
    """Return the distance of each pixel to the outside of an error region.

    Args:
        region: bool (H, W). Pixels beyond the image are outside the region.

    Returns:
        Distances, float64 (H, W); 0 outside the region.
    """
    return np.asarray(np.sqrt(squared_distance(region)))
