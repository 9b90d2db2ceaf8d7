"""One row per run, or per runs that differ in the seed alone; others are never merged, whatever their protocols."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from iis_core.metrics import seconds_per_click
from iis_core.report.differences import list_differing_settings
from iis_core.report.formats import Cell
from iis_core.report.measures import Numbers, measure_run

if TYPE_CHECKING:
    from iis_core.evaluation import Run
    from iis_core.evaluation.records import Record
    from iis_core.report.estimates import Comparison, Difference, Entry, Estimate, Report

Row = dict[str, Any]

COLUMNS = ("run", "model", "dataset", "protocol", "objects")
"""The columns that say what a row is about; the others are numbers."""


def compute_rows(report: Report, *, timings: bool = False) -> list[Row]:
    """List the entries of a report for programs: what each is, in what they differ, and their numbers.

    Args:
        report: the report.
        timings: whether to give the seconds, too.

    Returns:
        Rows in which a number `NoC@90` stands before `NoC@90 low` and `NoC@90 high`, its interval, `NoC@90 sd`
            between seeds, and, where the entry is compared with another one, `NoC@90 difference`, its `low` and
            `high`, `p`, `p Holm`, `better`, `worse`, `equal`.
    """
    compared = {id(comparison.other): comparison for comparison in report.comparisons}
    rows = []
    for entry, facts in zip(report.entries, describe_entries(report), strict=True):
        seconds = compute_timings([record for run in entry.runs for record in run.records]) if timings else {}
        rows.append({**facts, **_flatten(entry, compared.get(id(entry))), **seconds})
    return rows


def _flatten(entry: Entry, comparison: Comparison | None) -> Row:
    row: Row = {}
    for name, estimate in entry.estimates.items():
        row[name] = estimate.measure.value
        row |= {f"{name} {end}": value for end, value in _list_ends(estimate)}
        if estimate.measure.spread is not None:
            row[f"{name} sd"] = estimate.measure.spread
        difference = None if comparison is None else comparison.differences.get(name)
        if difference is not None:
            row[f"{name} difference"] = difference.value
            row |= {f"{name} difference {end}": value for end, value in _list_ends(difference)}
            row |= {f"{name} p": difference.p, f"{name} p Holm": difference.corrected}
            row |= {f"{name} {way}": getattr(difference, way) for way in ("better", "worse", "equal")}
    return row if comparison is None else {**row, "compared with": name_entry(comparison.first)}


def _list_ends(of: Estimate | Difference) -> Iterable[tuple[str, float | None]]:
    low, high = (None, None) if of.interval is None else of.interval
    return ("low", low), ("high", high)


def format_rows(report: Report) -> list[Row]:
    """List the entries of a report for people: what each is, in what they differ, and their numbers as text."""
    return [
        {**facts, **{name: format_estimate(estimate) for name, estimate in entry.estimates.items()}}
        for entry, facts in zip(report.entries, describe_entries(report), strict=True)
    ]


def format_estimate(estimate: Estimate) -> str:
    """Format a number with its interval and its standard deviation between seeds."""
    return Cell(estimate.measure.value, estimate.interval, estimate.measure.spread).text


def describe_entries(report: Report) -> list[Row]:
    """Say what each entry of a report is, and in what settings they differ; the same keys for all."""
    entries = report.entries
    differences = list_differing_settings([entry.runs[0] for entry in entries])
    rows = [
        {**describe_run(entry.runs[0]), "run": name_entry(entry), **different}
        for entry, different in zip(entries, differences, strict=True)
    ]
    for row, entry in zip(rows, entries, strict=True):
        if any(len(each.runs) > 1 for each in entries):
            row["seed"] = ", ".join(str(run.settings["seed"]) for run in entry.runs)
        if report.by is not None:
            row[report.by] = entry.stratum or "all"
    return rows


def name_entry(entry: Entry) -> str:
    """Name an entry by its run folders."""
    return ", ".join(run.name for run in entry.runs)


def describe_run(run: Run) -> Row:
    """Say what a run is, by the names in `COLUMNS`."""
    return {
        "run": run.name,
        "model": run.model,
        "dataset": run.dataset,
        "protocol": run.protocol.label,
        "objects": len(run.records) if run.is_complete else f"{len(run.records)} of {run.objects}",
    }


def compute_row(
    run: Run, thresholds: Sequence[float] | None = None, ious_at: Sequence[int] = (), auc: bool = False
) -> Row:
    """Compute the numbers of a run, by column name, after what the run is; without intervals.

    Args:
        run: the run.
        thresholds: IoUs for NoC and failures; by default the usual ones.
        ious_at: numbers of clicks after which to give the mean IoU of masks and of their boundaries; by default the
            usual ones.
        auc: whether to give the area under the IoU curve.

    Raises:
        UserError: the run has no records, or a number is undefined because objects stopped early.
    """
    measures = measure_run(run, Numbers(thresholds=thresholds, ious_at=ious_at, auc=auc))
    return {**describe_run(run), **{measure.name: measure.value for measure in measures}}


def compute_timings(records: Sequence[Record]) -> Row:
    """Compute the seconds that each stage took, by column name: mean, median, 95th percentile."""
    row: Row = {}
    for stage, seconds in seconds_per_click(records).items():
        unit = "s/object" if stage == "reading" else "s/click"
        row |= {f"{stage} {unit}{'' if key == 'mean' else ' ' + key}": value for key, value in seconds.items()}
    return row


def list_columns(rows: Sequence[Row]) -> list[str]:
    """List the columns of all rows; one that some rows lack keeps its place among its neighbours."""
    columns: list[str] = []
    for row in rows:
        place = 0
        for column in row:
            if column in columns:
                place = columns.index(column)
            else:
                columns.insert(place, column)
            place += 1
    return columns
