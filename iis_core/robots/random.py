"""Robots that click uniformly at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iis_core.masks.components import largest_component
from iis_core.robots.base import ElementRobot, ElementView, draw

if TYPE_CHECKING:
    from iis_core.types import Click


class RandomRobot(ElementRobot):
    """Clicks anywhere in the image except on ignored pixels, whether the prediction is right there or wrong."""

    several_points = True
    draws = True

    def choose(self, view: ElementView) -> list[Click]:
        assert view.rng is not None
        return draw(view.target != -1, view.n_points, view.rng)


class RandomErrorRobot(ElementRobot):
    """Clicks anywhere in the error, of either kind."""

    several_points = True
    draws = True

    def choose(self, view: ElementView) -> list[Click]:
        assert view.rng is not None
        return draw(view.error, view.n_points, view.rng)


class RandomLargestErrorRobot(ElementRobot):
    """Clicks anywhere in the largest 4-connected component of the errors of both kinds together."""

    several_points = True
    draws = True

    def choose(self, view: ElementView) -> list[Click]:
        assert view.rng is not None
        largest = largest_component(view.error, connectivity=4)
        if largest is None:
            return []
        region = np.zeros_like(view.prediction)
        region[largest.box] = largest.mask
        return draw(region, view.n_points, view.rng)
