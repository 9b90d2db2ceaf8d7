"""Laying rows of numbers out as a table that fits where it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from iis_core.cli.terminal import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from iis_core.report.table import Row


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
    table = (fitting or sorted(tables, key=lambda each: _measure(console, each)))[0]
    if not console.is_terminal:
        console.width = max(console.width, _measure(console, table))
    console.print(table, crop=False)


def _lay_out_as_columns(rows: Sequence[Row], facts: Sequence[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

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


def format_value(value: object) -> str:
    """Format a value for people; what is absent is empty."""
    if isinstance(value, float):
        return f"{value:.4f}" if value < 1 else f"{value:.2f}"
    return "" if value is None else str(value)
