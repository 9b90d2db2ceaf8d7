"""The one interaction loop: a robot clicks, the model answers, again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from iis_core.errors import ContractError, UserError, name_of, plugin_call
from iis_core.state import take, take_clicks
from iis_core.types import Clicks, NewClicks, State, Step

if TYPE_CHECKING:
    import numpy as np

    from iis_core.models import IISModel
    from iis_core.robots import Robot

_ANY_TIME = nullcontext()


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
    turn: AbstractContextManager[Any] = _ANY_TIME,
) -> Iterator[Step]:
    """Let a robot interact with a model over a batch, one `Step` per interaction.

    image: float32 (B, 3, H, W) in [0, 1].
    target: int8 (B, 1, H, W) on the CPU; 1 object, 0 background, -1 ignore. The model never sees it.
    interactions: how many, at most.
    n_points: clicks per interaction and element, at most.
    rngs: one generator per element, for robots that draw.
    initial_mask: float32 (B, 1, H, W) in [0, 1].
    features: what `model.encode(image)` returned, to spare encoding again.
    turn: entered around every call of the model, e.g. a lock where several threads share it; seconds spent on
        waiting for it are not counted.

    An element leaves the batch when the robot finds no error in it, or when its position is added to
    `step.finished`; the loop ends when none is left. Raises UserError for inputs of the wrong form,
    ContractError where the model or the robot breaks the contract.
    """
    with turn:
        start = time.perf_counter()
        running = _begin(model, image, target, rngs, initial_mask, features)
        seconds = {"initialize": time.perf_counter() - start}
    yield from _steps(model, robot, running, interactions, n_points, seconds, turn)


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
    running = _begin(model, image, target, rngs, initial_mask)
    y = running.y.clone()
    for step in _steps(model, robot, running, interactions, n_points, {}, _ANY_TIME):
        y[list(step.elements)] = step.y
    return y


@torch.no_grad()
def initialize(
    model: IISModel,
    x: Tensor,
    target: Tensor,
    initial_mask: Tensor | None = None,
    features: State | None = None,
) -> tuple[State, Tensor]:
    """State and prediction before the first click; the model gets a blank target of the same shape."""
    blank = torch.zeros_like(target)
    mask = None if initial_mask is None else initial_mask.to(x)
    known: dict[str, Any] = {} if features is None else {"features": features}
    with plugin_call(f"model {name_of(model)}: initialize_z or initialize_y failed"):
        z = model.initialize_z(x, blank, mask, **known)
        y = model.initialize_y(x, blank, mask)
    _check_answer(model, "initialize_y", x, y, z)
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
    """The robot's clicks of one interaction, `[batch element][click]`, checked. Arguments as for `Robot`."""
    with plugin_call(f"robot {name_of(robot)} failed"):
        new_pcs, new_ncs = robot(y, target, pcs, ncs, n_points=n_points, rngs=rngs)
    _check_clicks(robot, new_pcs, new_ncs, y.shape, n_points)
    return new_pcs, new_ncs


@torch.no_grad()
def answer(model: IISModel, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
    """The model's prediction and new state, checked, without gradients. Arguments as for `IISModel`."""
    with plugin_call(f"model {name_of(model)}: __call__ failed"):
        y, z = model(x, z, pcs, ncs)
    _check_answer(model, "__call__", x, y, z)
    return y, z


@dataclass(frozen=True, eq=False)
class _Running:
    """The elements that still interact, and all that belongs to them."""

    elements: tuple[int, ...]
    x: Tensor
    target: Tensor
    z: State
    y: Tensor
    pcs: Clicks
    ncs: Clicks
    rngs: Sequence[np.random.Generator] | None

    def clicked(self, new_pcs: NewClicks, new_ncs: NewClicks) -> _Running:
        """With one more interaction, and without the elements that got no click in it."""
        longer = replace(self, pcs=[*self.pcs, new_pcs], ncs=[*self.ncs, new_ncs])
        unclicked = (i for i, new in enumerate(zip(new_pcs, new_ncs, strict=True)) if not any(new))
        return longer.without({self.elements[i] for i in unclicked})

    def without(self, finished: set[int]) -> _Running:
        keep = [i for i, element in enumerate(self.elements) if element not in finished]
        if len(keep) == len(self.elements):
            return self
        return _Running(
            tuple(self.elements[i] for i in keep),
            self.x[keep],
            self.target[keep],
            take(self.z, keep),
            self.y[keep],
            take_clicks(self.pcs, keep),
            take_clicks(self.ncs, keep),
            self.rngs and [self.rngs[i] for i in keep],
        )

    def step(self, number: int, y: Tensor, z: State, seconds: dict[str, float]) -> Step:
        return Step(number, self.elements, self.pcs[-1], self.ncs[-1], self.pcs, self.ncs, self.y, y, z, seconds)


def _begin(
    model: IISModel,
    image: Tensor,
    target: Tensor,
    rngs: Sequence[np.random.Generator] | None,
    initial_mask: Tensor | None,
    features: State | None = None,
) -> _Running:
    """Every element, before the first click."""
    _check_inputs(image, target, rngs, initial_mask)
    x = image.to(model.device)
    z, y = initialize(model, x, target, initial_mask, features)
    return _Running(tuple(range(len(x))), x, target, z, y.to("cpu", torch.float32), [], [], rngs)


def _steps(
    model: IISModel,
    robot: Robot,
    running: _Running,
    interactions: int,
    n_points: int,
    seconds: dict[str, float],
    turn: AbstractContextManager[Any],
) -> Iterator[Step]:
    for number in range(1, interactions + 1):
        start = time.perf_counter()
        new_pcs, new_ncs = ask(
            robot, running.y, running.target, running.pcs, running.ncs, n_points=n_points, rngs=running.rngs
        )
        seconds["robot"] = time.perf_counter() - start
        running = running.clicked(new_pcs, new_ncs)
        if not running.elements:
            return
        with turn:
            start = time.perf_counter()
            y, z = answer(model, running.x, running.z, running.pcs, running.ncs)
            step = running.step(number, y.to("cpu", torch.float32), z, seconds)
            seconds["model"] = time.perf_counter() - start
        yield step
        running = replace(running, y=step.y, z=z).without(step.finished)
        if not running.elements:
            return
        seconds = {}


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


def _check_clicks(robot: Robot, new_pcs: NewClicks, new_ncs: NewClicks, shape: Sequence[int], n_points: int) -> None:
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


def _check_answer(model: IISModel, method: str, x: Tensor, y: Tensor, z: State) -> None:
    at_fault = f"model {name_of(model)}: y of {method}"
    expected = (len(x), 1, *x.shape[-2:])
    if not isinstance(y, Tensor) or y.dtype != torch.float32:
        raise ContractError(f"{at_fault} must be a float32 tensor, not {getattr(y, 'dtype', type(y).__name__)}")
    if y.requires_grad:
        raise ContractError(f"{at_fault} must be detached: it requires a gradient")
    if tuple(y.shape) != expected:
        raise ContractError(f"{at_fault} must have shape {expected}, not {tuple(y.shape)}")
    low, high = (float(bound) for bound in torch.aminmax(y))
    if not (low >= 0 and high <= 1):
        raise ContractError(f"{at_fault} must be probabilities in [0, 1], not between {low} and {high}")
    if not isinstance(z, dict):
        raise ContractError(f"model {name_of(model)}: z must be a dict, not {type(z).__name__}")
