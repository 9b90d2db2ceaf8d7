"""The shared types: clicks, states, samples, regions, pixel counts and interactions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Click: TypeAlias = tuple[int, int]
"""(row, col) in image pixels."""


class SignedClick(NamedTuple):
    """One click, in image pixels.

    Attributes:
        row: its row.
        col: its column.
        positive: whether it is on the object.
    """

    row: int
    col: int
    positive: bool


NewClicks: TypeAlias = list[list[Click]]
"""The clicks of one interaction and one sign: `[batch element][click]`."""

Clicks: TypeAlias = list[NewClicks]
"""All clicks of one sign: `[interaction][batch element][click]`."""

State: TypeAlias = dict[str, Any]
"""Auxiliary state z: tensors with leading B, lists of length B, or dicts of these."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One annotated image.

    Args:
        image: uint8 (H, W, 3) RGB.
        masks: int32 (H, W, L); 0 background, > 0 an object, -1 ignore.
        info: `id`, `path`, `objects: {object_id: {layer, value, parent, children, class}}`, and `initial_mask`
            (bool (H, W)) where the dataset has one.
    """

    image: np.ndarray
    masks: np.ndarray
    info: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Region:
    """One thing to segment, chosen from the full masks of a sample.

    Args:
        target: int8 (H, W); 1 object, 0 background, -1 ignore.
        others: bool (H, W), the union of the other objects, or None where it is unknown.
        required: bool (H, W) masks that must each get a negative click.
    """

    target: np.ndarray
    others: np.ndarray | None = None
    required: tuple[np.ndarray, ...] = ()


class Counts(NamedTuple):
    """The counts of a prediction's pixels.

    Attributes:
        tp: true positives.
        fp: false positives.
        fn: false negatives.
    """

    tp: int
    fp: int
    fn: int

    @property
    def union(self) -> int:
        return self.tp + self.fp + self.fn


@dataclass(frozen=True, eq=False)
class Step:
    """One interaction: the clicks that were made and the prediction that answers them.

    Args:
        number: 1 for the first interaction.
        elements: indices, in the original batch, of the b elements that are still running. The arguments below hold
            these elements, in this order.
        new_pcs: positive clicks of this interaction, `[element][click]`.
        new_ncs: negative clicks of this interaction, in the same form.
        pcs: all positive clicks so far, `[interaction][element][click]`.
        ncs: all negative clicks so far, in the same form.
        previous: float32 (b, 1, H, W) on the CPU, the prediction that the robot saw.
        y: float32 (b, 1, H, W) on the CPU, the new prediction.
        z: the model's state after this interaction.
    """

    number: int
    elements: tuple[int, ...]
    new_pcs: NewClicks
    new_ncs: NewClicks
    pcs: Clicks
    ncs: Clicks
    previous: Tensor
    y: Tensor
    z: State
