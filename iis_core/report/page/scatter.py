"""Two runs object by object, each object a point."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import ceil, sqrt
from statistics import fmean
from typing import TYPE_CHECKING, Any

from iis_core.metrics import noc
from iis_core.report.measures import percent
from iis_core.report.page.charts import Chart
from iis_core.report.page.objects import Group

if TYPE_CHECKING:
    from iis_core.report.estimates import Entry

_CELL = 0.7
"""How much of the square of a pair of NoC its objects fill."""


def draw_scatters(group: Group, ids: Sequence[str], places: Sequence[int], threshold: float) -> list[Chart]:
    """Draw every run against the first of the same objects, by NoC.

    Args:
        group: entries of the same objects.
        ids: the objects.
        places: where they stand among the objects of the page.
        threshold: the IoU of NoC.
    """
    (first_name, first), *others = group.items()
    if first.runs[0].protocol.is_replay:
        return []
    return [
        _draw_scatter((first_name, name), (first, other), dict(zip(ids, places, strict=True)), threshold)
        for name, other in others
    ]


def _draw_scatter(names: tuple[str, str], pair: tuple[Entry, Entry], places: dict[str, int], threshold: float) -> Chart:
    column = f"NoC@{percent(threshold)}"
    titles = [f"{column} of {name}" for name in names]
    rows: list[dict[str, Any]] = [
        {
            "object": name,
            titles[0]: _average_noc(pair[0], name, threshold),
            titles[1]: _average_noc(pair[1], name, threshold),
            "place": place,
        }
        for name, place in places.items()
    ]
    for row, (x, y) in zip(rows, spread_points([(row[titles[0]], row[titles[1]]) for row in rows]), strict=True):
        row |= {"x": round(x, 3), "y": round(y, 3)}
    limit = pair[0].runs[0].protocol.max_clicks
    line = [{"x": 0, "y": 0}, {"x": limit, "y": limit}]
    text = (
        f"Each point is an object; below the line {names[1]} needs fewer clicks. Objects with the same two numbers lie "
        "side by side. A click on a point opens the object; below, any object can be found by its id."
    )
    return Chart(f"{names[1]} against {names[0]}", text, rows, _lay_out(titles, limit, line), is_of_objects=True)


def _average_noc(entry: Entry, name: str, threshold: float) -> float:
    return fmean(noc(run[name], threshold, run.protocol) for run in entry.runs)


def spread_points(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spread points that lie upon one another over a grid around their place."""
    alike: dict[tuple[float, float], list[int]] = defaultdict(list)
    for place, point in enumerate(points):
        alike[point].append(place)
    spread = [*points]
    for (x, y), members in alike.items():
        side = ceil(sqrt(len(members)))
        for number, place in enumerate(members):
            right, up = ((each + 0.5) / side - 0.5 for each in (number % side, number // side))
            spread[place] = (x + _CELL * right, y + _CELL * up)
    return spread


def _lay_out(titles: Sequence[str], limit: int, line: Sequence[dict[str, int]]) -> dict[str, Any]:
    def axis(field: str, title: str) -> dict[str, Any]:
        scale = {"domain": [-0.5, limit + 0.5], "nice": False}
        return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": {"tickMinStep": 1}}

    x, y = axis("x", titles[0]), axis("y", titles[1])
    tooltip = [{"field": "object"}, *({"field": title, "type": "quantitative"} for title in titles)]
    return {
        "layer": [
            {"data": {"values": line}, "mark": {"type": "line", "strokeDash": [4, 4], "color": "#8C8C8C"}},
            {
                "mark": {"type": "point", "filled": True, "size": 40, "opacity": 0.7, "cursor": "pointer"},
                "encoding": {"tooltip": tooltip},
            },
        ],
        "encoding": {"x": x, "y": y},
    }
