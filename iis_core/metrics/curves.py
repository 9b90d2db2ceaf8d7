"""Curves over clicks, and numbers computed from them.

As in `iis_core.metrics.records`, what an early stop leaves undefined raises UserError.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import inf
from typing import TYPE_CHECKING

from iis_core.metrics.records import last_iou, mean, mean_iou_at, reach

if TYPE_CHECKING:
    from iis_core.evaluation.protocols import Protocol
    from iis_core.evaluation.records import Record


def mean_iou_curve(records: Sequence[Record], protocol: Protocol) -> list[float]:
    """Return the mean IoU after each of 1..limit clicks.

    Args:
        records: one record per object.
        protocol: the protocol of the run.

    Returns:
        One mean for every number of clicks.

    Raises:
        UserError: as for `mean_iou_at`.
    """
    return [mean_iou_at(records, k, protocol) for k in range(1, protocol.max_clicks + 1)]


def mean_iou_over_clicks(records: Sequence[Record], protocol: Protocol) -> float:
    """Return the mean IoU over objects and over clicks 1..limit.

    Args:
        records: one record per object.
        protocol: the protocol of the run.

    Returns:
        The mean.

    Raises:
        UserError: as for `mean_iou_at`.

    Source: Forte et al. 2020, Getting to 99% Accuracy in Interactive Segmentation.
    """
    return mean(mean_iou_curve(records, protocol))


def area_under_curve(records: Sequence[Record], protocol: Protocol) -> float:
    """Return the area under the mean IoU over clicks 1..limit, by the trapezoid rule.

    Args:
        records: one record per object.
        protocol: the protocol of the run.

    Returns:
        The area divided by its width, in [0, 1].

    Raises:
        UserError: as for `mean_iou_at`.
    """
    curve = mean_iou_curve(records, protocol)
    return mean((a + b) / 2 for a, b in pairwise(curve)) if len(curve) > 1 else curve[0]


def noc_histogram(records: Sequence[Record], threshold: float, protocol: Protocol) -> tuple[list[int], int]:
    """Count the objects by the number of clicks after which they first reach an IoU.

    Args:
        records: one record per object.
        threshold: the IoU to reach.
        protocol: the protocol of the run.

    Returns:
        The number of objects that reach it after 0, 1, ..., limit clicks, and the number of those that never do.

    Raises:
        UserError: as for `noc`.
    """
    reached = [reach(record, threshold, protocol) for record in records]
    counts = [reached.count(k) for k in range(protocol.max_clicks + 1)]
    return counts, reached.count(None)


def share_reached(records: Sequence[Record], threshold: float, protocol: Protocol) -> list[float]:
    """Return the share of objects that reach an IoU within 0, 1, ..., limit clicks.

    It is defined under an early stop, too: an object that stopped had reached the IoU, and never unreaches it.

    Args:
        records: one record per object.
        threshold: the IoU to reach.
        protocol: the protocol of the run.

    Returns:
        The shares, in [0, 1], never falling.

    Raises:
        UserError: as for `noc`.
    """
    counts, _ = noc_histogram(records, threshold, protocol)
    return [within / len(records) for within in accumulate(counts)]


def worst_first(records: Sequence[Record], threshold: float, protocol: Protocol) -> list[Record]:
    """Sort records: first those that never reach an IoU, by their last IoU, then those that need the most clicks.

    Args:
        records: one record per object.
        threshold: the IoU to reach.
        protocol: the protocol of the run.

    Returns:
        The records; what is equally bad keeps its order. Replays are sorted by their last IoU alone.

    Raises:
        UserError: as for `noc`.
    """

    def rank(record: Record) -> tuple[float, float]:
        clicks = None if protocol.is_replay else reach(record, threshold, protocol)
        return (-inf if clicks is None else -clicks), last_iou(record)

    return sorted(records, key=rank)
