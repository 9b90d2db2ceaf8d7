"""`iis report`."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iis_core.cli.listing import as_json

if TYPE_CHECKING:
    from iis_core.evaluation import Run
    from iis_core.report.table import Row


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--noc", "thresholds", type=float, multiple=True, help="IoU for NoC; repeatable. Default 0.85, 0.90.")
@click.option("--iou-at", "ious_at", type=int, multiple=True, help="Mean IoU after this many clicks; repeatable.")
@click.option("--auc", is_flag=True, help="Area under the mean IoU curve.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="Also plot curves and a histogram.")
@as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def report(
    runs: tuple[str, ...],
    thresholds: tuple[float, ...],
    ious_at: tuple[int, ...],
    auc: bool,
    plot: Path | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Compute a table from the records of one or several runs."""
    from iis_core.evaluation import read_run
    from iis_core.report.table import compute_row, write_notes

    found = [read_run(path) for path in runs]
    if plot is not None:
        from iis_core.report.curves import plot_curves

        plot_curves(found, plot)
    if as_json or as_csv:
        rows = [compute_row(run, thresholds or None, ious_at, auc) for run in found]
        if as_json:
            content = [{**row, "notes": write_notes(run)} for row, run in zip(rows, found, strict=True)]
            click.echo(json.dumps(content, indent=2))
        else:
            _print_csv(rows)
        return
    print_table(found, thresholds, ious_at, auc)


def print_table(
    runs: list[Run], thresholds: tuple[float, ...] = (), ious_at: tuple[int, ...] = (), auc: bool = False
) -> None:
    """Print runs side by side, one column each, and below them what their readers must know.

    Args:
        runs: the runs.
        thresholds: IoUs for NoC and failures; by default the usual ones.
        ious_at: numbers of clicks after which to give the mean IoU.
        auc: whether to give the area under the IoU curve.
    """
    from rich.console import Console
    from rich.table import Table

    from iis_core.report.table import COLUMNS, compute_row, list_columns, write_notes

    rows = [compute_row(run, thresholds or None, ious_at, auc) for run in runs]
    table = Table(show_header=False)
    for key in list_columns(rows):
        table.add_row(key, *(_format_value(row.get(key, "")) for row in rows), end_section=key == COLUMNS[-1])
    console = Console()
    console.print(table)
    for run in runs:
        for note in write_notes(run):
            console.print(f"{run.name}: {note}", highlight=False, markup=False)


def _format_value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}" if value < 1 else f"{value:.2f}"
    return str(value)


def _print_csv(rows: list[Row]) -> None:
    from iis_core.report.table import list_columns

    writer = csv.DictWriter(sys.stdout, list_columns(rows), restval="")
    writer.writeheader()
    writer.writerows(rows)
