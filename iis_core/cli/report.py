"""`iis report`."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iis_core.cli.options import PATH, as_json
from iis_core.cli.terminal import say
from iis_core.errors import UserError
from iis_core.files.writing import refuse_to_overwrite

if TYPE_CHECKING:
    from iis_core.evaluation import Run
    from iis_core.report.table import Row

_MARK = "\N{DAGGER}"
"""Marks numbers that cannot be compared between the runs of a table."""


@click.command()
@click.argument("runs", type=PATH, nargs=-1, required=True, metavar="RUN...")
@click.option("--noc", "thresholds", type=float, multiple=True, help="IoU for NoC; repeatable. Default 0.85, 0.90.")
@click.option("--iou-at", "ious_at", type=int, multiple=True, help="Mean IoU after this many clicks; repeatable.")
@click.option("--auc", is_flag=True, help="Area under the mean IoU curve.")
@click.option("--timings", is_flag=True, help="Also the seconds that model, robot and reading took.")
@click.option("--plot", type=PATH, metavar="FILE", help="Also plot curves and a histogram.")
@click.option("--bundle", type=PATH, metavar="FILE", help="Also put the run into one ZIP file, to be handed over.")
@as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def report(
    runs: tuple[Path, ...],
    thresholds: tuple[float, ...],
    ious_at: tuple[int, ...],
    auc: bool,
    timings: bool,
    plot: Path | None,
    bundle: Path | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Compute a table from the records of one or several runs: run folders or bundles."""
    from iis_core.evaluation import read_run
    from iis_core.report.table import compute_rows

    found = [read_run(path) for path in runs]
    if plot is not None:
        refuse_to_overwrite(plot, (file for run in runs for file in (run, *run.rglob("*"))), "--plot")
        from iis_core.report.curves import plot_curves

        plot_curves(found, plot)
    if bundle is not None:
        _write_bundle(found, bundle)
    if as_json or as_csv:
        rows = compute_rows(found, thresholds or None, ious_at, auc=auc, timings=timings)
        _print_json(found, rows) if as_json else _print_csv(rows)
        return
    print_table(found, thresholds, ious_at, auc)
    if timings:
        _print_timings(found)


def print_table(
    runs: Sequence[Run], thresholds: tuple[float, ...] = (), ious_at: tuple[int, ...] = (), auc: bool = False
) -> None:
    """Print runs side by side, and below them what their readers must know.

    Args:
        runs: the runs.
        thresholds: IoUs for NoC and failures; by default the usual ones.
        ious_at: numbers of clicks after which to give the mean IoU.
        auc: whether to give the area under the IoU curve.
    """
    from iis_core.cli.layout import format_value, print_rows
    from iis_core.report.differences import compare_runs, has_different_stops, list_differing_settings
    from iis_core.report.table import COLUMNS, compute_rows, write_notes

    rows = compute_rows(runs, thresholds or None, ious_at, auc=auc)
    if has_different_stops(runs):
        rows = [{**row, "drops": f"{format_value(row['drops'])} {_MARK}"} for row in rows]
    print_rows(rows, [*COLUMNS, *list_differing_settings(runs)[0]])
    for run in runs:
        for note in write_notes(run):
            say(f"{run.name}: {note}")
    for note in compare_runs(runs):
        say(f"{_MARK} {note}" if note.startswith("drops") else note)


def _write_bundle(runs: Sequence[Run], file: Path) -> None:
    from iis_core.evaluation.bundle import write_bundle

    if len(runs) > 1:
        raise UserError(f"--bundle takes one run, not {len(runs)}: bundle each by itself")
    write_bundle(runs[0], file)


def _print_timings(runs: Sequence[Run]) -> None:
    from iis_core.cli.layout import print_rows
    from iis_core.report.table import compute_timings

    print_rows([{"run": run.name, **compute_timings(run)} for run in runs], ["run"])


def _print_json(runs: Sequence[Run], rows: Sequence[Row]) -> None:
    from iis_core.report.differences import compare_runs
    from iis_core.report.table import write_notes

    shared = compare_runs(runs)
    content = [{**row, "notes": [*write_notes(run), *shared]} for row, run in zip(rows, runs, strict=True)]
    click.echo(json.dumps(content, indent=2))


def _print_csv(rows: Sequence[Row]) -> None:
    from iis_core.report.table import list_columns

    writer = csv.DictWriter(sys.stdout, list_columns(rows), restval="")
    writer.writeheader()
    writer.writerows(rows)
