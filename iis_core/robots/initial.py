"""Initial robots, which make the first clicks from the targets alone, before there is a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from iis_core.errors import UserError
from iis_core.masks import erode, outer_border
from iis_core.robots.base import draw, split_by_label
from iis_core.types import Click, NewClicks, Region

if TYPE_CHECKING:
    Rngs = Sequence[np.random.Generator]


@runtime_checkable
class InitialRobot(Protocol):
    """An oracle that makes the first clicks. It holds no state and is safe in threads."""

    def __call__(
        self, regions: Sequence[Region], *, n_points: int | None = None, rngs: Rngs
    ) -> tuple[NewClicks, NewClicks]:
        """Return the clicks of the first interaction.

        Args:
            regions: one per batch element; ignored pixels are never clicked.
            n_points: the largest number of clicks of one sign; None for the robot's own number.
            rngs: one generator per batch element, the only source of randomness.

        Returns:
            The positive and negative clicks, `[batch element][click]`.
        """
        ...


class NoInitialRobot:
    """Makes no click."""

    def __call__(
        self, regions: Sequence[Region], *, n_points: int | None = None, rngs: Rngs
    ) -> tuple[NewClicks, NewClicks]:
        return [[] for _ in regions], [[] for _ in regions]


class RandomInitialRobot:
    """Clicks anywhere; the target decides the sign.

    Args:
        count: the number of clicks, both signs together.

    Raises:
        UserError: the count is below 1.
    """

    def __init__(self, *, count: int = 1) -> None:
        self.count = require_at_least_one("count", count)

    def __call__(
        self, regions: Sequence[Region], *, n_points: int | None = None, rngs: Rngs
    ) -> tuple[NewClicks, NewClicks]:
        count = self.count if n_points is None else n_points
        chosen = [draw(region.target != -1, count, rng) for region, rng in zip(regions, rngs, strict=True)]
        return split_by_label(chosen, [region.target for region in regions])


class GridInitialRobot:
    """Clicks a random pixel in each cell of a grid; the target decides the sign.

    With n_points, so many of the clicks are drawn at random and the others left out.

    Args:
        rows: the number of rows of the grid.
        columns: the number of columns of the grid.

    Raises:
        UserError: a number is below 1.
    """

    def __init__(self, *, rows: int = 4, columns: int = 4) -> None:
        self.rows = require_at_least_one("rows", rows)
        self.columns = require_at_least_one("columns", columns)

    def __call__(
        self, regions: Sequence[Region], *, n_points: int | None = None, rngs: Rngs
    ) -> tuple[NewClicks, NewClicks]:
        chosen = [self._draw_clicks(region.target, n_points, rng) for region, rng in zip(regions, rngs, strict=True)]
        return split_by_label(chosen, [region.target for region in regions])

    def _draw_clicks(self, target: np.ndarray, n_points: int | None, rng: np.random.Generator) -> list[Click]:
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
    """Makes the first clicks as in the training of RITM.

    Positive clicks are drawn from the object, which is usually eroded first. Every required mask gets a negative click.
    Further negative clicks are drawn from the background, from other objects (from the background where there are
    none) and from the border around the object. The numbers of positive clicks, at least 1, and of further negative
    clicks, at least 0, are drawn too; each number is `decay` times as likely as the one before.

    Args:
        max_points: the largest number of clicks of one sign.
        decay: how likely a number of clicks is, relative to the number one lower.
        erosion: the chessboard radius by which the object is eroded, unless 10 pixels or fewer would remain.
        erosion_probability: how often the object is eroded.
        border: the width of the border, as a fraction of the square root of the object's area.
        background: the weight of the background among the places for negative clicks.
        others: the weight of the other objects.
        around: the weight of the border.

    Raises:
        UserError: `max_points` is below 1.

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
        self.max_points = require_at_least_one("max_points", max_points)
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
        positives = [self._draw_positives(*pair, most) for pair in pairs]
        return positives, [self._draw_negatives(*pair, most) for pair in pairs]

    def _draw_positives(self, region: Region, rng: np.random.Generator, most: int) -> list[Click]:
        count = 1 + self._draw_number(most, rng)
        target = region.target == 1
        if rng.random() < self.erosion_probability:
            target = erode(target, self.erosion, min_area=11)
        return draw(target, count, rng)

    def _draw_negatives(self, region: Region, rng: np.random.Generator, most: int) -> list[Click]:
        background = region.target == 0
        required = [click for mask in region.required for click in draw(mask & background, 1, rng)]
        places = self._find_places(region, background)
        further = rng.choice(len(places), self._draw_number(most + 1, rng), p=self.weights)
        clicks = required + [click for place in further for click in draw(places[place], 1, rng)]
        return list(dict.fromkeys(clicks))[:most]

    def _find_places(self, region: Region, background: np.ndarray) -> list[np.ndarray]:
        others = background if region.others is None else region.others & background
        target = region.target == 1
        width = ceil(self.border * np.count_nonzero(target) ** 0.5)
        around = outer_border(target, width) & background if width else background
        return [background, others if others.any() else background, around]

    def _draw_number(self, count: int, rng: np.random.Generator) -> int:
        """Draw a number from 0 to count - 1, each `decay` times as likely as the one before."""
        share = self.decay ** np.arange(count)
        return int(rng.choice(count, p=share / share.sum()))


def require_at_least_one(name: str, value: int) -> int:
    """Check that a number is at least 1.

    Args:
        name: what the number is called in the error.
        value: the number.

    Returns:
        The number.

    Raises:
        UserError: the number is below 1.
    """
    if value < 1:
        raise UserError(f"{name} must be at least 1, not {value}")
    return value
