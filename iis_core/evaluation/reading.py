"""Reading targets, and grouping what is read into batches of one size."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from iis_core.datasets import EvaluationDataset, Target

HELD_BACK = 4
"""Times the batch size: how many images may wait for others of their size."""


@dataclass(frozen=True, eq=False)
class Reading:
    """A target and the seconds it took to read."""

    target: Target
    seconds: float


def read(dataset: EvaluationDataset, index: int) -> Reading:
    """An image and its objects, with the seconds that this took."""
    start = time.perf_counter()
    target = dataset[index]
    return Reading(target, time.perf_counter() - start)


def batches(readings: Iterable[Reading], batch_size: int) -> Iterator[list[Reading]]:
    """Groups of at most `batch_size` images of one size; few are held back waiting for their like."""
    waiting: dict[tuple[int, ...], list[Reading]] = defaultdict(list)
    for reading in readings:
        group = waiting[reading.target.image.shape]
        group.append(reading)
        if len(group) == batch_size:
            yield waiting.pop(reading.target.image.shape)
        elif sum(map(len, waiting.values())) >= HELD_BACK * batch_size:
            yield waiting.pop(max(waiting, key=lambda shape: len(waiting[shape])))
    yield from waiting.values()
