"""One row of numbers per run. Runs are never merged, whatever their protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from iis_core.errors import UserError
from iis_core.metrics import (
    area_under_curve,
    failures,
    iou_drops,
    mean_boundary_iou_at,
    mean_iou_at,
    mean_iou_over_clicks,
    mean_last_iou,
    mean_noc,
    never_reached,
    seconds_per_click,
    usual_thresholds,
)
from iis_core.report.differences import list_differing_settings

if TYPE_CHECKING:
    from iis_core.evaluation import Run

Row = dict[str, Any]

_SHOWN = 5
"""The largest number of failures to list."""

COLUMNS = ("run", "model", "dataset", "protocol", "objects")
"""The columns that say what a row is about; the others are numbers."""


def compute_rows(
    runs: Sequence[Run],
    thresholds: Sequence[float] | None = None,
    ious_at: Sequence[int] = (),
    *,
    auc: bool = False,
    timings: bool = False,
) -> list[Row]:
    """Compute the rows of runs that are shown together: what each is, in what they differ, and their numbers.

    Args:
        runs: the runs.
        thresholds: as for `compute_row`.
        ious_at: as for `compute_row`.
        auc: as for `compute_row`.
        timings: whether to give the seconds, too.

    Raises:
        UserError: as for `compute_row`.
    """
    differences = list_differing_settings(runs)
    return [
        {**describe_run(run), **different, **numbers, **(compute_timings(run) if timings else {})}
        for run, different in zip(runs, differences, strict=True)
        for numbers in [compute_row(run, thresholds, ious_at, auc)]
    ]


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
    """Compute the numbers of a run, by column name, after what the run is.

    Args:
        run: the run.
        thresholds: IoUs for NoC and failures; by default the usual ones.
        ious_at: numbers of clicks after which to give the mean IoU of masks and of their boundaries.
        auc: whether to give the area under the IoU curve.

    Raises:
        UserError: the run has no records, or a number is undefined because objects stopped early.
    """
    if not run.records:
        raise UserError(f"{run.name} has no records yet: evaluate it further")
    records, protocol = run.records, run.protocol
    thresholds = usual_thresholds(protocol) if thresholds is None else thresholds
    row = describe_run(run)
    for threshold in thresholds:
        row[f"NoC@{percent(threshold)}"] = mean_noc(records, threshold, protocol)
    for threshold in thresholds:
        row[f">={protocol.max_clicks}@{percent(threshold)}"] = failures(records, threshold, protocol)
        row[f"never@{percent(threshold)}"] = never_reached(records, threshold, protocol)
    if protocol.is_replay:
        row["last mIoU"] = mean_last_iou(records)
    elif protocol.stop_iou is None:
        row["mIoU"] = mean_iou_over_clicks(records, protocol)
    for k in ious_at:
        row[f"mIoU@{k}"] = mean_iou_at(records, k, protocol)
        row[f"boundary mIoU@{k}"] = mean_boundary_iou_at(records, k, protocol)
    if auc:
        row["AuC"] = area_under_curve(records, protocol)
    row["drops"] = iou_drops(records)
    return row


def compute_timings(run: Run) -> Row:
    """Compute the seconds that each stage of a run took, by column name: mean, median, 95th percentile."""
    row: Row = {}
    for stage, seconds in seconds_per_click(run.records).items():
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


def percent(threshold: float) -> str:
    """Format an IoU in percent, as the literature writes it: 0.85 becomes "85"."""
    return f"{100 * threshold:.4g}"


def write_notes(run: Run) -> list[str]:
    """List what a reader must know besides the numbers: departures, missing objects, a batch size other than 1."""
    notes = []
    for rule, (named, used) in run.protocol.departures.items():
        notes.append(f"{run.protocol.label}: {rule} is {used} instead of {named}")
    if run.protocol.is_replay:
        notes.append(f"no robot watched the model: it was given {run.protocol.robot}")
    if not run.is_complete:
        notes.append(f"unfinished: {len(run.records)} of {run.objects} objects")
    notes += [f"{failure.id} failed: {failure.reason}" for failure in run.failures[:_SHOWN]]
    if len(run.failures) > _SHOWN:
        notes.append(f"{len(run.failures) - _SHOWN} more objects failed")
    whole = run.settings["dataset"]["whole"]
    published = run.settings["dataset"].get("published")
    if run.objects != whole:
        notes.append(f"a part of the dataset: {run.objects} of {whole} objects")
    if published is not None and published != whole:
        notes.append(f"the dataset has {whole} objects here, {published} are published")
    if run.settings["batch_size"] != 1:
        notes.append(f"batch size {run.settings['batch_size']}; reported numbers use 1")
    return notes
