"""The numbers of a report as what each object contributes to them: everything else is computed from these."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from math import fsum
from statistics import stdev
from typing import TYPE_CHECKING, Any

import numpy as np

from iis_core.errors import UserError
from iis_core.metrics import boundary_iou_at, iou_at, last_iou, reach, usual_clicks, usual_thresholds
from iis_core.metrics.stability import STABILITY, count_drops

if TYPE_CHECKING:
    from iis_core.evaluation import Run
    from iis_core.evaluation.records import Record


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Which numbers a report gives.

    Args:
        thresholds: IoUs for NoC and failures; None for those that papers of the protocol report.
        ious_at: numbers of clicks after which to give the mean IoU of masks and of their boundaries; by default those
            that papers of the protocol report.
        auc: whether to give the area under the IoU curve.
        stability: whether to give all that `iis_core.metrics.stability` has, and not the drops alone.
    """

    thresholds: Sequence[float] | None = None
    ious_at: Sequence[int] = ()
    auc: bool = False
    stability: bool = False


@dataclass(frozen=True, eq=False)
class Measure:
    """One number of a run: a sum of parts, or the ratio of the sum of parts to the sum of wholes.

    Args:
        name: the column's name.
        parts: float64 (objects,), what each object contributes.
        wholes: float64 (objects,), what each object's part is divided by in the sum; 1 for a mean over objects.
        lower_is_better: whether a small number is a good one.
        is_count: the number is the sum of the parts.
        spread: the standard deviation between runs with different seeds, None of a single run.
    """

    name: str
    parts: np.ndarray = field(repr=False)
    wholes: np.ndarray = field(repr=False)
    lower_is_better: bool = True
    is_count: bool = False
    spread: float | None = None

    @property
    def scale(self) -> float:
        """By what the ratio of the sums is multiplied."""
        return len(self.parts) if self.is_count else 1

    @property
    def value(self) -> float | int:
        part, whole = fsum(self.parts), fsum(self.wholes)
        if self.is_count:
            return int(part) if part == int(part) else part
        return part / whole if whole else 0.0

    @property
    def by_object(self) -> np.ndarray:
        """The number of each object alone, float64 (objects,); 0 where it has nothing to divide by."""
        return np.asarray(np.divide(self.parts, self.wholes, out=np.zeros_like(self.parts), where=self.wholes > 0))


def measure_repeats(runs: Sequence[Run], numbers: Numbers) -> list[Measure]:
    """Compute the numbers of runs that differ in the seed alone, object by object averaged over the runs.

    Args:
        runs: one run or several; the records are of the same objects in the same order.
        numbers: which ones.

    Returns:
        The numbers, in the order of a report's columns.

    Raises:
        UserError: a run has no records, or a number is undefined because objects stopped early.
    """
    measured = [measure_run(run, numbers) for run in runs]
    return [_average(each) for each in zip(*measured, strict=True)]


def _average(measures: tuple[Measure, ...]) -> Measure:
    if len(measures) == 1:
        return measures[0]
    parts, wholes = (np.mean([getattr(each, kind) for each in measures], axis=0) for kind in ("parts", "wholes"))
    return replace(measures[0], parts=parts, wholes=wholes, spread=stdev(each.value for each in measures))


def measure_run(run: Run, numbers: Numbers) -> list[Measure]:
    """Compute the numbers of a run.

    Args:
        run: the run.
        numbers: which ones.

    Returns:
        The numbers, in the order of a report's columns.

    Raises:
        UserError: the run has no records, or a number is undefined because objects stopped early.
    """
    if not run.records:
        raise UserError(f"{run.name} has no records yet: evaluate it further")
    return [*_measure_clicks(run, numbers), *_measure_ious(run, numbers), *_measure_stability(run, numbers)]


def percent(threshold: float) -> str:
    """Format an IoU in percent, as the literature writes it: 0.85 becomes "85"."""
    return f"{100 * threshold:.4g}"


def _measure_clicks(run: Run, numbers: Numbers) -> Iterator[Measure]:
    """Measure NoC and failures; those whose NoC is the limit, and those that never reach the IoU."""
    limit = run.protocol.max_clicks
    thresholds = usual_thresholds(run.protocol) if numbers.thresholds is None else numbers.thresholds
    reached = {each: [reach(record, each, run.protocol) for record in run.records] for each in thresholds}
    nocs = {each: [limit if k is None else k for k in clicks] for each, clicks in reached.items()}
    for threshold in thresholds:
        yield _mean(f"NoC@{percent(threshold)}", nocs[threshold])
    for threshold in thresholds:
        at_limit = [k == limit for k in nocs[threshold]]
        never = [k is None for k in reached[threshold]]
        yield replace(_mean(f">={limit}@{percent(threshold)}", at_limit), is_count=True)
        yield replace(_mean(f"never@{percent(threshold)}", never), is_count=True)


def _measure_ious(run: Run, numbers: Numbers) -> Iterator[Measure]:
    limit, stops = run.protocol.max_clicks, run.protocol.stop_iou is not None

    def measure(name: str, compute: Callable[[Record], float]) -> Measure:
        return replace(_mean(name, [compute(record) for record in run.records]), lower_is_better=False)

    def curve(record: Record) -> list[float]:
        return [iou_at(record, k, run.protocol) for k in range(1, limit + 1)]

    if run.protocol.is_replay:
        yield measure("last mIoU", last_iou)
    elif not stops:
        yield measure("mIoU", lambda record: fsum(curve(record)) / limit)
    for k in numbers.ious_at or usual_clicks(run.protocol):
        yield measure(f"mIoU@{k}", partial(iou_at, k=k, protocol=run.protocol))
        yield measure(f"boundary mIoU@{k}", partial(boundary_iou_at, k=k, protocol=run.protocol))
    if numbers.auc:
        yield measure("AuC", lambda record: _integrate(curve(record)))


def _integrate(curve: Sequence[float]) -> float:
    """Integrate by the trapezoid rule, and divide by the width."""
    return fsum((a + b) / 2 for a, b in pairwise(curve)) / (len(curve) - 1) if len(curve) > 1 else curve[0]


def _measure_stability(run: Run, numbers: Numbers) -> Iterator[Measure]:
    """Measure drops, or all of stability but what the records of older versions do not say."""
    for name, contribute in (STABILITY if numbers.stability else {"drops": count_drops}).items():
        found = [contribution for record in run.records if (contribution := contribute(record)) is not None]
        if len(found) == len(run.records):
            parts, wholes = np.array(found, float).T
            yield Measure(name, parts, wholes)


def _mean(name: str, values: Sequence[Any]) -> Measure:
    return Measure(name, np.array(values, float), np.ones(len(values)))
