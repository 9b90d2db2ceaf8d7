"""Initial robots: the first clicks, from the targets alone, before there is a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from iis_core.errors import UserError
from iis_core.masks import erode, outer_border
from iis_core.robots.base import draw, labelled
from iis_core.types import Click, NewClicks, Region

if TYPE_CHECKING:
    Rngs = Sequence[np.random.Generator]


@runtime_checkable
class InitialRobot(Protocol):
    """An oracle that makes the first clicks. It holds no state and is safe in threads."""

    def __call__(
        self, regions: Sequence[Region], *, n_points: int | None = None, rngs: Rngs
    ) -> tuple[NewClicks, NewClicks]:
        """The clicks of one first interaction, `[batch element][click]`, positive and negative.

        regions: one per batch element; ignored pixels are never clicked.
        n_points: how many clicks of a sign, at most; None for the robot's own number.
        rngs: one generator per batch element, the only source of randomness.
        """
        ...


class NoInitialRobot:
    """Makes no click."""

    def __call__(
        self, regions: Sequence[Region], *, n_points: int | None = None, rngs: Rngs
    ) -> tuple[NewClicks, NewClicks]:
        return [[] for _ in regions], [[] for _ in regions]


class RandomInitialRobot:
    """Clicks anywhere, labelled by the target.

    count: of clicks, both signs together.
    """

    def __init__(self, *, count: int = 1) -> None:
        self.count = at_least_one("count", count)

    def __call__(
        self, regions: Sequence[Region], *, n_points: int | None = None, rngs: Rngs
    ) -> tuple[NewClicks, NewClicks]:
        count = self.count if n_points is None else n_points
        chosen = [draw(region.target != -1, count, rng) for region, rng in zip(regions, rngs, strict=True)]
        return labelled(chosen, [region.target for region in regions])


class GridInitialRobot:
    """Clicks once in each cell of a grid, at a random place in it, labelled by the target.

    rows, columns: of the grid; n_points keeps that many of the clicks, drawn at random.
    """

    def __init__(self, *, rows: int = 4, columns: int = 4) -> None:
        self.rows = at_least_one("rows", rows)
        self.columns = at_least_one("columns", columns)

    def __call__(
        self, regions: Sequence[Region], *, n_points: int | None = None, rngs: Rngs
    ) -> tuple[NewClicks, NewClicks]:
        chosen = [self._clicks(region.target, n_points, rng) for region, rng in zip(regions, rngs, strict=True)]
        return labelled(chosen, [region.target for region in regions])

    def _clicks(self, target: np.ndarray, n_points: int | None, rng: np.random.Generator) -> list[Click]:
        row_edges = np.linspace(0, target.shape[0], self.rows + 1).astype(int)
        column_edges = np.linspace(0, target.shape[1], self.columns + 1).astype(int)
        clicks = [
            (int(rng.integers(top, bottom)), int(rng.integers(left, right)))
            for top, bottom in pairwise(row_edges)
            for left, right in pairwise(column_edges)
            if top < bottom and left < right
        ]
        kept = rng.permutation(len(clicks))[:n_points]
        return [clicks[i] for i in sorted(kept)]


class RitmInitialRobot:
    """The first clicks of RITM's training.

    Positive clicks fall into the target, most often eroded; every required region gets a negative one; further
    negative clicks fall on the background, on other objects (on the background where there are none) and on the
    border around the target. A number of clicks is drawn with a probability that decays: of positive ones
    from 1 on, of further negative ones from 0 on.

    max_points: clicks of a sign, at most. decay: of the probability from one number to the next.
    erosion, erosion_probability: chessboard radius by which the target is eroded, unless 10 pixels or fewer
        would remain, and how often.
    border: width of the border as a part of the square root of the target's area.
    background, others, around: the weights of the three places for negative clicks.

    Source: Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance (`MultiPointSampler`).
    """

    def __init__(
        self,
        *,
        max_points: int = 24,
        decay: float = 0.8,
        erosion: int = 3,
        erosion_probability: float = 0.9,
        border: float = 0.1,
        background: float = 0.1,
        others: float = 0.4,
        around: float = 0.5,
    ) -> None:
        self.max_points = at_least_one("max_points", max_points)
        self.decay = decay
        self.erosion = erosion
        self.erosion_probability = erosion_probability
        self.border = border
        self.weights = np.array([background, others, around]) / (background + others + around)

    def __call__(
        self, regions: Sequence[Region], *, n_points: int | None = None, rngs: Rngs
    ) -> tuple[NewClicks, NewClicks]:
        most = self.max_points if n_points is None else n_points
        pairs = list(zip(regions, rngs, strict=True))
        return [self._positives(*pair, most) for pair in pairs], [self._negatives(*pair, most) for pair in pairs]

    def _positives(self, region: Region, rng: np.random.Generator, most: int) -> list[Click]:
        count = 1 + self._number(most, rng)
        target = region.target == 1
        if rng.random() < self.erosion_probability:
            target = erode(target, self.erosion, min_area=11)
        return draw(target, count, rng)

    def _negatives(self, region: Region, rng: np.random.Generator, most: int) -> list[Click]:
        background = region.target == 0
        required = [click for mask in region.required for click in draw(mask & background, 1, rng)]
        places = self._places(region, background)
        further = rng.choice(len(places), self._number(most + 1, rng), p=self.weights)
        clicks = required + [click for place in further for click in draw(places[place], 1, rng)]
        return list(dict.fromkeys(clicks))[:most]

    def _places(self, region: Region, background: np.ndarray) -> list[np.ndarray]:
        others = background if region.others is None else region.others & background
        target = region.target == 1
        width = ceil(self.border * np.count_nonzero(target) ** 0.5)
        around = outer_border(target, width) & background if width else background
        return [background, others if others.any() else background, around]

    def _number(self, count: int, rng: np.random.Generator) -> int:
        """0 to count - 1, each `decay` times as likely as the one before."""
        share = self.decay ** np.arange(count)
        return int(rng.choice(count, p=share / share.sum()))


def at_least_one(name: str, value: int) -> int:
    """The value. Raises UserError, with the name, where it is below 1."""
    if value < 1:
        raise UserError(f"{name} must be at least 1, not {value}")
    return value
