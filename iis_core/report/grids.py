"""The tables of a report: runs by their numbers, differences between runs, models by datasets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from iis_core.errors import UserError, near_matches
from iis_core.plugins.catalog import catalog
from iis_core.plugins.specs import ModelSpec
from iis_core.report.differences import list_differing_settings
from iis_core.report.formats import Cell, Grid, Line, count_digits
from iis_core.report.table import describe_entries, list_columns, name_entry

if TYPE_CHECKING:
    from iis_core.report.estimates import Comparison, Entry, Report

SIGNIFICANT = 0.05

_MARKED = (
    f"* differs from the first of the same objects: p < {SIGNIFICANT} by a paired permutation test, Holm's correction"
)


def lay_out_entries(report: Report) -> Grid:
    """Lay a report out with one row per entry and one column per number."""
    facts = describe_entries(report)
    names = list_columns([dict(entry.estimates) for entry in report.entries])
    ranks, significant = rank_entries(report), _find_significant(report)
    lines = [
        Line(
            [
                *(Cell(value) for value in described.values()),
                *(make_cell(entry, name, ranks, significant) for name in names),
            ]
        )
        for entry, described in zip(report.entries, facts, strict=True)
    ]
    return Grid([*facts[0], *names], lines, len(facts[0]), [_MARKED] if significant else [])


def lay_out_comparison(comparison: Comparison) -> Grid:
    """Lay the differences between two entries out with one row per number."""
    header = ("difference", "value", "95 % interval", "p", "p Holm", "better", "worse", "equal")
    lines = []
    for name, found in comparison.differences.items():
        digits = count_digits(found.value)
        interval = "" if found.interval is None else " to ".join(f"{end:+.{digits}f}" for end in found.interval)
        counts = (found.better, found.worse, found.equal)
        cells = (name, f"{found.value:+.{digits}f}", interval, f"{found.p:.4f}", f"{found.corrected:.4f}", *counts)
        lines.append(Line([Cell(cell) for cell in cells]))
    first, other = name_entry(comparison.first), name_entry(comparison.other)
    which = "" if comparison.other.stratum is None else f"{comparison.other.stratum}: "
    size = f"{len(comparison.other.runs[0].records)} objects in {comparison.other.images} images"
    title = f"{which}{other} against {first}, {size}"
    return Grid(header, lines, 1, title=title)


def lay_out_models(report: Report, number: str) -> Grid:
    """Lay one number out with models by row and datasets by column, and below them what papers say of it.

    Args:
        report: the report.
        number: the number's column, in any spelling: `noc90` is NoC@90.

    Raises:
        UserError: the report has no such number.
    """
    entries = [entry for entry in report.entries if entry.stratum is None]
    name = find_number(entries, number)
    ranks, significant = rank_entries(report), _find_significant(report)
    datasets = list(dict.fromkeys(_shorten(entry.runs[0].dataset) for entry in entries))
    cells: dict[tuple[str, str], dict[str, Cell]] = defaultdict(dict)
    for entry, label in zip(entries, _label_models(entries), strict=True):
        run = entry.runs[0]
        cells[label, run.protocol.label][_shorten(run.dataset)] = make_cell(entry, name, ranks, significant)
    lines = [
        Line([*map(Cell, model), *(row.get(dataset, Cell(None)) for dataset in datasets)])
        for model, row in cells.items()
    ]
    notes = [_MARKED] if any(cell.is_significant for line in lines for cell in line.cells) else []
    quoted = list(_quote(name, datasets))
    for source in dict.fromkeys(line.quoted for line in quoted):
        models = ", ".join(str(line.cells[0].value) for line in quoted if line.quoted == source)
        notes.append(f"{models}: by {source}, under its own rules")
    return Grid((f"{name}: model", "protocol", *datasets), [*lines, *quoted], 2, notes)


def find_number(entries: Sequence[Entry], number: str) -> str:
    """Find the column of a number that is spelled in any way."""
    names = list_columns([dict(entry.estimates) for entry in entries])
    spelled = {_squash(name): name for name in names}
    if _squash(number) not in spelled:
        hint = near_matches(_squash(number), list(spelled)) or f"; it has {', '.join(names)}"
        raise UserError(f"the report has no number {number!r}{hint} (--noc, --iou-at and --auc give others)")
    return spelled[_squash(number)]


def _squash(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum() or letter == ">")


def _shorten(dataset: str) -> str:
    return dataset.rsplit("/", 1)[-1]


def _label_models(entries: Sequence[Entry]) -> list[str]:
    """Name the model of each entry, with the settings that tell entries of one dataset apart; else its run folders."""
    places: dict[Any, list[int]] = defaultdict(list)
    for place, entry in enumerate(entries):
        run = entry.runs[0]
        places[run.model, _shorten(run.dataset), run.protocol.label].append(place)
    labels = [""] * len(entries)
    for (model, *_), alike in places.items():
        settings = list_differing_settings([entries[place].runs[0] for place in alike])
        own = [", ".join([model, *(f"{key}={value}" for key, value in each.items())]) for each in settings]
        for place, label in zip(alike, own, strict=True):
            is_alone = Counter(own)[label] == 1
            labels[place] = label if is_alone else f"{label}, {name_entry(entries[place])}"
    return labels


def _quote(name: str, datasets: Sequence[str]) -> Iterator[Line]:
    """Quote what the specs of installed models have been published with, where it is of this number and a dataset."""
    for offer in catalog().offers[ModelSpec].values():
        published: Mapping[str, Mapping[str, float]] = offer.spec.results
        values = [published.get(dataset, {}).get(name) for dataset in datasets]
        if any(value is not None for value in values):
            source = offer.spec.results_source or offer.spec.paper or f"the spec of {offer.claim.distribution}"
            yield Line([Cell(f"{offer.spec.name} (quoted)"), Cell(""), *map(Cell, values)], source)


def make_cell(
    entry: Entry, name: str, ranks: Mapping[tuple[int, str], Rank], significant: set[tuple[int, str]]
) -> Cell:
    """Make the cell of a number; empty where the entry does not have it."""
    estimate = entry.estimates.get(name)
    if estimate is None:
        return Cell(None)
    key = id(entry), name
    measure = estimate.measure
    return Cell(measure.value, estimate.interval, measure.spread, ranks.get(key, ""), key in significant)


Rank = Literal["", "best", "second"]


def rank_entries(report: Report) -> dict[tuple[int, str], Rank]:
    """Find the best and the second best of every number among entries that can be compared: `{(id(entry), name)}`."""
    rivals: dict[int, list[Entry]] = {}
    for comparison in report.comparisons:
        rivals.setdefault(id(comparison.first), [comparison.first]).append(comparison.other)
    ranks: dict[tuple[int, str], Rank] = {}
    for entries in rivals.values():
        for name in entries[0].estimates:
            known = [(entry.estimates[name].measure, entry) for entry in entries if name in entry.estimates]
            order = sorted({measure.value for measure, _ in known}, reverse=not known[0][0].lower_is_better)
            for measure, entry in known:
                if len(order) > 1 and measure.value in order[:2]:
                    ranks[id(entry), name] = "best" if measure.value == order[0] else "second"
    return ranks


def _find_significant(report: Report) -> set[tuple[int, str]]:
    return {
        (id(comparison.other), name)
        for comparison in report.comparisons
        for name, difference in comparison.differences.items()
        if difference.corrected < SIGNIFICANT
    }
