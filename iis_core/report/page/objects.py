"""The objects of a page: what happened to each in every run, and which of them are shown with pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iis_core.metrics import iou, noc, worst_first
from iis_core.metrics.stability import count_turns, sum_regret

if TYPE_CHECKING:
    from iis_core.evaluation import Run
    from iis_core.evaluation.records import Record
    from iis_core.report.estimates import Entry, Report

SHOWN = 40
"""How many objects of a page have pictures, all galleries together."""

_FEWEST_TURNS = 2
"""From so many turns on, the IoU of an object oscillates."""

Group = Mapping[str, "Entry"]
"""Entries of the same objects, by their names in the page."""


@dataclass(frozen=True)
class Gallery:
    """Objects that are worth a look.

    Args:
        title: why.
        group: in which of the groups they are.
        captions: what is to be said of each, by its id.
    """

    title: str
    group: int
    captions: Mapping[str, str]


def group_entries(report: Report, names: Mapping[int, str]) -> list[Group]:
    """Group the entries of a report by their objects.

    Args:
        report: the report.
        names: how each entry is called, by `id(entry)`.
    """
    groups = {id(entry): {names[id(entry)]: entry} for entry in report.entries if entry.stratum is None}
    for comparison in report.comparisons:
        if comparison.other.stratum is None:
            groups[id(comparison.first)].update(groups.pop(id(comparison.other)))
    return list(groups.values())


def describe_objects(group: Group) -> list[dict[str, Any]]:
    """Describe what happened to each object: its IoU before the first click and after each, by run."""
    runs = {name: entry.runs[0] for name, entry in group.items()}
    return [
        {
            "id": record.id,
            "path": record.path,
            "runs": {name: {"ious": _list_ious(run[record.id])} for name, run in runs.items()},
        }
        for record in next(iter(runs.values())).records
    ]


def _list_ious(record: Record) -> list[float]:
    return [round(iou(counts), 4) for counts in (record.initial, *(click.counts for click in record.clicks))]


def _find_last_iou(record: Record) -> float:
    return iou(record.clicks[-1].counts if record.clicks else record.initial)


def choose_galleries(groups: Sequence[Group], threshold: float) -> list[Gallery]:
    """Choose the worst objects, those with the largest differences, and those whose IoU goes up and down.

    Args:
        groups: entries of the same objects.
        threshold: the IoU of NoC.

    Returns:
        Galleries of about equally many objects, `SHOWN` together at most; none is empty.
    """
    ranked = [gallery for place, group in enumerate(groups) for gallery in _rank(place, group, threshold)]
    filled = [gallery for gallery in ranked if gallery.captions]
    each = max(1, SHOWN // max(1, len(filled)))
    return [
        Gallery(gallery.title, gallery.group, dict([*gallery.captions.items()][:each])) for gallery in filled[:SHOWN]
    ]


def _rank(place: int, group: Group, threshold: float) -> Iterator[Gallery]:
    """Rank the objects of a group in every way; the first run stands for its seeds."""
    runs = {name: entry.runs[0] for name, entry in group.items()}
    for name, run in runs.items():
        yield Gallery(f"Worst of {name}", place, _caption_worst(run, threshold))
    (first_name, first), *others = runs.items()
    for name, other in [] if first.protocol.is_replay else others:
        yield Gallery(
            f"Largest differences of {name} to {first_name}", place, _caption_different(first, other, threshold)
        )
    for name, run in runs.items():
        yield Gallery(f"Oscillating in {name}", place, _caption_oscillating(run))


def _caption_worst(run: Run, threshold: float) -> dict[str, str]:
    worst = worst_first(run.records, threshold, run.protocol)[:SHOWN]
    clicks = {
        each.id: "" if run.protocol.is_replay else f"NoC {noc(each, threshold, run.protocol)}, " for each in worst
    }
    return {each.id: f"{clicks[each.id]}last IoU {_find_last_iou(each):.3f}" for each in worst}


def _caption_different(first: Run, other: Run, threshold: float) -> dict[str, str]:
    """Caption the objects whose NoC differs, the largest difference first; then by the last IoU."""
    (nocs, lasts), (other_nocs, other_lasts) = (
        (
            {record.id: noc(record, threshold, run.protocol) for record in run.records},
            {record.id: _find_last_iou(record) for record in run.records},
        )
        for run in (first, other)
    )
    different = [name for name in nocs if nocs[name] != other_nocs[name]]
    different.sort(key=lambda name: (-abs(nocs[name] - other_nocs[name]), -abs(lasts[name] - other_lasts[name])))
    return {name: f"NoC {other_nocs[name]} instead of {nocs[name]}" for name in different[:SHOWN]}


def _caption_oscillating(run: Run) -> dict[str, str]:
    turns = {record.id: int(count_turns(record).part) for record in run.records}
    regrets = {record.id: sum_regret(record).part for record in run.records}
    chosen = [name for name, count in turns.items() if count >= _FEWEST_TURNS]
    chosen.sort(key=lambda name: (-turns[name], -regrets[name]))
    return {name: f"{turns[name]} turns" for name in chosen[:SHOWN]}
