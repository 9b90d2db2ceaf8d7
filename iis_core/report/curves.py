"""Curves and histograms of runs. matplotlib is imported here only; it comes with `iis-core[plot]`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from iis_core.errors import UserError
from iis_core.evaluation import Run
from iis_core.metrics import mean_iou_at, noc, usual_thresholds
from iis_core.report.table import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_curves(runs: Sequence[Run], path: Path) -> None:
    """Plot mean IoU against clicks, and a histogram of the clicks that objects needed, into an image file.

    The curve of a run that stops objects at an IoU ends at the click at which the first of them stopped.

    Args:
        runs: the runs; each needs records.
        path: the image file; its ending gives the format, e.g. `.png`, `.pdf`, `.svg`.

    Raises:
        UserError: matplotlib is missing, a run has no records, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UserError("plots need matplotlib: run `pip install 'iis-core[plot]'`") from error
    for run in runs:
        if not run.records:
            raise UserError(f"{run.name} has no records yet: evaluate it further")
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    curves, histogram = figure.subplots(1, 2)
    _plot_mean_iou(curves, runs)
    _plot_histogram(histogram, runs)
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be written: {error}") from error


def mean_iou_curve(run: Run) -> list[float]:
    """Compute the mean IoU after clicks 1, 2, ..., up to the last that is defined for every object."""
    curve = []
    for k in range(1, run.protocol.max_clicks + 1):
        try:
            curve.append(mean_iou_at(run.records, k, run.protocol))
        except UserError:
            break
    return curve


def _plot_mean_iou(axes: Axes, runs: Sequence[Run]) -> None:
    for run, name in zip(runs, _label_runs(runs), strict=True):
        curve = mean_iou_curve(run)
        ends_early = len(curve) < run.protocol.max_clicks
        label = name + (f" (objects stop at IoU {run.protocol.stop_iou:g})" if ends_early else "")
        axes.plot(range(1, len(curve) + 1), curve, marker=".", label=label)
    limit = max(run.protocol.max_clicks for run in runs)
    axes.set(xlabel="clicks", ylabel="mean IoU", xlim=(0.5, limit + 0.5), ylim=(None, 1.0))
    axes.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _plot_histogram(axes: Axes, runs: Sequence[Run]) -> None:
    """Plot bars side by side, for the highest usual threshold that every run has."""
    shared = [t for t in usual_thresholds(runs[0].protocol) if all(t in usual_thresholds(r.protocol) for r in runs)]
    if not shared:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no threshold for NoC that all runs reach", ha="center")
        return
    limit = max(run.protocol.max_clicks for run in runs)
    clicks = np.arange(limit + 1)
    width = 0.8 / len(runs)
    for place, (run, name) in enumerate(zip(runs, _label_runs(runs), strict=True)):
        counts = np.bincount([noc(record, shared[-1], run.protocol) for record in run.records], minlength=limit + 1)
        offset = (place - (len(runs) - 1) / 2) * width
        axes.bar(clicks + offset, counts / len(run.records), width, label=name)
    axes.set(xlabel=f"NoC@{percent(shared[-1])}", ylabel="share of objects", xlim=(-0.5, limit + 0.5))
    axes.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
    axes.grid(alpha=0.3, axis="y")
    axes.legend(fontsize="small")


def _label_runs(runs: Sequence[Run]) -> list[str]:
    """Describe each run; where that does not tell them apart, name their folders."""
    labels = [f"{run.model}, {run.dataset}, {run.protocol.label}" for run in runs]
    return labels if len(set(labels)) == len(labels) else [run.name for run in runs]
