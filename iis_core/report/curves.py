"""Plots of runs. matplotlib is imported here only; it comes with `iis-core[plot]`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from iis_core.errors import UserError
from iis_core.files.writing import explain_write_errors
from iis_core.metrics.curves import mean_iou_curve, noc_histogram, share_reached
from iis_core.metrics.records import usual_thresholds
from iis_core.report.differences import list_differing_settings
from iis_core.report.measures import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from iis_core.evaluation import Run

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Those of Okabe and Ito without yellow, which is faint on white."""

_THRESHOLD = 0.9
"""The IoU to reach where no run says another."""

_LINES, _MARKERS, _HATCHES = ("-", "--", ":", "-."), "os^vDP", ("", "//", "..", "xx")


def plot_curves(runs: Sequence[Run], path: Path) -> None:
    """Plot runs into an image file; see `draw_curves`.

    Args:
        runs: the runs; each needs records.
        path: the image file; its ending gives the format, e.g. `.png`, `.pdf`, `.svg`.

    Raises:
        UserError: matplotlib is missing, a run has no records, or the file cannot be written.
    """
    figure = draw_curves(runs)
    try:
        with explain_write_errors(path):
            figure.savefig(path, dpi=120)
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} cannot be written: {error}") from error


def draw_curves(runs: Sequence[Run]) -> Figure:
    """Draw three panels: the share of objects that reached an IoU within k clicks, a histogram of NoC, the mean IoU.

    The first two are defined under an early stop, too; their IoU is the highest of the usual ones that every run has.
    The mean IoU is drawn of runs for which it is defined at every click; a sentence names the remedy for the others.

    Args:
        runs: the runs; each needs records.

    Returns:
        The figure.

    Raises:
        UserError: matplotlib is missing, or a run has no records.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UserError("plots need matplotlib: run `pip install 'iis-core[plot]'`") from error
    for run in runs:
        if not run.records:
            raise UserError(f"{run.name} has no records yet: evaluate it further")
    figure = Figure(figsize=(15, 5 + 0.2 * len(runs)), layout="constrained")
    reached, histogram, mean_iou = figure.subplots(1, 3)
    threshold = find_threshold(runs)
    _plot_share_reached(reached, runs, threshold)
    _plot_histogram(histogram, runs, threshold)
    _plot_mean_iou(mean_iou, runs)
    _add_legend(figure, runs)
    return figure


def _add_legend(figure: Figure, runs: Sequence[Run]) -> None:
    """Put the legend below all panels, where no data are; names are text, neither math nor hidden by a `_`."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **_style(place)) for place in range(len(runs))]
    legend = figure.legend(handles, [str(place) for place in range(len(runs))], loc="outside lower center")
    for text, label in zip(legend.get_texts(), label_runs(runs), strict=True):
        text.set(text=label.encode(errors="backslashreplace").decode(), parse_math=False, fontsize="small")


def _plot_share_reached(axes: Axes, runs: Sequence[Run], threshold: float) -> None:
    for place, run in enumerate(runs):
        shares = share_reached(run.records, threshold, run.protocol)
        axes.plot(range(len(shares)), shares, drawstyle="steps-post", **_style(place))
    axes.set(xlabel="clicks", ylabel=f"share of objects that reached IoU {threshold:g}", ylim=(-0.02, 1.02))
    _finish_axes(axes)


def _plot_histogram(axes: Axes, runs: Sequence[Run], threshold: float) -> None:
    """Plot bars side by side; objects that never reach the IoU stand apart from those that do at the last click."""
    limit = max(run.protocol.max_clicks for run in runs)
    never_at = limit + 2
    width = 0.8 / len(runs)
    for place, run in enumerate(runs):
        counts, never = noc_histogram(run.records, threshold, run.protocol)
        places = np.array([*range(len(counts)), never_at]) + (place - (len(runs) - 1) / 2) * width
        heights = np.array([*counts, never]) / len(run.records)
        axes.bar(places, heights, width, color=_choose(COLOURS, place), hatch=_choose(_HATCHES, place, len(COLOURS)))
    axes.axvline(limit + 1, color="0.7", linewidth=1)
    axes.set(xlabel=f"NoC@{percent(threshold)}", ylabel="share of objects")
    _finish_axes(axes)
    ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= limit and tick == int(tick)]
    axes.set_xticks([*ticks, never_at], [*(str(int(tick)) for tick in ticks), "never"])


def _plot_mean_iou(axes: Axes, runs: Sequence[Run]) -> None:
    undefined = 0
    for place, run in enumerate(runs):
        try:
            curve = mean_iou_curve(run.records, run.protocol)
        except UserError:
            undefined += 1
            continue
        axes.plot(range(1, len(curve) + 1), curve, **_style(place))
    reason = "the mean IoU is undefined where objects stop early:\nevaluate with --stop-iou none to have it"
    if undefined == len(runs):
        axes.set_axis_off()
        axes.text(0.5, 0.5, reason, ha="center", va="center", transform=axes.transAxes)
        return
    if undefined:
        axes.set_title(f"not of {undefined} of {len(runs)} runs: {reason}", fontsize="small")
    axes.set(xlabel="clicks", ylabel="mean IoU")
    _finish_axes(axes)


def find_threshold(runs: Sequence[Run]) -> float:
    """Find the highest of the usual thresholds that every run has; where there is none, the lowest stop.

    Replays, which have no usual ones, are passed over.
    """
    protocols = [run.protocol for run in runs if not run.protocol.is_replay]
    shared = set.intersection(*(set(usual_thresholds(each)) for each in protocols)) if protocols else set()
    stops = [each.stop_iou for each in protocols if each.stop_iou is not None]
    return max(shared) if shared else min(stops, default=_THRESHOLD)


def label_runs(runs: Sequence[Run]) -> list[str]:
    """Describe each run by what it is and by the settings in which it differs; where that is not enough, by folder."""
    names = [f"{run.model}, {run.dataset}, {run.protocol.label}" for run in runs]
    settings = [
        "".join(f", {key}={value}" for key, value in different.items() if value is not None)
        for different in list_differing_settings(runs)
    ]
    for labels in (names, [f"{name}{differs}" for name, differs in zip(names, settings, strict=True)]):
        if len(set(labels)) == len(labels):
            return labels
    return [run.name for run in runs]


def _style(place: int) -> dict[str, Any]:
    """Choose colour, line and marker, so that no two of the first runs look alike in colour or without."""
    colour = _choose(COLOURS, place)
    line = _choose(_LINES, place, len(COLOURS))
    return {"color": colour, "linestyle": line, "marker": _choose(_MARKERS, place), "markersize": 4}


def _choose(of: Sequence[str], place: int, turn: int = 1) -> str:
    """Choose the next at every turn, from the start again at the end."""
    return of[place // turn % len(of)]


def _finish_axes(axes: Axes) -> None:
    axes.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
