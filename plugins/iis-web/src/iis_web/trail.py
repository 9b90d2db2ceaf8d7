"""An object's clicks with the model's answer to each: following a changed list computes only what is new in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from iis_core.loop import answer, initialize
from iis_core.models import IISModel
from iis_core.types import Clicks, SignedClick, State

_KEPT_PIXELS = 1 << 25
"""How many pixels of predictions one object keeps; what is older is computed again where it is needed."""


@dataclass(eq=False)
class Step:
    """A prediction after some clicks.

    Args:
        click: the last of them, None before the first.
        y: float32 (1, 1, H, W), None where it is not kept any more, then nor is z.
        z: the state.
        seconds: how long the model took for the last click.
    """

    click: SignedClick | None
    y: Tensor | None
    z: State | None
    seconds: float


class Trail:
    """The answers of one model to the clicks on one object.

    Args:
        model: the model.
        x: float32 (1, 3, H, W) on the model's device.
        start: float32 (1, 1, H, W), the mask to start from, or None.
        features: what the model encoded from x, None where it encodes nothing.
    """

    def __init__(self, model: IISModel, x: Tensor, start: Tensor | None, features: State | None) -> None:
        self._model, self._x = model, x
        began = time.perf_counter()
        blank = torch.zeros((1, 1, *x.shape[-2:]), dtype=torch.int8)
        z, y = initialize(model, x, blank, start, features)
        self._steps = [Step(None, y.cpu(), z, time.perf_counter() - began)]

    def follow(self, clicks: Sequence[SignedClick], is_wanted: Callable[[], bool]) -> Step | None:
        """Answer a list of clicks, from the last answer that it shares with the list before.

        Args:
            clicks: in order.
            is_wanted: asked before each call of the model.

        Returns:
            The prediction after the last click, None where it is not wanted any more.
        """
        self._return_to(clicks)
        for click in clicks[len(self._steps) - 1 :]:
            if not is_wanted():
                return None
            self._extend(click)
        return self._steps[-1]

    def _return_to(self, clicks: Sequence[SignedClick]) -> None:
        made = [step.click for step in self._steps[1:]]
        shared = next((at for at, pair in enumerate(zip(made, clicks, strict=False)) if pair[0] != pair[1]), None)
        del self._steps[1 + (min(len(made), len(clicks)) if shared is None else shared) :]
        while self._steps[-1].z is None:
            self._steps.pop()

    def _extend(self, click: SignedClick) -> None:
        pcs: Clicks = []
        ncs: Clicks = []
        for made in [*(step.click for step in self._steps[1:]), click]:
            assert made is not None
            place = (made.row, made.col)
            pcs.append([[place] if made.positive else []])
            ncs.append([[] if made.positive else [place]])
        last = self._steps[-1]
        assert last.z is not None
        began = time.perf_counter()
        y, z = answer(self._model, self._x, last.z, pcs, ncs)
        y = y.cpu()
        self._steps.append(Step(click, y, z, time.perf_counter() - began))
        self._forget()

    def _forget(self) -> None:
        """Keep the newest predictions, and the one before the first click, from which all can be computed again."""
        pixels = self._x.shape[-2] * self._x.shape[-1]
        newest = max(2, _KEPT_PIXELS // pixels)
        for step in self._steps[1:-newest]:
            step.y = step.z = None
