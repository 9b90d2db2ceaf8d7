"""`iis report`."""

from __future__ import annotations

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
    from iis_core.report.estimates import Report

_MARK = "\N{DAGGER}"
"""Marks numbers that cannot be compared between the runs of a table."""


@click.command()
@click.argument("runs", type=PATH, nargs=-1, required=True, metavar="RUN...")
@click.option("--noc", "thresholds", type=float, multiple=True, help="IoU for NoC; repeatable. Default 0.85, 0.90.")
@click.option("--iou-at", "ious_at", type=int, multiple=True, help="Mean IoU after this many clicks; repeatable.")
@click.option("--auc", is_flag=True, help="Area under the mean IoU curve.")
@click.option("--stability", is_flag=True, help="Also what goes wrong between clicks.")
@click.option("--timings", is_flag=True, help="Also the seconds that model, robot and reading took.")
@click.option(
    "--by", metavar="FACT", help="Also for strata: size, components, thinness, image, class, or another fact."
)
@click.option(
    "--table", "number", metavar="NUMBER", help="One number, such as noc90: models by row, datasets by column."
)
@click.option("--plot", type=PATH, metavar="FILE", help="Also plot curves and a histogram.")
@click.option("--html", type=PATH, metavar="FILE", help="Also write a page with tables, charts and objects.")
@click.option("--bundle", type=PATH, metavar="FILE", help="Also put the run into one ZIP file, to be handed over.")
@as_json
@click.option("--csv", "style", flag_value="csv", help="Print CSV.")
@click.option("--markdown", "style", flag_value="markdown", help="Print Markdown.")
@click.option("--latex", "style", flag_value="latex", help="Print LaTeX, for booktabs and xcolor.")
def report(
    runs: tuple[Path, ...],
    thresholds: tuple[float, ...],
    ious_at: tuple[int, ...],
    auc: bool,
    stability: bool,
    timings: bool,
    by: str | None,
    number: str | None,
    plot: Path | None,
    html: Path | None,
    bundle: Path | None,
    as_json: bool,
    style: str | None,
) -> None:
    """Compute numbers, their intervals and their differences from the records of one or several runs."""
    from iis_core.evaluation import read_run
    from iis_core.report.estimates import compute_report
    from iis_core.report.measures import Numbers
    from iis_core.report.writing import write_report

    if number is not None and by is not None:
        raise UserError("--table is of all objects: leave --by out")
    found = [read_run(path) for path in runs]
    for option, file in (("--plot", plot), ("--html", html)):
        if file is not None:
            refuse_to_overwrite(file, (each for run in runs for each in (run, *run.rglob("*"))), option)
    if plot is not None:
        from iis_core.report.curves import plot_curves

        plot_curves(found, plot)
    if bundle is not None:
        _write_bundle(found, bundle)
    numbers = Numbers(thresholds=thresholds or None, ious_at=ious_at, auc=auc, stability=stability)
    computed = compute_report(found, numbers, by)
    if html is not None:
        from iis_core.report.page.writing import write_page

        write_page(computed, html)
    if as_json or style is not None:
        click.echo(write_report(computed, "json" if as_json else str(style), number, timings=timings))
    elif number is not None:
        _print_models(computed, number)
    else:
        print_report(computed, timings=timings)


def print_report(report: Report, *, timings: bool = False) -> None:
    """Print runs side by side, their strata, their differences, and below them what their readers must know.

    Args:
        report: the report.
        timings: whether to print the seconds, too.
    """
    from iis_core.cli.layout import print_grid
    from iis_core.report.grids import lay_out_comparison

    _print_entries(report)
    for comparison in report.comparisons:
        grid = lay_out_comparison(comparison)
        say(grid.title)
        print_grid(grid)
    _print_notes(report)
    if timings:
        _print_timings(report)


def _print_entries(report: Report) -> None:
    """Print the whole runs in one table, and the strata of each in one of its own."""
    from iis_core.cli.layout import print_rows
    from iis_core.report.differences import has_different_stops
    from iis_core.report.table import describe_entries, format_rows, name_entry

    rows, described = format_rows(report), describe_entries(report)
    if has_different_stops([entry.runs[0] for entry in report.entries]):
        rows = [{**row, "drops": f"{row['drops']} {_MARK}"} for row in rows]
    whole = [row for row, entry in zip(rows, report.entries, strict=True) if entry.stratum is None]
    print_rows([{key: value for key, value in row.items() if key != report.by} for row in whole], list(described[0]))
    by = report.by
    if by is None:
        return
    for name in dict.fromkeys(map(name_entry, report.entries)):
        strata = [row for row, entry in zip(rows, report.entries, strict=True) if name == name_entry(entry)]
        left_out = described[0].keys() - {by, "objects"}
        say(f"{name} by {by}")
        shown = [{by: row[by], **{key: row[key] for key in row if key not in left_out}} for row in strata]
        print_rows(shown, [by, "objects"])


def _print_notes(report: Report) -> None:
    from iis_core.report.notes import write_notes, write_shared_notes

    for run in report.runs:
        for note in write_notes(run):
            say(f"{run.name}: {note}")
    for note in write_shared_notes(report):
        say(f"{_MARK} {note}" if note.startswith("drops") else note)


def _write_bundle(runs: Sequence[Run], file: Path) -> None:
    from iis_core.evaluation.bundle import write_bundle

    if len(runs) > 1:
        raise UserError(f"--bundle takes one run, not {len(runs)}: bundle each by itself")
    write_bundle(runs[0], file)


def _print_models(report: Report, number: str) -> None:
    from iis_core.cli.layout import print_grid
    from iis_core.report.grids import lay_out_models

    grid = lay_out_models(report, number)
    print_grid(grid)
    for note in grid.notes:
        say(note)
    _print_notes(report)


def _print_timings(report: Report) -> None:
    from iis_core.cli.layout import print_rows
    from iis_core.report.table import compute_timings

    print_rows([{"run": run.name, **compute_timings(run.records)} for run in report.runs], ["run"])
