"""One batch: interact, count, record."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from iis_core.datasets import Target
from iis_core.evaluation.encoding import Encoder
from iis_core.evaluation.plan import Plan
from iis_core.evaluation.reading import Reading
from iis_core.loop import initialize, interact
from iis_core.masks import binarise
from iis_core.metrics.masks import boundary_counts, count
from iis_core.protocols import Protocol
from iis_core.records import ClickRecord, End, Record
from iis_core.seeding import generator
from iis_core.types import Counts, State, Step


@dataclass(frozen=True, eq=False)
class Batch:
    """Targets of one size, as the interaction loop takes them.

    image: float32 (B, 3, H, W) in [0, 1]. target: int8 (B, 1, H, W). initial_mask: float32 (B, 1, H, W) or None.
    features: of the images, where the model encodes.
    encoding: seconds spent on them.
    """

    readings: Sequence[Reading]
    image: Tensor
    target: Tensor
    initial_mask: Tensor | None
    features: State | None
    encoding: float

    @property
    def targets(self) -> list[Target]:
        return [reading.target for reading in self.readings]


@dataclass(frozen=True, eq=False)
class Outcome:
    """A target, what was recorded of it, and the mask it ended with, bool (H, W)."""

    target: Target
    record: Record
    mask: np.ndarray


def make_batch(plan: Plan, readings: Sequence[Reading], encoder: Encoder) -> Batch:
    """Raises UserError for a size or an initial mask that the model declares it cannot take."""
    targets = [reading.target for reading in readings]
    for entry in targets:
        plan.check_target(entry)
    image, target, initial_mask = collate(targets)
    features, seconds = encoder([entry.image_index for entry in targets], image)
    return Batch(readings, image, target, initial_mask, features, seconds)


def evaluate_batch(plan: Plan, batch: Batch, turn: AbstractContextManager[Any]) -> list[Outcome]:
    """Interact with a batch of targets of one size, and record each.

    turn: entered around every call of the model.
    """
    rngs = [generator(plan.seed, 0, entry.id, "robot") for entry in batch.targets]
    logs = [_Log(entry, plan.protocol) for entry in batch.targets]
    steps = interact(
        plan.model,
        plan.robot,
        batch.image,
        batch.target,
        interactions=plan.protocol.max_clicks,
        rngs=rngs,
        initial_mask=batch.initial_mask,
        features=batch.features,
        turn=turn,
    )
    for step in steps:
        for place, element in enumerate(step.elements):
            if logs[element].add(step, place):
                step.finished.add(element)
    if any(log.initial is None for log in logs):
        with turn:
            x = batch.image.to(plan.model.device)
            _, first = initialize(plan.model, x, batch.target, batch.initial_mask, batch.features)
        for log, y in zip(logs, first.to("cpu", torch.float32), strict=True):
            log.initial = log.initial or log.count(y)
    encoding = batch.encoding / len(logs)
    return [
        Outcome(log.target, log.record(reading.seconds, encoding), log.mask)
        for log, reading in zip(logs, batch.readings, strict=True)
    ]


def collate(targets: Sequence[Target]) -> tuple[Tensor, Tensor, Tensor | None]:
    """Image float32 (B, 3, H, W) in [0, 1], target int8 (B, 1, H, W), initial mask float32 or None."""
    pixels = torch.from_numpy(np.stack([entry.image for entry in targets]))
    image = pixels.permute(0, 3, 1, 2).contiguous().to(torch.float32) / 255
    target = torch.from_numpy(np.stack([entry.target[None] for entry in targets]))
    if all(entry.initial_mask is None for entry in targets):
        return image, target, None
    masks = [np.zeros(t.target.shape, bool) if t.initial_mask is None else t.initial_mask for t in targets]
    return image, target, torch.from_numpy(np.stack(masks)[:, None].astype(np.float32))


class _Log:
    """The clicks of one target so far."""

    def __init__(self, target: Target, protocol: Protocol) -> None:
        self.target = target
        self.protocol = protocol
        self.initial: tuple[Counts, Counts] | None = None
        self.clicks: list[ClickRecord] = []
        self.end: End = "no_click"
        self.mask = np.zeros(target.target.shape, bool)

    def count(self, y: Tensor) -> tuple[Counts, Counts]:
        """Counts of a prediction, on the whole mask and on its boundary; the mask is kept as the last."""
        self.mask = binarise(y[0], self.protocol.threshold, self.protocol.inclusive).numpy()
        return count(self.mask, self.target.target), boundary_counts(self.mask, self.target.target)

    def add(self, step: Step, place: int) -> bool:
        """Record one interaction; returns whether it was the last."""
        if self.initial is None:
            self.initial = self.count(step.previous[place])
        counts, boundary = self.count(step.y[place])
        (row, col), *_ = [*step.new_pcs[place], *step.new_ncs[place]]
        share = {stage: seconds / len(step.elements) for stage, seconds in step.seconds.items()}
        self.clicks.append(ClickRecord(row, col, bool(step.new_pcs[place]), counts, boundary, share))
        if self.protocol.is_reached(counts.tp, counts.union):
            self.end = "stop_iou"
        elif step.number == self.protocol.max_clicks:
            self.end = "max_clicks"
        return self.end != "no_click"

    def record(self, reading: float, encoding: float) -> Record:
        entry = self.target
        assert self.initial is not None
        shape = entry.image.shape[0], entry.image.shape[1]
        return Record(
            id=entry.id,
            index=entry.index,
            path=entry.path,
            object_id=entry.object_id,
            shape=shape,
            initial=self.initial[0],
            initial_boundary=self.initial[1],
            clicks=tuple(self.clicks),
            end=self.end,
            reading=reading,
            encoding=encoding,
        )
