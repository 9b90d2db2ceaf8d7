"""Clicks of a training step: initial ones, then interactions without gradient, then an answer with gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from iis_core import answer, ask
from iis_core.datasets import RegionBatch
from iis_core.models.state import put, take
from iis_core.plugins.offers import origin_of
from iis_core.robots import InitialRobot, Robot
from iis_core.types import Clicks, State


@dataclass(frozen=True, eq=False)
class Answered:
    """The model's answer to all clicks, with gradient.

    Args:
        outputs: as returned by `TrainableModel.logits`.
        pcs: positive clicks.
        ncs: negative clicks.
    """

    outputs: Mapping[str, Tensor]
    pcs: Clicks
    ncs: Clicks


class PlainAnswers:
    """An `IISModel` that answers as the model is trained, without zoom, flip or other tricks.

    Args:
        model: a `TrainableModel`.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.device = model.device
        self.origin = origin_of(model)

    def __call__(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        outputs, z = self.model.logits(x, z, pcs, ncs)
        return outputs["y"].float().sigmoid(), dict(z)


def click_and_answer(
    model: Any,
    batch: RegionBatch,
    initial_robot: InitialRobot,
    robot: Robot,
    *,
    further: int,
    forget: float,
    rngs: Sequence[np.random.Generator],
) -> Answered:
    """Let robots click, and answer all clicks.

    Args:
        model: a `TrainableModel` in training mode; it is in training mode afterwards too.
        batch: the samples.
        initial_robot: gives the initial clicks.
        robot: gives the further clicks.
        further: number of interactions after the initial clicks, without gradient, in evaluation mode.
        forget: probability that an element's state is reset to the initial one before the last answer.
        rngs: one generator for each element; all random numbers are drawn from them.

    Source: Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance.
    """
    x = batch.image.to(model.device).float() / 255
    blank = torch.zeros_like(batch.target)
    start = model.initialize_z(x, blank, None)
    first_pcs, first_ncs = initial_robot(batch.region, rngs=rngs)
    pcs, ncs, z = [first_pcs], [first_ncs], start
    plain: Any = PlainAnswers(model)
    module: nn.Module = model
    module.eval()
    for _ in range(further):
        y, z = answer(plain, x, z, pcs, ncs)
        new_pcs, new_ncs = ask(robot, y.to("cpu"), batch.target, pcs, ncs, rngs=rngs)
        pcs, ncs = [*pcs, new_pcs], [*ncs, new_ncs]
    module.train()
    forgotten = [i for i, rng in enumerate(rngs) if rng.random() < forget] if further else []
    if forgotten:
        again = model.initialize_z(x, blank, None)
        z = put({key: z[key] for key in again}, forgotten, take(again, forgotten))
    outputs, _ = model.logits(x, z, pcs, ncs)
    return Answered(outputs, pcs, ncs)
