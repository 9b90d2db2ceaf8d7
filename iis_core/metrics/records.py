"""Metrics on the records of a run.

IoUs are compared with thresholds exactly, as ratios of integers. A metric that an early stop leaves undefined raises
UserError; no value is carried forward past the stop. Where a robot had no click left to make, the prediction cannot
change any more, and its IoU holds for the clicks that were not made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import fsum
from statistics import quantiles
from typing import TYPE_CHECKING

from iis_core.errors import UserError
from iis_core.metrics.ratios import check_iou, iou, iou_reaches

if TYPE_CHECKING:
    from iis_core.evaluation.protocols import Protocol
    from iis_core.evaluation.records import Record

_LONGER_RECORDING = "replay a run that was evaluated with --stop-iou none, or leave this number out"
_NEVER_STOP = "evaluate with --stop-iou none, in Python with overrides={'stop_iou': None}"


def mean(values: Iterable[float]) -> float:
    """Return the mean of one value or more, exact up to its last bit."""
    listed = list(values)
    return fsum(listed) / len(listed)


def usual_thresholds(protocol: Protocol) -> list[float]:
    """Return the IoUs at which papers that follow a protocol report NoC, e.g. 0.85 and 0.90.

    Args:
        protocol: the protocol of the run.

    Returns:
        Those of them that are not above the IoU at which the run stops.
    """
    return [t for t in protocol.noc_at if protocol.stop_iou is None or t <= protocol.stop_iou]


def usual_clicks(protocol: Protocol) -> list[int]:
    """Return the numbers of clicks after which papers that follow a protocol report the mean IoU, e.g. 5.

    Args:
        protocol: the protocol of the run.

    Returns:
        Those of them that the run has; none where it stops objects by their IoU, which leaves it undefined.
    """
    return [k for k in protocol.iou_at if protocol.stop_iou is None and k <= protocol.max_clicks]


def reach(record: Record, threshold: float, protocol: Protocol) -> int | None:
    """Return the number of clicks after which the IoU of an object first reaches a threshold.

    Args:
        record: the record of the object.
        threshold: the IoU to reach.
        protocol: the protocol of the run.

    Returns:
        The number of clicks, counted from 1; 0 where the initial prediction reached it and no click was made, None
            where it is never reached.

    Raises:
        UserError: the threshold is not an IoU, or is above the IoU at which the run stopped, or the clicks of a
            recording do not reach it and are fewer than the limit.
    """
    check_iou("the IoU for NoC and failures", threshold)
    if protocol.stop_iou is not None and threshold > protocol.stop_iou:
        raise UserError(
            f"NoC and failures at IoU {threshold} are undefined: objects were stopped at IoU {protocol.stop_iou:g}; "
            f"{_NEVER_STOP}"
        )
    seen = [(k, click.counts) for k, click in enumerate(record.clicks, 1)] or [(0, record.initial)]
    clicks = next((k for k, counts in seen if iou_reaches(counts.tp, counts.union, threshold)), None)
    if clicks is None and record.end == "recording" and len(record.clicks) < protocol.max_clicks:
        raise UserError(
            f"NoC and failures at IoU {threshold} are undefined: {record.id} was given the {len(record.clicks)} clicks "
            f"of a recording, which do not reach it; {_LONGER_RECORDING}"
        )
    return clicks


def noc(record: Record, threshold: float, protocol: Protocol) -> int:
    """Return the number of clicks (NoC) after which the IoU of an object first reaches a threshold.

    Args:
        record: the record of the object.
        threshold: the IoU to reach.
        protocol: the protocol of the run.

    Returns:
        The number of clicks as `reach` counts them; the limit of the protocol where the threshold is never reached.

    Raises:
        UserError: as for `reach`.
    """
    clicks = reach(record, threshold, protocol)
    return protocol.max_clicks if clicks is None else clicks


def mean_noc(records: Sequence[Record], threshold: float, protocol: Protocol) -> float:
    """Return the mean of `noc` over objects.

    Args:
        records: one record per object.
        threshold: the IoU to reach.
        protocol: the protocol of the run.

    Returns:
        The mean.

    Raises:
        UserError: as for `noc`.
    """
    return mean(noc(record, threshold, protocol) for record in records)


def failures(records: Sequence[Record], threshold: float, protocol: Protocol) -> int:
    """Count the objects whose NoC equals the limit.

    This is the convention of the field: an object that reaches the threshold at the last click counts too.

    Args:
        records: one record per object.
        threshold: the IoU to reach.
        protocol: the protocol of the run.

    Returns:
        The number of objects.

    Raises:
        UserError: as for `noc`.
    """
    return sum(noc(record, threshold, protocol) == protocol.max_clicks for record in records)


def never_reached(records: Sequence[Record], threshold: float, protocol: Protocol) -> int:
    """Count the objects that never reach a threshold, which are the failures in the strict sense.

    Args:
        records: one record per object.
        threshold: the IoU to reach.
        protocol: the protocol of the run.

    Returns:
        The number of objects.

    Raises:
        UserError: as for `noc`.
    """
    return sum(reach(record, threshold, protocol) is None for record in records)


def mean_iou_at(records: Sequence[Record], k: int, protocol: Protocol) -> float:
    """Return the mean IoU after k clicks.

    Args:
        records: one record per object.
        k: the number of clicks, from 1.
        protocol: the protocol of the run.

    Returns:
        The mean over objects.

    Raises:
        UserError: an object was stopped earlier because of its IoU, its recording has fewer clicks, or k is below 1 or
            above the limit.
    """
    return mean(iou_at(record, k, protocol) for record in records)


def last_iou(record: Record) -> float:
    """Return the IoU of an object after its last click, or before the first where none was made."""
    return iou(record.clicks[-1].counts if record.clicks else record.initial)


def mean_boundary_iou_at(records: Sequence[Record], k: int, protocol: Protocol) -> float:
    """Return the mean boundary IoU after k clicks.

    Args:
        records: one record per object.
        k: the number of clicks, from 1.
        protocol: the protocol of the run.

    Returns:
        The mean over objects.

    Raises:
        UserError: as for `mean_iou_at`.
    """
    return mean(boundary_iou_at(record, k, protocol) for record in records)


def seconds_per_click(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Return the time that each stage of a run took.

    Args:
        records: one record per object.

    Returns:
        `{stage: {"mean", "p50", "p95"}}` in seconds, for `model` and `robot` per click and for `reading` per object.
            Encoding the image and initialising the model count towards the first click of an object.
    """
    clicks = [
        (click.seconds, record.encoding if number == 0 else 0.0)
        for record in records
        for number, click in enumerate(record.clicks)
    ]
    stages = {
        "model": [seconds["model"] + seconds.get("initialize", 0.0) + encoding for seconds, encoding in clicks],
        "robot": [seconds["robot"] for seconds, _ in clicks],
        "reading": [record.reading for record in records],
    }
    return {
        stage: {"mean": mean(values), "p50": _percentiles(values)[49], "p95": _percentiles(values)[94]}
        for stage, values in stages.items()
        if values
    }


