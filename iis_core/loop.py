"""The one interaction loop: a robot clicks, the model answers, again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from iis_core.errors import UserError, name_of, plugin_call
from iis_core.models.contract import check_answer
from iis_core.models.limits import check_limits
from iis_core.models.state import take, take_clicks
from iis_core.robots.base import check_clicks
from iis_core.types import Clicks, NewClicks, State, Step

if TYPE_CHECKING:
    from iis_core.models import IISModel
    from iis_core.robots import Robot


def interact(
    model: IISModel,
    robot: Robot,
    image: Tensor,
    target: Tensor,
    *,
    interactions: int = 20,
    n_points: int = 1,
    rngs: Sequence[np.random.Generator] | None = None,
    initial_mask: Tensor | None = None,
    features: State | None = None,
) -> Interaction:
    """Let a robot interact with a model over a batch.

    An element leaves the batch when the robot finds no error in it, or when it is finished by
    `Interaction.finish`; the loop ends when none is left.

    Args:
        model: answers the clicks; it never sees the target.
        robot: clicks.
        image: float32 (B, 3, H, W) in [0, 1].
        target: int8 (B, 1, H, W) on the CPU; 1 object, 0 background, -1 ignore.
        interactions: how many, at most.
        n_points: clicks per interaction and element, at most.
        rngs: one generator per element, for robots that draw.
        initial_mask: float32 (B, 1, H, W) in [0, 1], to start from.
        features: what `model.encode(image)` returned, to spare encoding again.

    Returns:
        An iterator of `Step`s, one per interaction.

    Raises:
        UserError: an input has the wrong form.
        ContractError: the model or the robot breaks the contract.

    Example:
        >>> for step in (steps := interact(model, robot, image, target)):
        ...     for place, element in enumerate(step.elements):
        ...         if is_good_enough(step.y[place]):
        ...             steps.finish(element)
    """
    _check_inputs(image, target, rngs, initial_mask)
    return Interaction(
        model, robot, image.to(model.device), target, interactions, n_points, rngs, initial_mask, features
    )


class Interaction(Iterator[Step]):
    """An interaction over a batch, step by step; see `interact`.

    Attributes:
        first_y: float32 (B, 1, H, W) on the CPU, the prediction before the first click.
    """

    def __init__(
        self,
        model: IISModel,
        robot: Robot,
        x: Tensor,
        target: Tensor,
        interactions: int,
        n_points: int,
        rngs: Sequence[np.random.Generator] | None,
        initial_mask: Tensor | None,
        features: State | None,
    ) -> None:
        self._model, self._robot = model, robot
        self._interactions, self._n_points = interactions, n_points
        self._z, y = initialize(model, x, target, initial_mask, features)
        self.first_y = y.to("cpu", torch.float32)
        self._x, self._target, self._y, self._rngs = x, target, self.first_y, rngs
        self._elements = tuple(range(len(x)))
        self._pcs: Clicks = []
        self._ncs: Clicks = []
        self._finished: set[int] = set()

    def finish(self, element: int) -> None:
        """End the interaction with an element, given by its position in the original batch."""
        self._finished.add(element)

    def __next__(self) -> Step:
        self._keep(lambda place: self._elements[place] not in self._finished)
        number = len(self._pcs) + 1
        if not self._elements or number > self._interactions:
            raise StopIteration
        new_pcs, new_ncs = ask(
            self._robot, self._y, self._target, self._pcs, self._ncs, n_points=self._n_points, rngs=self._rngs
        )
        self._pcs, self._ncs = [*self._pcs, new_pcs], [*self._ncs, new_ncs]
        self._keep(lambda place: bool(new_pcs[place] or new_ncs[place]))
        if not self._elements:
            raise StopIteration
        previous = self._y
        y, self._z = answer(self._model, self._x, self._z, self._pcs, self._ncs)
        self._y = y.to("cpu", torch.float32)
        pcs, ncs = self._pcs, self._ncs
        return Step(number, self._elements, pcs[-1], ncs[-1], pcs, ncs, previous, self._y, self._z)

    def _keep(self, is_kept: Callable[[int], bool]) -> None:
        """Drop the other elements from everything that has one entry for each."""
        kept = [place for place in range(len(self._elements)) if is_kept(place)]
        if len(kept) == len(self._elements):
            return
        self._elements = tuple(self._elements[place] for place in kept)
        self._x, self._target, self._y = self._x[kept], self._target[kept], self._y[kept]
        self._z = take(self._z, kept)
        self._pcs, self._ncs = take_clicks(self._pcs, kept), take_clicks(self._ncs, kept)
        self._rngs = self._rngs and [self._rngs[place] for place in kept]


def full_inference(
    model: IISModel,
    robot: Robot,
    image: Tensor,
    target: Tensor,
    *,
    interactions: int = 20,
    n_points: int = 1,
    rngs: Sequence[np.random.Generator] | None = None,
    initial_mask: Tensor | None = None,
) -> Tensor:
    """The predictions after all interactions, float32 (B, 1, H, W) on the CPU. Arguments as for `interact`."""
    steps = interact(
        model,
        robot,
        image,
        target,
        interactions=interactions,
        n_points=n_points,
        rngs=rngs,
        initial_mask=initial_mask,
    )
    y = steps.first_y.clone()
    for step in steps:
        y[list(step.elements)] = step.y
    return y


def predict(
    model: IISModel,
    image: np.ndarray,
    clicks: Sequence[tuple[int, int, bool]],
    initial_mask: np.ndarray | None = None,
) -> np.ndarray:
    """Segment one image by clicks that are given one after the other, without ground truth.

    Args:
        model: answers the clicks.
        image: uint8 (H, W, 3) RGB.
        clicks: (row, col, positive) in image pixels, in the order in which they were made.
        initial_mask: bool (H, W), a mask to start from.

    Returns:
        Probabilities in [0, 1], float32 (H, W).

    Raises:
        UserError: the image or mask has another form or one that the model does not take, a click lies outside the
            image, or a pixel is clicked with both signs.

    Example:
        >>> mask = predict(model, photograph, [(120, 80, True), (30, 200, False)]) > 0.5
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise UserError(f"image must be uint8 (H, W, 3) RGB, not {image.dtype} {image.shape}")
    if initial_mask is not None and initial_mask.shape != image.shape[:2]:
        raise UserError(f"initial_mask is {initial_mask.shape}, but the image is {image.shape[:2]}")
    check_limits(model, "the image", image.shape[:2], initial_mask=initial_mask is not None)
    _check_places(clicks, image.shape[0], image.shape[1])
    x = torch.from_numpy(image).permute(2, 0, 1)[None].to(model.device, torch.float32) / 255
    mask = None if initial_mask is None else torch.from_numpy(initial_mask.astype(np.float32))[None, None]
    z, y = initialize(model, x, torch.zeros((1, 1, *image.shape[:2]), dtype=torch.int8), mask)
    pcs: Clicks = []
    ncs: Clicks = []
    for row, col, positive in clicks:
        pcs.append([[(row, col)] if positive else []])
        ncs.append([[] if positive else [(row, col)]])
        y, z = answer(model, x, z, pcs, ncs)
    return np.asarray(y[0, 0].cpu().numpy())


