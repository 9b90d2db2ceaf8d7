"""Whole reports as text, for programs and papers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from iis_core.report.estimates import Report
from iis_core.report.formats import list_cells, to_csv, to_latex, to_markdown
from iis_core.report.grids import lay_out_comparison, lay_out_entries, lay_out_models
from iis_core.report.notes import write_notes, write_shared_notes
from iis_core.report.table import Row, compute_rows, list_columns


def write_report(report: Report, style: str, number: str | None = None, *, timings: bool = False) -> str:
    """Write a report as text for programs and papers.

    Args:
        report: the report.
        style: `json`, `csv`, `markdown` or `latex`.
        number: as for `lay_out_models`; None for all numbers, with runs by row.
        timings: whether JSON and CSV have the seconds, too.
    """
    if style in ("json", "csv"):
        rows: Sequence[Row]
        rows = list_cells(lay_out_models(report, number)) if number else compute_rows(report, timings=timings)
        if style == "csv":
            return to_csv(rows, list_columns(rows)).rstrip("\r\n")
        return json.dumps(rows if number else _add_notes(report, rows), indent=2)
    write = to_markdown if style == "markdown" else to_latex
    grids = [lay_out_entries(report), *map(lay_out_comparison, report.comparisons)]
    return "\n\n".join(map(write, [lay_out_models(report, number)] if number else grids))


def _add_notes(report: Report, rows: Sequence[Row]) -> list[dict[str, Any]]:
    shared = write_shared_notes(report)
    own = [[note for run in entry.runs for note in write_notes(run)] for entry in report.entries]
    return [{**row, "notes": [*notes, *shared]} for row, notes in zip(rows, own, strict=True)]
