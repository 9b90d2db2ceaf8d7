"""What is in the page, as one structure of numbers and texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from iis_core.report.curves import find_threshold, label_runs
from iis_core.report.formats import Grid
from iis_core.report.grids import lay_out_comparison, lay_out_entries
from iis_core.report.notes import write_notes, write_shared_notes
from iis_core.report.page.charts import Chart, draw_charts
from iis_core.report.page.objects import choose_galleries, describe_objects, group_entries
from iis_core.report.page.pictures import add_pictures
from iis_core.report.page.scatter import draw_scatters

if TYPE_CHECKING:
    from iis_core.report.estimates import Entry, Report

Content = dict[str, Any]


def compute_content(report: Report) -> Content:
    """Compute what is in the page.

    Args:
        report: the report.

    Returns:
        What JSON can hold: `title`, `runs`, `tables`, `notes`, `charts`, `objects`, `galleries`, `missing`.

    Raises:
        UserError: an IoU that was asked for is above that at which objects were stopped.
    """
    entries = [entry for entry in report.entries if entry.stratum is None]
    names = name_entries(entries)
    threshold = find_threshold(report.runs)
    grids = [lay_out_entries(report), *map(lay_out_comparison, report.comparisons)]
    own = [f"{run.name}: {note}" for run in report.runs for note in write_notes(run)]
    shown = _show_objects(report, {id(entry): name for entry, name in zip(entries, names, strict=True)}, threshold)
    charts = [*draw_charts(entries, names, threshold), *shown.pop("scatters")]
    return {
        "title": " and ".join(dict.fromkeys(run.dataset for run in report.runs)),
        "runs": _describe_runs(entries, names),
        "tables": [_flatten(grid) for grid in grids],
        "notes": [*own, *write_shared_notes(report)],
        "charts": [_describe_chart(chart) for chart in charts],
        **shown,
    }


def _show_objects(report: Report, names: Mapping[int, str], threshold: float) -> Content:
    """Describe all objects, and show some of them; a gallery has the places of its objects among all.

    Without the files of the dataset there is nothing to show, and no gallery.
    """
    groups = group_entries(report, names)
    galleries = choose_galleries(groups, threshold)
    objects: list[dict[str, Any]] = []
    missing: list[str] = []
    scatters: list[Chart] = []
    places: dict[tuple[int, str], int] = {}
    for number, group in enumerate(groups):
        wanted = {name for gallery in galleries if gallery.group == number for name in gallery.captions}
        described = describe_objects(group)
        missing += add_pictures(group, described, wanted) if wanted else []
        found = {each["id"]: place for place, each in enumerate(described, len(objects))}
        scatters += draw_scatters(group, [*found], [*found.values()], threshold)
        places |= {(number, name): place for name, place in found.items()}
        objects += described
    shown = [
        {
            "title": gallery.title,
            "items": [
                {"object": place, "caption": caption}
                for name, caption in gallery.captions.items()
                if "picture" in objects[place := places[gallery.group, name]]
            ],
        }
        for gallery in galleries
    ]
    galleries_shown = [gallery for gallery in shown if gallery["items"]]
    return {"objects": objects, "galleries": galleries_shown, "missing": missing, "scatters": scatters}


def name_entries(entries: Sequence[Entry]) -> list[str]:
    """Name entries shortly: a letter, which tells them apart, and the model."""
    letters = [
        ascii_uppercase[place] if place < len(ascii_uppercase) else str(place + 1) for place in range(len(entries))
    ]
    return [f"{letter} {entry.runs[0].model}" for letter, entry in zip(letters, entries, strict=True)]


def _describe_runs(entries: Sequence[Entry], names: Sequence[str]) -> list[dict[str, Any]]:
    labels = label_runs([entry.runs[0] for entry in entries])
    return [
        {"name": name, "label": label, "folders": [run.name for run in entry.runs]}
        for name, label, entry in zip(names, labels, entries, strict=True)
    ]


def _flatten(grid: Grid) -> dict[str, Any]:
    rows = [
        {"cells": [{"text": cell.text, "rank": cell.rank} for cell in line.cells], "quoted": line.quoted}
        for line in grid.lines
    ]
    return {
        "title": grid.title,
        "header": list(grid.header),
        "facts": grid.facts,
        "rows": rows,
        "notes": list(grid.notes),
    }


def _describe_chart(chart: Chart) -> dict[str, Any]:
    return {**vars(chart), "header": list(dict.fromkeys(column for row in chart.rows for column in row))}
