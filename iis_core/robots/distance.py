"""Robots that click at random, more likely deep in the error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iis_core.masks.distance import squared_distance
from iis_core.robots.base import ElementRobot, ElementView, draw

if TYPE_CHECKING:
    from iis_core.types import Click


class DistanceErrorRobot(ElementRobot):
    """Clicks into the error in proportion to the distance to its border; both kinds taken together.

    Source: iislib.
    """

    several_points = True
    draws = True

    def choose(self, view: ElementView) -> list[Click]:
        assert view.rng is not None
        return draw(view.error, view.n_points, view.rng, distance_to_border(view.error))


class DistanceErrorSequentialRobot(ElementRobot):
    """As `distance-error`, but each further click is drawn after the last one was taken out of the error."""

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
    """Distance to the outside of a bool (H, W) region, float64; beyond the image is outside."""
    return np.asarray(np.sqrt(squared_distance(region)))
