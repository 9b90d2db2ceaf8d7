"""Which runs repeat one another with other seeds, and which can be compared object by object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from iis_core.errors import UserError

if TYPE_CHECKING:
    from iis_core.evaluation import Run
    from iis_core.evaluation.records import Record

_NO_RULES = ("departures", "noc_at", "iou_at")
"""Parts of a protocol that change no click: how a run is labelled, and what is reported."""


def group_repeats(runs: Sequence[Run]) -> list[tuple[Run, ...]]:
    """Group runs of the same objects whose settings differ in the seed alone; others are groups of their own.

    Args:
        runs: the runs.

    Returns:
        The groups, in the order of their first runs.
    """
    groups: list[list[Run]] = []
    for run in runs:
        repeated = next((group for group in groups if all(_repeats(run, other) for other in group)), None)
        groups.append([run]) if repeated is None else repeated.append(run)
    return [tuple(group) for group in groups]


def _repeats(run: Run, other: Run) -> bool:
    (seed, rest), (other_seed, other_rest) = (_split_seed(each.settings) for each in (run, other))
    return seed != other_seed and rest == other_rest and explain_difference(run, other) is None


def _split_seed(settings: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    return settings["seed"], {key: value for key, value in settings.items() if key != "seed"}


def group_comparable(groups: Sequence[tuple[Run, ...]]) -> list[list[tuple[Run, ...]]]:
    """Group what can be compared object by object with the first of its group.

    Args:
        groups: runs that repeat one another.

    Returns:
        The groups of groups, in the order of their firsts.
    """
    found: list[list[tuple[Run, ...]]] = []
    for group in groups:
        like = next((each for each in found if explain_difference(each[0][0], group[0]) is None), None)
        found.append([group]) if like is None else like.append(group)
    return found


def require_comparable(first: Run, other: Run) -> None:
    """Check that two runs are of the same objects under the same rules.

    Args:
        first: a run.
        other: another one.

    Raises:
        UserError: they are not; the message names the difference.
    """
    difference = explain_difference(first, other)
    if difference is not None:
        raise UserError(f"{other.name} cannot be compared with {first.name} object by object: {difference}")


def explain_difference(first: Run, other: Run) -> str | None:
    """Say why two runs cannot be compared object by object; None where they can."""
    return next(_list_differences(first, other), None)


def _list_differences(first: Run, other: Run) -> Iterator[str]:
    rules, other_rules = (dict(_list_rules(run)) for run in (first, other))
    for name, rule in rules.items():
        if rule != other_rules[name]:
            yield f"{name} is {rule!r} in {first.name}, {other_rules[name]!r} in {other.name}"
    yield from _list_differing_objects(first, other)


def _list_rules(run: Run) -> Iterator[tuple[str, Any]]:
    yield "dataset", run.dataset
    yield "the dataset's ignore rule", run.settings["dataset"].get("ignore")
    protocol = run.protocol
    for field in fields(protocol):
        if field.name not in _NO_RULES:
            yield f"{field.name} of the protocol" if field.name != "name" else "protocol", getattr(protocol, field.name)


def _list_differing_objects(first: Run, other: Run) -> Iterator[str]:
    """List how objects differ: which there are, and, for the same id, the image's size or the target's."""
    records, others = ({record.id: record for record in run.records} for run in (first, other))
    if not records.keys() & others.keys():
        yield "they have no object in common"
    for these, those, run in ((records, others, other), (others, records, first)):
        missing = [name for name in these if name not in those]
        if missing:
            yield f"{run.name} has no record of {len(missing)} of the objects, the first is {missing[0]!r}"
    for name, record in records.items():
        if name in others and _measure_object(record) != _measure_object(others[name]):
            sizes = ["{2} pixels of {0} x {1}".format(*_measure_object(each)) for each in (record, others[name])]
            yield f"{name} has {sizes[0]} in {first.name}, {sizes[1]} in {other.name}"


def _measure_object(record: Record) -> tuple[int, int, int]:
    return (*record.shape, record.initial.tp + record.initial.fn)
