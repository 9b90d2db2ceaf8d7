"""Timing: a model that threads share, and a robot, each with a stopwatch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from iis_core.errors import name_of, plugin_call
from iis_core.models import EncodingModel, IISModel
from iis_core.plugins.offers import origin_of
from iis_core.robots import Robot
from iis_core.types import Clicks, NewClicks, State


class _Stopwatch:
    """Adds up seconds until they are taken."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def take_seconds(self) -> float:
        """Return the seconds since the last call."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    @contextmanager
    def _measure(self) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._seconds += time.perf_counter() - start


class TimedModel(_Stopwatch):
    """A model that is called by one thread at a time, and timed; an `IISModel`.

    The time of a call begins once the model is free and ends when the answer is on the CPU.

    Args:
        model: the model.
        turn: held during every call; the same for all wrappers of one model.
    """

    def __init__(self, model: IISModel, turn: Lock) -> None:
        super().__init__()
        self.model = model
        self.turn = turn
        self.device = model.device
        self.origin = origin_of(model)

    def initialize_z(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None, **features: Any) -> State:
        with self.turn, self._measure():
            return self.model.initialize_z(image, target, initial_mask, **features)

    def initialize_y(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> Tensor:
        with self.turn, self._measure():
            y: Tensor = _move_to_cpu(self.model.initialize_y(image, target, initial_mask))
            return y

    def __call__(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        with self.turn, self._measure():
            y, z = self.model(x, z, pcs, ncs)
            return _move_to_cpu(y), z

    @torch.no_grad()
    def encode(self, x: Tensor) -> State | None:
        """Return the features of images, None where the model has no `encode`."""
        if not isinstance(self.model, EncodingModel):
            return None
        with self.turn, self._measure(), plugin_call(f"model {name_of(self.model)}: encode failed"):
            return self.model.encode(x.to(self.device))


class TimedRobot(_Stopwatch):
    """A robot that is timed; a `Robot`.

    Args:
        robot: the robot.
    """

    def __init__(self, robot: Robot) -> None:
        super().__init__()
        self.robot = robot
        self.origin = origin_of(robot)

    def __call__(self, *arguments: Any, **keywords: Any) -> tuple[NewClicks, NewClicks]:
        with self._measure():
            return self.robot(*arguments, **keywords)


def _move_to_cpu(y: Any) -> Any:
    return y.cpu() if isinstance(y, Tensor) else y  # anything else is refused by the loop
