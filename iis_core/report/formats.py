"""Tables as text for papers and pages: Markdown, LaTeX, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from iis_core.report.statistics import Interval

LATEX_PACKAGES = ("booktabs", "xcolor")
"""What the preamble of a document has to load."""


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Args:
        value: a number, a text, or None for an empty cell.
        interval: the 95 % interval of the number.
        spread: the standard deviation of the number between seeds.
        rank: whether the number is the best or the second best of those that can be compared.
        is_significant: whether it differs significantly from the first of those that can be compared.
    """

    value: Any
    interval: Interval | None = None
    spread: float | None = None
    rank: Literal["", "best", "second"] = ""
    is_significant: bool = False

    @property
    def text(self) -> str:
        """The cell for people; an asterisk marks a significant difference."""
        value = format_value(self.value) + ("*" if self.is_significant else "")
        return (
            value
            + format_interval(self.value, self.interval)
            + ("" if self.spread is None else f" ±{format_value(self.spread)}")
        )


@dataclass(frozen=True)
class Line:
    """One row of a table.

    Args:
        cells: one for each column.
        quoted: where the numbers are quoted from, empty where they were measured.
    """

    cells: Sequence[Cell]
    quoted: str = ""


@dataclass(frozen=True)
class Grid:
    """A table.

    Args:
        header: the names of the columns.
        lines: the rows.
        facts: how many of the columns, from the first, say what a row is about; the others are numbers.
        notes: what a reader must know.
        title: what it is about.
    """

    header: Sequence[str]
    lines: Sequence[Line]
    facts: int
    notes: Sequence[str] = ()
    title: str = ""


def format_value(value: object) -> str:
    """Format a value for people; what is absent is empty."""
    if isinstance(value, float):
        return f"{value:.{count_digits(value)}f}"
    return "" if value is None else str(value)


def format_interval(value: float, interval: Interval | None) -> str:
    """Format an interval after its number, with as many digits."""
    if interval is None:
        return ""
    digits = count_digits(value)
    return f" [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def count_digits(value: float) -> int:
    """Return how many digits after the point a number and its interval have: none where it counts objects."""
    return 0 if isinstance(value, int) else 4 if abs(value) < 1 else 2


def to_markdown(grid: Grid) -> str:
    """Write a table as Markdown: the best number bold, the second best underlined, quoted ones in italics."""
    rule = ["---"] * grid.facts + ["---:"] * (len(grid.header) - grid.facts)
    lines = [_join_markdown(map(_escape_markdown, grid.header)), _join_markdown(rule)]
    for line in grid.lines:
        lines.append(_join_markdown(_mark_markdown(cell, line.quoted) for cell in line.cells))
    title = [f"{_escape_markdown(grid.title)}\n"] if grid.title else []
    return "\n".join([*title, *lines, *(f"\n{_escape_markdown(note)}" for note in grid.notes)])


def _join_markdown(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _mark_markdown(cell: Cell, quoted: str) -> str:
    text = _escape_markdown(cell.text)
    if not text:
        return ""
    if cell.rank:
        return f"**{text}**" if cell.rank == "best" else f"<u>{text}</u>"
    return f"*{text}*" if quoted else text


def _escape_markdown(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|~$#&" else letter for letter in _make_printable(text))


def to_latex(grid: Grid) -> str:
    r"""Write a table as LaTeX, for a document that loads booktabs and xcolor.

    The best number is bold, the second best underlined, quoted rows are grey.

    Args:
        grid: the table.

    Returns:
        A `tabular`, its notes below it as comments are above.
    """
    columns = "l" * grid.facts + "r" * (len(grid.header) - grid.facts)
    usage = "% " + " ".join(rf"\usepackage{{{package}}}" for package in LATEX_PACKAGES)
    lines = [_join_latex(_mark_latex(cell, line.quoted) for cell in line.cells) for line in grid.lines]
    return "\n".join(
        [
            usage,
            *(f"% {_make_printable(note)}" for note in [grid.title, *grid.notes] if note),
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            _join_latex(map(escape_latex, grid.header)),
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _join_latex(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _mark_latex(cell: Cell, quoted: str) -> str:
    text = escape_latex(cell.text)
    if not text:
        return ""
    if cell.rank:
        return rf"\textbf{{{text}}}" if cell.rank == "best" else rf"\underline{{{text}}}"
    return rf"\textcolor{{gray}}{{{text}}}" if quoted else text


_LATEX = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "*": r"$^{*}$",
    "±": r"$\pm$",
    "\N{DAGGER}": r"\dag{}",
    "[": "{[}",
}


def escape_latex(text: str) -> str:
    """Escape what LaTeX takes for more than a letter; a row that begins with a bracket stays a row."""
    return "".join(_LATEX.get(letter, letter) for letter in _make_printable(text))


def to_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Write rows as CSV; what a row lacks is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def list_cells(grid: Grid) -> list[dict[str, Any]]:
    """List the rows of a table for programs: `{column: value}`, with `low` and `high` of intervals, and the source."""
    rows = []
    for line in grid.lines:
        row: dict[str, Any] = {}
        for name, cell in zip(grid.header, line.cells, strict=True):
            row[name] = cell.value
            if cell.interval is not None:
                row |= {f"{name} low": cell.interval.low, f"{name} high": cell.interval.high}
        rows.append({**row, "quoted": line.quoted})
    return rows


def _make_printable(text: str) -> str:
    """Put a space where a line would break; a letter that cannot be printed is shown by its code."""
    return "".join(
        letter if letter.isprintable() else " " if letter.isspace() else ascii(letter)[1:-1] for letter in text
    )
