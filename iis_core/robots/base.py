"""The interface of robots, and the base of those that treat every batch element separately."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from iis_core.clicks.order import order_clicks
from iis_core.errors import ContractError, UserError, name_of
from iis_core.masks.error import binarise, error_maps
from iis_core.plugins.offers import show_loaded
from iis_core.threads import per_element

if TYPE_CHECKING:
    from torch import Tensor

    from iis_core.types import Click, Clicks, NewClicks


@runtime_checkable
class Robot(Protocol):
    """An oracle that annotates the error of a prediction. It holds no state and is safe in threads."""

    def __call__(
        self,
        y: Tensor,
        target: Tensor,
        pcs: Clicks,
        ncs: Clicks,
        *,
        n_points: int = 1,
        rngs: Sequence[np.random.Generator] | None = None,
    ) -> tuple[NewClicks, NewClicks]:
        """Return the clicks of one interaction.

        Args:
            y: the prediction, float32 (B, 1, H, W) probabilities on the CPU.
            target: int8 (B, 1, H, W) on the CPU; 1 object, 0 background, -1 ignore.
            pcs: the positive clicks so far, `[interaction][batch element][click]`.
            ncs: the negative clicks so far, in the same form.
            n_points: the largest number of clicks to give.
            rngs: one generator per batch element, the only source of randomness; robots that draw nothing need none.

        Returns:
            The new positive and negative clicks, `[batch element][click]`; both lists are empty for an element without
                an error.
        """
        ...


@dataclass(frozen=True, eq=False)
class ElementView:
    """What a robot sees of one batch element.

    Args:
        prediction: bool (H, W).
        target: int8 (H, W); 1 object, 0 background, -1 ignore.
        clicked: int (n, 2), (row, col) of the clicks so far, in order.
        n_points: the largest number of clicks to give.
        rng: the only source of randomness, None where none was given.
    """

    prediction: np.ndarray
    target: np.ndarray
    clicked: np.ndarray
    n_points: int = 1
    rng: np.random.Generator | None = None

    @cached_property
    def errors(self) -> tuple[np.ndarray, np.ndarray]:
        """False negatives and false positives, bool (H, W) each."""
        return error_maps(self.prediction, self.target)

    @property
    def error(self) -> np.ndarray:
        """Errors of either kind, bool (H, W)."""
        return np.asarray(np.logical_or(*self.errors))


class ElementRobot(ABC):
    """A robot that treats every batch element separately, each in a thread; the target decides the sign of a click.

    Args:
        threshold: the probability above which a pixel is predicted as object.
        inclusive: whether a pixel at the threshold is predicted as object too.
    """

    several_points = False
    """Whether the robot can give more than one click per interaction."""

    draws = False
    """Whether the robot draws at random and so needs generators."""

    def __init__(self, *, threshold: float = 0.5, inclusive: bool = False) -> None:
        self.threshold = threshold
        self.inclusive = inclusive

    def __repr__(self) -> str:
        return show_loaded(self)

    @abstractmethod
    def choose(self, view: ElementView) -> Sequence[Click]:
        """Return the pixels to click.

        Args:
            view: the batch element.

        Returns:
            (row, col) of the pixels, none of them ignored; empty where there is nothing to click.
        """

    def __call__(
        self,
        y: Tensor,
        target: Tensor,
        pcs: Clicks,
        ncs: Clicks,
        *,
        n_points: int = 1,
        rngs: Sequence[np.random.Generator] | None = None,
    ) -> tuple[NewClicks, NewClicks]:
        if n_points != 1 and not self.several_points:
            raise UserError(f"robot {name_of(self)} gives one click per interaction, not {n_points}")
        if self.draws and rngs is None:
            raise UserError(f"robot {name_of(self)} draws at random: give `rngs`, one generator per element")
        mask = binarise(y, self.threshold, self.inclusive).numpy()
        truth = target.numpy()

        def view(element: int) -> ElementView:
            rng = None if rngs is None else rngs[element]
            return ElementView(mask[element, 0], truth[element, 0], _list_clicked(pcs, ncs, element), n_points, rng)

        chosen = per_element(lambda element: self.choose(view(element)), len(y))
        return split_by_label(chosen, truth[:, 0])


def split_by_label(chosen: Sequence[Sequence[Click]], targets: Iterable[np.ndarray]) -> tuple[NewClicks, NewClicks]:
    """Separate clicks by the value of the target where they were made.

    Args:
        chosen: clicks, `[batch element][click]`.
        targets: one target per batch element, int8 (H, W).

    Returns:
        The positive and the negative clicks, `[batch element][click]`; clicks on ignored pixels are left out.
    """
    pairs = list(zip(chosen, targets, strict=True))
    positive = [[click for click in own if target[click] == 1] for own, target in pairs]
    negative = [[click for click in own if target[click] == 0] for own, target in pairs]
    return positive, negative


def draw(places: np.ndarray, count: int, rng: np.random.Generator, weights: np.ndarray | None = None) -> list[Click]:
    """Draw different pixels of a map at random.

    Args:
        places: bool (H, W), the pixels that can be drawn.
        count: the largest number of pixels to draw.
        rng: the source of randomness.
        weights: float (H, W), to which the probability of a pixel is proportional; None draws uniformly.

    Returns:
        (row, col) of the pixels; fewer than `count` where there are not so many.
    """
    candidates = np.flatnonzero(places)
    if weights is not None:
        candidates = candidates[weights.flat[candidates] > 0]
    if not len(candidates):
        return []
    share = None if weights is None else weights.flat[candidates] / weights.flat[candidates].sum()
    found = rng.choice(candidates, min(count, len(candidates)), replace=False, p=share)
    return [(int(place) // places.shape[1], int(place) % places.shape[1]) for place in found]


def check_clicks(robot: Robot, new_pcs: NewClicks, new_ncs: NewClicks, shape: Sequence[int], n_points: int) -> None:
    """Check that the clicks of one interaction fit a prediction.

    Args:
        robot: the robot that gave them, named in the error.
        new_pcs: its positive clicks, `[batch element][click]`.
        new_ncs: its negative clicks, in the same form.
        shape: (B, 1, H, W), the shape of the prediction.
        n_points: the largest number of clicks that it was asked for.

    Raises:
        ContractError: the clicks do not fit.
    """
    batch, _, height, width = shape
    if len(new_pcs) != batch or len(new_ncs) != batch:
        given = f"{len(new_pcs)} positive and {len(new_ncs)} negative lists"
        raise ContractError(f"robot {name_of(robot)} returned {given} of clicks for a batch of {batch}")
    for clicks in ([*positive, *negative] for positive, negative in zip(new_pcs, new_ncs, strict=True)):
        if len(clicks) > n_points:
            raise ContractError(f"robot {name_of(robot)} gave {len(clicks)} clicks where {n_points} were asked for")
        for row, col in clicks:
            if type(row) is not int or type(col) is not int:
                kinds = f"({type(row).__name__}, {type(col).__name__})"
                raise ContractError(f"robot {name_of(robot)} must click Python ints (row, col), not {kinds}")
            if not (0 <= row < height and 0 <= col < width):
                image = f"an image of {height} x {width}"
                raise ContractError(f"robot {name_of(robot)} clicked ({row}, {col}), outside {image}")


def _list_clicked(pcs: Clicks, ncs: Clicks, element: int) -> np.ndarray:
    """List the clicks of one batch element, of both signs, in order: int (n, 2)."""
    return np.array([click[:2] for click in order_clicks(pcs, ncs, element)], dtype=np.int64).reshape(-1, 2)
