"""The charts of the page, as Vega-Lite specifications of the rows that they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from iis_core.report.curves import COLOURS
from iis_core.report.measures import percent
from iis_core.report.page.bands import estimate_curves
from iis_core.report.page.latency import Latency, measure_latency

if TYPE_CHECKING:
    from iis_core.report.estimates import Entry

Rows = list[dict[str, Any]]
Spec = Mapping[str, Any]

_GREY = "#8C8C8C"
_PALETTE = [*COLOURS[:-1], _GREY]
"""That of plots, but black, which cannot be seen on dark pages."""

_SHORTEST = 0.01
"""In milliseconds: what is shorter cannot be told apart, and stands here on the logarithmic axis."""


@dataclass(frozen=True)
class Chart:
    """A chart.

    Args:
        title: what it shows.
        text: how to read it, and what is left out.
        rows: the data, by column.
        spec: Vega-Lite, without the data; None where there is nothing to draw.
        is_of_objects: whether each row is an object, which the page lists anyway.
    """

    title: str
    text: str
    rows: Rows
    spec: Spec | None
    is_of_objects: bool = False


def draw_charts(entries: Sequence[Entry], names: Sequence[str], threshold: float) -> list[Chart]:
    """Draw curves, histograms, latency, and cost against quality.

    Args:
        entries: what is shown.
        names: how each is called.
        threshold: the IoU of success and of NoC.

    Raises:
        UserError: the threshold is above the IoU at which objects were stopped.
    """
    curves = {name: estimate_curves(entry, threshold) for name, entry in zip(names, entries, strict=True)}
    known = dict(zip(names, entries, strict=True))
    latencies = {
        name: measure_latency(record for run in entry.runs for record in run.records) for name, entry in known.items()
    }
    reached = f"IoU {threshold:g}"
    return [
        _draw_curve("success", f"Objects that reach {reached}", f"share that reached {reached}", curves),
        _draw_histogram(known, threshold, {name: each["success"] for name, each in curves.items() if each}),
        _draw_curve("iou", "Mean IoU", "mean IoU", curves),
        _draw_curve("boundary", "Mean boundary IoU", "mean boundary IoU", curves),
        _draw_latency(latencies),
        _draw_cost(known, latencies, threshold),
    ]


def _draw_curve(which: str, title: str, axis: str, curves: Mapping[str, Mapping[str, Any]]) -> Chart:
    rows: Rows = [{"run": name, **point._asdict()} for name, found in curves.items() for point in found.get(which, ())]
    missing = [name for name, found in curves.items() if which not in found]
    text = "Bands are 95 % intervals." if rows else ""
    if missing:
        text += (
            f" Undefined where objects stop early and of replays, so not of {', '.join(missing)}: evaluate with "
            "--stop-iou none to have it."
        )
    line = "step-after" if which == "success" else "linear"
    y = {"field": "mean", "type": "quantitative", "title": axis, "scale": {"zero": False}}
    x = {"field": "clicks", "type": "quantitative", "axis": {"tickMinStep": 1, "format": "d"}}
    spec = {
        "encoding": {"x": x, "color": _by_run(list(curves), shown=[name for name in curves if name not in missing])},
        "layer": [
            {
                "mark": {"type": "area", "opacity": 0.18, "interpolate": line},
                "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "line", "interpolate": line},
                "encoding": {"y": y, "strokeDash": {"field": "run", "sort": list(curves), "legend": None}},
            },
            {"mark": {"type": "point", "filled": True, "size": 30}, "encoding": {"y": y, **_tell(rows)}},
        ],
    }
    return Chart(title, text.strip(), rows, spec if rows else None)


def _draw_histogram(entries: Mapping[str, Entry], threshold: float, success: Mapping[str, Sequence[Any]]) -> Chart:
    """Draw how many clicks objects need; the share that needs k is what the share of success grows by at k."""
    rows: Rows = []
    for name, points in success.items():
        shares = [point.mean for point in points]
        steps = np.diff([0.0, *shares, 1.0]).tolist()
        rows += [
            {"run": name, "clicks": "never" if k == len(shares) else str(k), "share": share}
            for k, share in enumerate(steps)
            if k or share > 0
        ]
    limit = max(map(len, success.values()), default=1) - 1
    step = next((each for each in (1, 2, 5) if limit <= 7 * each), 10)
    # The last numbers stay unlabelled, so that "never" has room on a phone.
    shown = f"datum.label == 'never' || datum.label % {step} == 0 && datum.label < {limit} ? datum.label : ''"
    spec = {
        "mark": "bar",
        "encoding": {
            "x": {
                "field": "clicks",
                "sort": [*map(str, range(limit + 1)), "never"],
                "axis": {"labelAngle": 0, "labelOverlap": False, "labelExpr": shown},
            },
            "xOffset": {"field": "run", "sort": list(entries)},
            "y": {"field": "share", "type": "quantitative", "title": "share of objects"},
            "color": _by_run(list(entries)),
            **_tell(rows),
        },
    }
    text = "Objects that never reach it stand apart from those that do at the last click."
    return Chart(f"Clicks to IoU {threshold:g}", text, rows, spec if rows else None)


def _draw_latency(latencies: Mapping[str, Mapping[str, Latency]]) -> Chart:
    rows: Rows = [
        {"run": name, "stage": stage, "p50 ms": latency.p50, "p95 ms": latency.p95}
        for name, stages in latencies.items()
        for stage, latency in stages.items()
    ]
    shown = {"y": {"field": "stage", "sort": None, "title": None}, "yOffset": {"field": "run", "sort": list(latencies)}}
    spec = {
        "transform": _floor("p50 ms", "p95 ms"),
        "encoding": {**shown, "color": _by_run(list(latencies)), **_tell(rows)},
        "height": 90 + 16 * len(rows),
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {"x": _logarithmic("low"), "x2": {"field": "high"}},
            },
            {"mark": {"type": "point", "filled": True, "size": 60}, "encoding": {"x": _logarithmic("low")}},
            {"mark": {"type": "tick", "thickness": 2}, "encoding": {"x": _logarithmic("high")}},
        ],
    }
    text = "From the median to the 95th percentile; reading and encoding per image, the others per click."
    return Chart("Latency", text, rows, spec)


def _draw_cost(entries: Mapping[str, Entry], latencies: Mapping[str, Mapping[str, Latency]], threshold: float) -> Chart:
    column = f"NoC@{percent(threshold)}"
    rows: Rows = []
    for name, entry in entries.items():
        stage = latencies[name].get("later clicks") or latencies[name].get("first click")
        estimate = entry.estimates.get(column)
        if stage is not None and estimate is not None:
            low, high = estimate.interval or (estimate.measure.value,) * 2
            clicks = {column: estimate.measure.value, "from": low, "to": high}
            rows.append({"run": name, "p50 ms": stage.p50, "p95 ms": stage.p95, **clicks})
    x = _logarithmic("low")
    y = {"field": column, "type": "quantitative", "title": column, "scale": {"zero": False}}
    spec = {
        "transform": _floor("p50 ms", "p95 ms"),
        "encoding": {"color": _by_run(list(entries)), **_tell(rows)},
        "layer": [
            {"mark": "rule", "encoding": {"x": x, "x2": {"field": "high"}, "y": y}},
            {"mark": "rule", "encoding": {"x": x, "y": {**y, "field": "from"}, "y2": {"field": "to"}}},
            {"mark": {"type": "point", "filled": True, "size": 90}, "encoding": {"x": x, "y": y}},
        ],
    }
    text = (
        f"What an answer costs, a later click from its median to its 95th percentile, and how many clicks {column} "
        "needs, with its 95 % interval: lower left is better."
    )
    return Chart("Cost and quality", text, rows, spec if rows else None)


def _by_run(names: Sequence[str], shown: Sequence[str] | None = None) -> Spec:
    colours = [_PALETTE[place % len(_PALETTE)] for place in range(len(names))]
    scale = {"domain": list(names), "range": colours}
    legend = {} if shown is None else {"legend": {"values": list(shown)}}
    return {"field": "run", "type": "nominal", "title": None, "scale": scale, **legend}


def _tell(rows: Rows) -> Spec:
    """Show all columns where the mouse is."""
    columns = {name: value for row in rows for name, value in row.items()}
    return {
        "tooltip": [
            {"field": name, "format": ".4~g"} if isinstance(value, float) else {"field": name}
            for name, value in columns.items()
        ]
    }


def _floor(low: str, high: str) -> Sequence[Spec]:
    return [
        {"calculate": f"max(datum['{column}'], {_SHORTEST})", "as": end}
        for column, end in ((low, "low"), (high, "high"))
    ]


def _logarithmic(field: str) -> Spec:
    axis = {"format": "~g", "tickCount": 5}
    return {"field": field, "type": "quantitative", "title": "milliseconds", "scale": {"type": "log"}, "axis": axis}
