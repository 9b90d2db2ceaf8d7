"""Means over objects after each number of clicks, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from iis_core.metrics import boundary_iou_at, iou_at, reach
from iis_core.report.estimates import FEWEST_IMAGES, number_images, sort_like
from iis_core.report.statistics import bootstrap, sum_by_image

if TYPE_CHECKING:
    from iis_core.evaluation import Run
    from iis_core.report.estimates import Entry


class Point(NamedTuple):
    """A mean over objects.

    Attributes:
        clicks: after how many clicks.
        mean: the mean.
        low: the lower end of its 95 % interval; the mean itself where there is no interval.
        high: the upper end.
    """

    clicks: int
    mean: float
    low: float
    high: float


def estimate_curves(entry: Entry, threshold: float) -> dict[str, list[Point]]:
    """Estimate the curves of an entry, averaged over its runs; all see the same draws of images.

    Args:
        entry: runs that repeat one another.
        threshold: the IoU of the share of objects that reach it.

    Returns:
        `success`, the share of objects that reach the IoU within 0, 1, ..., limit clicks; and, where no object was
            stopped by its IoU, `iou` and `boundary`, the mean IoU of masks and of their boundaries after 1, 2, ...,
            limit clicks. Nothing of a replay, whose objects may have any number of clicks.

    Raises:
        UserError: the threshold is above the IoU at which objects were stopped.
    """
    order = entry.runs[0]
    if order.protocol.is_replay:
        return {}
    listed = [_list_values(sort_like(order, run), threshold) for run in entry.runs]
    values = {name: np.mean([each[name] for each in listed], axis=0) for name in listed[0]}
    parts = sum_by_image(np.concatenate([*values.values()]), number_images(order))
    wholes = np.broadcast_to(np.bincount(number_images(order)).astype(float), parts.shape)
    intervals = iter(bootstrap(parts, wholes) if entry.images >= FEWEST_IMAGES else [None] * len(parts))
    limit = order.protocol.max_clicks
    return {
        name: [
            Point(clicks, float(row.mean()), *(next(intervals) or (float(row.mean()),) * 2))
            for clicks, row in enumerate(rows, limit + 1 - len(rows))
        ]
        for name, rows in values.items()
    }


def _list_values(run: Run, threshold: float) -> Mapping[str, np.ndarray]:
    """List what each object contributes to the curves; float (clicks, objects) each."""
    limit, records = run.protocol.max_clicks, run.records
    reached = np.array([limit + 1 if (k := reach(each, threshold, run.protocol)) is None else k for each in records])
    values = {"success": (reached <= np.arange(limit + 1)[:, None]).astype(float)}
    if run.protocol.stop_iou is None:
        for name, measure in (("iou", iou_at), ("boundary", boundary_iou_at)):
            values[name] = np.array(
                [[measure(record, k, run.protocol) for record in records] for k in range(1, limit + 1)]
            )
    return values
