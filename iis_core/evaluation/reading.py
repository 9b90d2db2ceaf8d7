"""Reading ahead of the model, and grouping what is read into batches of one size."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from iis_core.datasets import EvaluationDataset, Target


@dataclass(frozen=True, eq=False)
class Reading:
    """A target and the seconds it took to read."""

    target: Target
    seconds: float


def read(dataset: EvaluationDataset, index: int) -> Reading:
    start = time.perf_counter()
    target = dataset[index]
    return Reading(target, time.perf_counter() - start)


def read_ahead(dataset: EvaluationDataset, indices: Sequence[int], workers: int) -> Iterator[Reading]:
    """Targets in the order of `indices`; with workers, that many threads stay ahead of the consumer."""
    if workers == 0:
        yield from (read(dataset, index) for index in indices)
        return
    with ThreadPoolExecutor(workers) as pool:
        remaining = iter(indices)
        pending: deque[Future[Reading]] = deque()
        try:
            pending.extend(pool.submit(read, dataset, index) for index in islice(remaining, 2 * workers))
            while pending:
                reading = pending.popleft().result()
                pending.extend(pool.submit(read, dataset, index) for index in islice(remaining, 1))
                yield reading
        finally:
            for future in pending:
                future.cancel()


def batches(readings: Iterable[Reading], batch_size: int) -> Iterator[list[Reading]]:
    """Groups of at most `batch_size` images of one size; few are held back waiting for their like."""
    waiting: dict[tuple[int, ...], list[Reading]] = defaultdict(list)
    for reading in readings:
        group = waiting[reading.target.image.shape]
        group.append(reading)
        if len(group) == batch_size:
            yield waiting.pop(reading.target.image.shape)
        elif sum(map(len, waiting.values())) >= 4 * batch_size:
            yield waiting.pop(max(waiting, key=lambda shape: len(waiting[shape])))
    yield from waiting.values()
