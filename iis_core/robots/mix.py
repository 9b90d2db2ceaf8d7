"""Mixtures, which draw a robot for every batch element and interaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from iis_core.errors import UserError
from iis_core.plugins.load import load_initial_robot, load_robot
from iis_core.plugins.offers import show_loaded
from iis_core.robots.base import Robot
from iis_core.robots.initial import InitialRobot
from iis_core.types import Clicks, NewClicks, Region

Rngs = Sequence[np.random.Generator]


class MixRobot:
    """Draws the robot that clicks, for every batch element and interaction.

    Args:
        robots: `{catalog name, or a robot: weight}`; a robot has its own threshold.
        threshold: the probability above which a pixel is predicted as object, for all robots.
        inclusive: whether a pixel at the threshold is predicted as object too.

    Raises:
        UserError: a weight is negative, or none is positive.
    """

    def __init__(self, *, robots: Mapping[str | Robot, float], threshold: float = 0.5, inclusive: bool = False) -> None:
        self.threshold = threshold
        self.inclusive = inclusive
        self.weights = _normalise_weights(robots)
        rules = {"threshold": threshold, "inclusive": inclusive}
        self.robots = [load_robot(robot, **rules) if isinstance(robot, str) else robot for robot in robots]

    def __repr__(self) -> str:
        return show_loaded(self)

    def __call__(
        self,
        y: Tensor,
        target: Tensor,
        pcs: Clicks,
        ncs: Clicks,
        *,
        n_points: int = 1,
        rngs: Rngs | None = None,
    ) -> tuple[NewClicks, NewClicks]:
        if rngs is None:
            raise UserError("robot mix draws at random: give `rngs`, one generator per element")

        def ask(which: int, elements: list[int]) -> tuple[NewClicks, NewClicks]:
            own_pcs, own_ncs = ([[new[i] for i in elements] for new in clicks] for clicks in (pcs, ncs))
            own_rngs = [rngs[i] for i in elements]
            robot = self.robots[which]
            return robot(y[elements], target[elements], own_pcs, own_ncs, n_points=n_points, rngs=own_rngs)

        return _draw_and_ask(self.weights, rngs, ask)


class MixInitialRobot:
    """Draws the initial robot that clicks, for every batch element.

    Args:
        robots: `{catalog name, or an initial robot: weight}`.

    Raises:
        UserError: a weight is negative, or none is positive.
    """

    def __init__(self, *, robots: Mapping[str | InitialRobot, float]) -> None:
        self.weights = _normalise_weights(robots)
        self.robots: list[InitialRobot] = [
            load_initial_robot(robot) if isinstance(robot, str) else robot for robot in robots
        ]

    def __call__(
        self, regions: Sequence[Region], *, n_points: int | None = None, rngs: Rngs
    ) -> tuple[NewClicks, NewClicks]:
        def ask(which: int, elements: list[int]) -> tuple[NewClicks, NewClicks]:
            own = [regions[i] for i in elements]
            return self.robots[which](own, n_points=n_points, rngs=[rngs[i] for i in elements])

        return _draw_and_ask(self.weights, rngs, ask)


def _normalise_weights(robots: Mapping[Any, float]) -> np.ndarray:
    weights = np.array(list(robots.values()), dtype=float)
    if not len(weights) or (weights < 0).any() or not weights.sum() > 0:
        raise UserError(f"robots must be names with weights, some above 0 and none below, not {dict(robots)}")
    return np.asarray(weights / weights.sum())


def _draw_and_ask(
    weights: np.ndarray, rngs: Rngs, ask: Callable[[int, list[int]], tuple[NewClicks, NewClicks]]
) -> tuple[NewClicks, NewClicks]:
    """Draw a robot for every element, ask each robot once for all of its elements, and put their clicks in order."""
    drawn = [int(rng.choice(len(weights), p=weights)) for rng in rngs]
    pcs: NewClicks = [[] for _ in rngs]
    ncs: NewClicks = [[] for _ in rngs]
    for which in sorted(set(drawn)):
        elements = [i for i, robot in enumerate(drawn) if robot == which]
        for i, positives, negatives in zip(elements, *ask(which, elements), strict=True):
            pcs[i], ncs[i] = positives, negatives
    return pcs, ncs
