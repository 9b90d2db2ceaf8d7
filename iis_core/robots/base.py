"""What a robot is, and the base of those that treat every batch element alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from iis_core.errors import UserError, name_of
from iis_core.masks.error import binarise, error_maps
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
        """The clicks of one interaction.

        y: float32 (B, 1, H, W) probabilities on the CPU.
        target: int8 (B, 1, H, W) on the CPU; 1 object, 0 background, -1 ignore.
        pcs, ncs: the positive and negative clicks so far, `[interaction][batch element][click]`.
        n_points: how many clicks to give, at most.
        rngs: one generator per batch element, the only source of randomness; robots that draw nothing
            do without.

        Returns the new positive and negative clicks, `[batch element][click]`; both lists are empty for an
        element without an error.
        """
        ...


class ElementRobot(ABC):
    """A robot that clicks into one element's error maps at a time, with a thread for each element.

    threshold, inclusive: the prediction is y > threshold, or y >= threshold where inclusive.
    """

    def __init__(self, *, threshold: float = 0.5, inclusive: bool = False) -> None:
        self.threshold = threshold
        self.inclusive = inclusive

    @abstractmethod
    def click(
        self, missed: np.ndarray, excess: np.ndarray, clicked: np.ndarray, rng: np.random.Generator | None
    ) -> tuple[Click, bool] | None:
        """One click and whether it is positive; None where no error is left.

        missed: bool (H, W), the false negatives.
        excess: bool (H, W), the false positives.
        clicked: int (n, 2), the element's clicks so far, in order.
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
        if n_points != 1:
            raise UserError(f"robot {name_of(self)} gives one click per interaction, not {n_points}")
        mask = binarise(y, self.threshold, self.inclusive).numpy()
        truth = target.numpy()

        def annotate(element: int) -> tuple[Click, bool] | None:
            missed, excess = error_maps(mask[element, 0], truth[element, 0])
            clicked = clicks_of(pcs, ncs, element)
            return self.click(missed, excess, clicked, None if rngs is None else rngs[element])

        found = per_element(annotate, len(y))
        return (
            [[answer[0]] if answer and answer[1] else [] for answer in found],
            [[answer[0]] if answer and not answer[1] else [] for answer in found],
        )


def clicks_of(pcs: Clicks, ncs: Clicks, element: int) -> np.ndarray:
    """One element's clicks of both signs, int (n, 2), by interaction, positives before negatives."""
    clicks = [
        click
        for positives, negatives in zip(pcs, ncs, strict=True)
        for click in (*positives[element], *negatives[element])
    ]
    return np.array(clicks, dtype=np.int64).reshape(-1, 2)