@torch.no_grad()
def initialize(
    model: IISModel,
    x: Tensor,
    target: Tensor,
    initial_mask: Tensor | None = None,
    features: State | None = None,
) -> tuple[State, Tensor]:
    """The state and the prediction before the first click; the model gets a blank target of the same shape."""
    blank = torch.zeros_like(target)
    mask = None if initial_mask is None else initial_mask.to(x)
    known: dict[str, Any] = {} if features is None else {"features": features}
    with plugin_call(f"model {name_of(model)}: initialize_z or initialize_y failed"):
        z = model.initialize_z(x, blank, mask, **known)
        y = model.initialize_y(x, blank, mask)
    check_answer(model, "initialize_y", x, y, z)
    return z, y


def ask(
    robot: Robot,
    y: Tensor,
    target: Tensor,
    pcs: Clicks,
    ncs: Clicks,
    *,
    n_points: int = 1,
    rngs: Sequence[np.random.Generator] | None = None,
) -> tuple[NewClicks, NewClicks]:
    """Ask a robot for the clicks of one interaction, `[batch element][click]`, checked. Arguments as for `Robot`."""
    with plugin_call(f"robot {name_of(robot)} failed"):
        new_pcs, new_ncs = robot(y, target, pcs, ncs, n_points=n_points, rngs=rngs)
    check_clicks(robot, new_pcs, new_ncs, y.shape, n_points)
    return new_pcs, new_ncs


@torch.no_grad()
def answer(model: IISModel, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
    """Let a model answer clicks, without gradients; its y and z are checked. Arguments as for `IISModel`."""
    with plugin_call(f"model {name_of(model)}: __call__ failed"):
        y, z = model(x, z, pcs, ncs)
    check_answer(model, "__call__", x, y, z)
    return y, z


def _check_inputs(
    image: Tensor, target: Tensor, rngs: Sequence[np.random.Generator] | None, initial_mask: Tensor | None
) -> None:
    _check_form("image", image, torch.float32, ("B", 3, "H", "W"))
    expected = (len(image), 1, *image.shape[-2:])
    _check_form("target", target, torch.int8, expected)
    if target.device.type != "cpu":
        raise UserError(f"target must be on the CPU, not on {target.device}")
    _check_range("image", image, "divide uint8 pixels by 255")
    if (target.abs() > 1).any():
        raise UserError("target must hold 1 (object), 0 (background) and -1 (ignore) only")
    if initial_mask is not None:
        _check_form("initial_mask", initial_mask, torch.float32, expected)
        _check_range("initial_mask", initial_mask, "give probabilities")
    if rngs is not None and len(rngs) != len(image):
        raise UserError(f"{len(rngs)} rngs for a batch of {len(image)}: one generator per element is needed")


def _check_form(name: str, value: object, dtype: torch.dtype, shape: tuple[int | str, ...]) -> None:
    """A letter stands for any size above 0."""
    if not isinstance(value, Tensor):
        raise UserError(f"{name} must be a torch tensor, not {type(value).__name__}")
    fits = value.ndim == len(shape) and all(
        size > 0 if isinstance(wanted, str) else size == wanted for wanted, size in zip(shape, value.shape, strict=True)
    )
    if value.dtype != dtype or not fits:
        wanted = ", ".join(map(str, shape))
        raise UserError(f"{name} must be {dtype} ({wanted}), not {value.dtype} {tuple(value.shape)}")


def _check_range(name: str, values: Tensor, remedy: str) -> None:
    low, high = (float(bound) for bound in torch.aminmax(values))
    if not (low >= 0 and high <= 1):
        raise UserError(f"{name} must lie in [0, 1], not between {low:g} and {high:g}: {remedy}")


def _check_places(clicks: Sequence[tuple[int, int, bool]], height: int, width: int) -> None:
    signs: dict[tuple[int, int], bool] = {}
    for row, col, positive in clicks:
        if not (0 <= row < height and 0 <= col < width):
            raise UserError(f"click ({row}, {col}) lies outside the image of {height} x {width} (rows x columns)")
        if signs.setdefault((row, col), positive) != positive:
            raise UserError(f"pixel ({row}, {col}) is clicked as object and as background: leave one of them out")
