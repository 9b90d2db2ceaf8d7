"""Metrics on masks, and on the records of a run."""

from iis_core.metrics.masks import (
    boundary_counts,
    boundary_width,
    count,
    dice,
    iou,
    precision,
    recall,
)
from iis_core.metrics.records import (
    area_under_curve,
    failures,
    iou_drops,
    mean_boundary_iou_at,
    mean_iou_at,
    mean_iou_over_clicks,
    mean_noc,
    never_reached,
    noc,
    seconds_per_click,
    usual_thresholds,
)

__all__ = [
    "area_under_curve",
    "boundary_counts",
    "boundary_width",
    "count",
    "dice",
    "failures",
    "iou",
    "iou_drops",
    "mean_boundary_iou_at",
    "mean_iou_at",
    "mean_iou_over_clicks",
    "mean_noc",
    "never_reached",
    "noc",
    "precision",
    "recall",
    "seconds_per_click",
    "usual_thresholds",
]
