"""Strata: the objects of runs by size, components, thinness, image, class, or whatever else their dataset says."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from iis_core.errors import UserError, near_matches

if TYPE_CHECKING:
    from iis_core.evaluation import Run
    from iis_core.evaluation.records import Record

Value: TypeAlias = str | float

_EDGES: Mapping[str, tuple[float, ...]] = {
    "size": (0.01, 0.05, 0.2),
    "components": (2, 5),
    "thinness": (0.03, 0.06, 0.12),
}
"""Where a stratum ends and the next begins; fixed, so that strata are the same in every dataset."""

_SHARES = ("size", "thinness")
_MOST = 10
"""With more different numbers than these, strata are quarters of the objects."""


def stratify(groups: Sequence[tuple[Run, ...]], by: str) -> dict[str, list[tuple[Run, ...]]]:
    """Split the objects of runs into strata.

    Args:
        groups: runs that repeat one another.
        by: `size`, the object's area as a share of the image; `components`; `thinness`, boundary pixels / area;
            `image`; or a fact of the records, such as `class`. Numbers other than the first three make a stratum
            each, or, where there are many, quarters of the objects.

    Returns:
        For each stratum, in order, the groups with the records of its objects; a group without any is left out.

    Raises:
        UserError: the records do not say it.
    """
    values = {record.id: _find_value(run, record, by) for group in groups for run in group for record in run.records}
    labels = _label_values(values, by)
    order = _sort_labels(values, labels)
    strata = {label: [tuple(_choose(run, labels, label) for run in group) for group in groups] for label in order}
    return {label: [group for group in found if group[0].records] for label, found in strata.items()}


def _choose(run: Run, labels: Mapping[str, str], label: str) -> Run:
    records = tuple(record for record in run.records if labels[record.id] == label)
    return replace(run, ids=tuple(record.id for record in records), records=records)


def _find_value(run: Run, record: Record, by: str) -> Value:
    area = record.initial.tp + record.initial.fn
    if by == "size":
        return area / (record.shape[0] * record.shape[1])
    if by == "image":
        return record.path or record.id
    if record.facts is None:
        raise UserError(
            f"{run.name} does not say the {by} of {record.id}: its records are from before this was kept; evaluate "
            "into another folder, or make strata by size or image"
        )
    known = {**record.facts, "thinness": record.facts["border"] / area} if "border" in record.facts else record.facts
    if by not in known:
        choices = ["size", "image", *(name for name in known if name != "border")]
        hint = near_matches(by, choices) or f"; it says {', '.join(choices)}"
        raise UserError(f"{run.name} does not say the {by} of {record.id}{hint}")
    return str(known[by]) if isinstance(known[by], (bool, str)) else float(known[by])


def _label_values(values: Mapping[str, Value], by: str) -> dict[str, str]:
    """Name the stratum of each object."""
    numbers = [value for value in values.values() if not isinstance(value, str)]
    edges = _EDGES.get(by)
    if edges is None and len({*numbers}) > _MOST:
        edges = tuple(np.unique(np.quantile(numbers, [0.25, 0.5, 0.75])).tolist())
    return {
        name: value
        if isinstance(value, str)
        else _name_number(value)
        if edges is None
        else _name_range(value, edges, by)
        for name, value in values.items()
    }


def _name_range(value: float, edges: Sequence[float], by: str) -> str:
    place = bisect(edges, value)
    low, high = (None if k < 0 or k >= len(edges) else edges[k] for k in (place - 1, place))
    if by == "components":
        return "1" if low is None else f"{low:g} to {high - 1:g}" if high is not None else f"{low:g} or more"
    shown = [
        None if edge is None else f"{100 * edge:g} %" if by in _SHARES else _name_number(edge) for edge in (low, high)
    ]
    if shown[0] is None:
        return f"below {shown[1]}"
    return f"{shown[0]} to {shown[1]}" if shown[1] is not None else f"{shown[0]} or more"


def _name_number(value: float) -> str:
    return f"{value:.4g}"


def _sort_labels(values: Mapping[str, Value], labels: Mapping[str, str]) -> list[str]:
    """Sort labels by the smallest number in their stratum; texts stand by the alphabet, after numbers."""
    smallest: dict[str, tuple[bool, float, str]] = {}
    for name, label in labels.items():
        value = values[name]
        key = (True, 0.0, value) if isinstance(value, str) else (False, value, "")
        smallest[label] = min(smallest.get(label, key), key)
    return sorted(smallest, key=smallest.__getitem__)
