"""Laying rows of numbers out as a table that fits where it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from iis_core.cli.terminal import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from iis_core.report.formats import Cell, Grid
    from iis_core.report.table import Row

_STYLES = {"": "", "best": "bold", "second": "underline"}


def print_grid(grid: Grid) -> None:
    """Print a table: the best number is bold, the second best underlined, quoted rows are grey."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    def show(cell: Cell, quoted: str) -> Text:
        return Text(printable(cell.text), style=_STYLES[cell.rank] or ("dim" if quoted else ""))

    table = Table()
    for place, name in enumerate(grid.header):
        table.add_column(Text(printable(name)), overflow="fold", justify="left" if place < grid.facts else "right")
    for line in grid.lines:
        table.add_row(*(show(cell, line.quoted) for cell in line.cells))
    _print_whole(Console(), table)


def _print_whole(console: Console, table: Table) -> None:
    if not console.is_terminal:
        console.width = max(console.width, _measure(console, table))
    console.print(table, crop=False)


def print_rows(rows: Sequence[Row], facts: Sequence[str]) -> None:
    """Print rows side by side as columns, or, where that is too wide, one below the other; nothing is ever cut.

    A terminal folds long names that do not fit; a pipe or a file gets lines as long as they are.

    Args:
        rows: the rows, one for each run.
        facts: the keys that say what a row is about; the others are numbers.
    """
    from rich.console import Console

    console = Console()
    tables = [_lay_out_as_columns(rows, facts), _lay_out_as_rows(rows, facts)]
    fitting = [table for table in tables if _measure(console, table) <= console.width]
    _print_whole(console, (fitting or sorted(tables, key=lambda each: _measure(console, each)))[0])


def _lay_out_as_columns(rows: Sequence[Row], facts: Sequence[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from iis_core.report.formats import format_value

    keys = _list_keys(rows)
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    for row in rows:
        numbers = [format_value(row.get(key)) for key in keys if key not in facts]
        table.add_column(overflow="fold", min_width=max(map(len, numbers), default=0))
    for key in keys:
        is_last_fact = key in facts and all(other not in facts for other in keys[keys.index(key) + 1 :])
        cells = [key, *(format_value(row.get(key)) for row in rows)]
        table.add_row(*(Text(printable(cell)) for cell in cells), end_section=is_last_fact)
    return table


def _lay_out_as_rows(rows: Sequence[Row], facts: Sequence[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from iis_core.report.formats import format_value

    keys = _list_keys(rows)
    table = Table()
    for key in keys:
        is_fact = key in facts
        table.add_column(
            Text(printable(key)), overflow="fold", no_wrap=not is_fact, justify="left" if is_fact else "right"
        )
    for row in rows:
        table.add_row(*(Text(printable(format_value(row.get(key)))) for key in keys))
    return table


def _list_keys(rows: Sequence[Row]) -> list[str]:
    from iis_core.report.table import list_columns

    return list_columns(rows)


def _measure(console: Console, table: Table) -> int:
    """Measure how wide a table is where there is room for everything."""
    return console.measure(table, options=console.options.update(width=1_000_000)).maximum
