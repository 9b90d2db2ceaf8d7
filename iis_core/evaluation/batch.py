"""Evaluating one batch of objects: encode, interact, count, record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from iis_core.datasets import EvaluationObject
from iis_core.evaluation.facts import describe_object
from iis_core.evaluation.grouping import ReadObject
from iis_core.evaluation.plan import Plan
from iis_core.evaluation.protocols import Protocol
from iis_core.evaluation.records import ClickRecord, End, Record
from iis_core.evaluation.timing import TimedModel, TimedRobot
from iis_core.loop import interact
from iis_core.masks import binarise
from iis_core.metrics.masks import boundary_counts, count
from iis_core.models.limits import check_limits
from iis_core.models.state import join, take
from iis_core.seeding import generator
from iis_core.types import Counts, State, Step


@dataclass(frozen=True, eq=False)
class Batch:
    """Objects on images of one size, as the interaction loop takes them.

    Args:
        objects: what was read.
        image: float32 (B, 3, H, W) in [0, 1].
        target: int8 (B, 1, H, W).
        initial_mask: float32 (B, 1, H, W) or None.
        features: what the model encoded from the images; None where it has no `encode`.
        encoding: seconds spent on encoding.
    """

    objects: Sequence[ReadObject]
    image: Tensor
    target: Tensor
    initial_mask: Tensor | None
    features: State | None
    encoding: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of an object.

    Args:
        object: the object.
        record: what happened to it.
        masks: bool (H, W) each: the last prediction, or the one before the first click and the one after each.
    """

    object: EvaluationObject
    record: Record
    masks: tuple[np.ndarray, ...]


def prepare_batch(plan: Plan, objects: Sequence[ReadObject], turn: Lock) -> Batch:
    """Stack objects, and encode those of their images that have no features yet.

    Args:
        plan: the evaluation.
        objects: objects on images of one size.
        turn: held during every call of the model.

    Raises:
        UserError: the model declares that it cannot take the size or an initial mask.
    """
    evaluated = [read.object for read in objects]
    for each in evaluated:
        has_mask = each.initial_mask is not None
        check_limits(plan.model, f"{each.id} ({each.path})", each.target.shape, initial_mask=has_mask)
    image, target, initial_mask = collate(evaluated)
    model = TimedModel(plan.model, turn)
    features = _encode(model, objects, image)
    return Batch(objects, image, target, initial_mask, features, model.take_seconds())


def evaluate_batch(plan: Plan, batch: Batch, turn: Lock, *, every_mask: bool = False) -> list[Outcome]:
    """Interact with a batch, and record each object.

    Args:
        plan: the evaluation.
        batch: the objects.
        turn: held during every call of the model.
        every_mask: whether to keep the prediction before the first click and after each, or the last one alone.
    """
    model = TimedModel(plan.model, turn)
    robot = TimedRobot(plan.choose_robot([read.object.id for read in batch.objects]))
    steps = interact(
        model,
        robot,
        batch.image,
        batch.target,
        interactions=plan.protocol.max_clicks,
        rngs=[generator(plan.seed, 0, read.object.id, "robot") for read in batch.objects],
        initial_mask=batch.initial_mask,
        features=batch.features,
    )
    logs = [_Log(read, plan.protocol, y, every_mask) for read, y in zip(batch.objects, steps.first_y, strict=True)]
    initialize = {"initialize": model.take_seconds()}
    for step in steps:
        seconds = {**initialize, "robot": robot.take_seconds(), "model": model.take_seconds()}
        initialize = {}
        share = {stage: whole / len(step.elements) for stage, whole in seconds.items()}
        for place, element in enumerate(step.elements):
            logs[element].add(step, place, share)
            if logs[element].is_finished:
                steps.finish(element)
    return [log.outcome(batch.encoding / len(logs)) for log in logs]


def collate(objects: Sequence[EvaluationObject]) -> tuple[Tensor, Tensor, Tensor | None]:
    """Stack objects on images of one size.

    Returns:
        Image, float32 (B, 3, H, W) in [0, 1]; target, int8 (B, 1, H, W); initial mask, float32 (B, 1, H, W) in {0, 1},
        or None where no object has one.
    """
    pixels = torch.from_numpy(np.stack([each.image for each in objects]))
    image = pixels.permute(0, 3, 1, 2).contiguous().to(torch.float32) / 255
    target = torch.from_numpy(np.stack([each.target[None] for each in objects]))
    if all(each.initial_mask is None for each in objects):
        return image, target, None
    masks = [np.zeros(each.target.shape, bool) if each.initial_mask is None else each.initial_mask for each in objects]
    return image, target, torch.from_numpy(np.stack(masks)[:, None].astype(np.float32))


def _encode(model: TimedModel, objects: Sequence[ReadObject], image: Tensor) -> State | None:
    """Return the features of every object's image; each image is encoded once, for all of its objects."""
    new = {id(read.features): place for place, read in enumerate(objects) if read.features.state is None}
    if new:
        found = model.encode(image[list(new.values())])
        if found is None:
            return None
        for row, place in enumerate(new.values()):
            objects[place].features.state = take(found, [row])
    return join([read.features.state for read in objects if read.features.state is not None])


class _Log:
    """The clicks of one object so far."""

    def __init__(self, read: ReadObject, protocol: Protocol, first_y: Tensor, every_mask: bool) -> None:
        self.read = read
        self.protocol = protocol
        self.every_mask = every_mask
        self.masks: tuple[np.ndarray, ...] = ()
        self.clicks: list[ClickRecord] = []
        self.end: End = "recording" if protocol.is_replay else "no_click"
        self.initial = self._count(first_y)

    @property
    def is_finished(self) -> bool:
        return self.end in ("stop_iou", "max_clicks")

    def add(self, step: Step, place: int, seconds: Mapping[str, float]) -> None:
        """Record one interaction."""
        counts, boundary = self._count(step.y[place])
        (row, col), *_ = [*step.new_pcs[place], *step.new_ncs[place]]
        positive = bool(step.new_pcs[place])
        made = [*((click.row, click.col, click.positive) for click in self.clicks), (row, col, positive)]
        violated = tuple(number for number, (*pixel, sign) in enumerate(made, 1) if self.masks[-1][*pixel] != sign)
        self.clicks.append(ClickRecord(row, col, positive, counts, boundary, seconds, violated))
        if self.protocol.is_reached(counts.tp, counts.union):
            self.end = "stop_iou"
        elif step.number == self.protocol.max_clicks and not self.protocol.is_replay:
            self.end = "max_clicks"

    def outcome(self, encoding: float) -> Outcome:
        evaluated = self.read.object
        record = Record(
            id=evaluated.id,
            index=evaluated.index,
            path=evaluated.path,
            object_id=evaluated.object_id,
            shape=(evaluated.image.shape[0], evaluated.image.shape[1]),
            initial=self.initial[0],
            initial_boundary=self.initial[1],
            clicks=tuple(self.clicks),
            end=self.end,
            reading=self.read.seconds,
            encoding=encoding,
            facts=describe_object(evaluated),
        )
        return Outcome(evaluated, record, self.masks)

    def _count(self, y: Tensor) -> tuple[Counts, Counts]:
        """Count a prediction on the whole mask and on its boundary, and keep the mask."""
        target = self.read.object.target
        mask = binarise(y[0], self.protocol.threshold, self.protocol.inclusive).numpy()
        self.masks = (*self.masks, mask) if self.every_mask else (mask,)
        return count(mask, target), boundary_counts(mask, target)