def _percentiles(values: list[float]) -> list[float]:
    """Return percentiles 1 to 99, interpolated between values."""
    return quantiles(values * 2 if len(values) == 1 else values, n=100, method="inclusive")


def iou_at(record: Record, k: int, protocol: Protocol) -> float:
    """Return the IoU of an object after k clicks; arguments and errors as for `mean_iou_at`."""
    made = _find_click(record, k, protocol)
    return iou(record.clicks[made - 1].counts if made else record.initial)


def boundary_iou_at(record: Record, k: int, protocol: Protocol) -> float:
    """Return the boundary IoU of an object after k clicks; arguments and errors as for `mean_iou_at`."""
    made = _find_click(record, k, protocol)
    return iou(record.clicks[made - 1].boundary if made else record.initial_boundary)


def _find_click(record: Record, k: int, protocol: Protocol) -> int:
    """Find the number of the click whose answer holds after k clicks, 0 where there was none."""
    if not 1 <= k <= protocol.max_clicks:
        raise UserError(f"IoU@{k} is not in this run: protocol {protocol.label} has 1 to {protocol.max_clicks} clicks")
    made = len(record.clicks)
    if k > made and record.end == "stop_iou":
        raise UserError(f"IoU@{k} is undefined: {record.id} was stopped after {made} clicks; {_NEVER_STOP}")
    if k > made and record.end == "recording":
        raise UserError(f"IoU@{k} is undefined: {record.id} was given the {made} clicks of a recording")
    return min(k, made)
