"""Stability: what goes wrong between clicks, from records.

Each number is a ratio of sums over objects, so that an object counts by what could go wrong in it: its clicks, its
drops. A function gives what one object contributes to both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from math import fsum, hypot
from typing import TYPE_CHECKING, NamedTuple

from iis_core.metrics.ratios import iou
from iis_core.types import Counts

if TYPE_CHECKING:
    from iis_core.evaluation.records import Record

SAME_PLACE = 0.01
"""Up to this distance, as a share of the image's diagonal, two clicks are at the same place."""


class Contribution(NamedTuple):
    """What an object contributes to a ratio of sums.

    Attributes:
        part: to the dividend.
        whole: to the divisor.
    """

    part: float
    whole: float


def count_drops(record: Record) -> Contribution:
    """Count the clicks after which the IoU is lower than before, compared exactly; the whole are the clicks."""
    return Contribution(_list_changes(record).count(-1), len(record.clicks))


def sum_drops(record: Record) -> Contribution:
    """Add up how much IoU drops lose; the whole are the drops."""
    drops = [
        iou(before) - iou(after) for before, after in pairwise(_list_counts(record)) if _compare(before, after) < 0
    ]
    return Contribution(fsum(drops), len(drops))


def count_turns(record: Record) -> Contribution:
    """Count how often the IoU turns, from rising to falling or back; the whole is how often it could.

    Clicks after which the IoU is the same are passed over.
    """
    changes = [change for change in _list_changes(record) if change]
    return Contribution(sum(a != b for a, b in pairwise(changes)), max(0, len(changes) - 1))


def sum_regret(record: Record) -> Contribution:
    """Add up, over clicks, by how much the IoU is below the best one so far; the whole are the clicks."""
    ious = [iou(counts) for counts in _list_counts(record)]
    regrets = (best - now for best, now in zip(accumulate(ious, max), ious, strict=True))
    return Contribution(fsum(regrets), len(record.clicks))


def count_violated(record: Record) -> Contribution | None:
    """Count the clicks whose pixel is on the wrong side after the answer to them; the whole are the clicks.

    None where the record is from before this was kept.
    """
    return _count_violated(record, lambda number, after: number in after[0])


def count_violated_later(record: Record) -> Contribution | None:
    """Count the clicks whose pixel is on the right side at first, and on the wrong one after a later click."""
    return _count_violated(
        record, lambda number, after: number not in after[0] and any(number in each for each in after)
    )


def count_repeated(record: Record) -> Contribution:
    """Count the clicks at the same place as an earlier one of the same sign; the whole are the clicks.

    The same place is within a hundredth of the image's diagonal.
    """
    radius = SAME_PLACE * hypot(*record.shape)
    repeated = 0
    for made, click in enumerate(record.clicks):
        same = (each for each in record.clicks[:made] if each.positive == click.positive)
        repeated += any(hypot(each.row - click.row, each.col - click.col) <= radius for each in same)
    return Contribution(repeated, len(record.clicks))


STABILITY: Mapping[str, Callable[[Record], Contribution | None]] = {
    "drops": count_drops,
    "drop depth": sum_drops,
    "violated": count_violated,
    "violated later": count_violated_later,
    "repeated": count_repeated,
    "turns": count_turns,
    "regret": sum_regret,
}
"""The numbers by their names in reports; lower is better for all of them."""


def stability(records: Sequence[Record]) -> dict[str, float | None]:
    """Compute the numbers of `STABILITY`.

    Args:
        records: one record per object.

    Returns:
        Each number by its name: 0 where there is nothing to divide by, None where a record does not say.
    """
    return {name: _divide([contribute(record) for record in records]) for name, contribute in STABILITY.items()}


def iou_drops(records: Sequence[Record]) -> float:
    """Return the share of clicks after which the IoU is lower than before.

    Args:
        records: one record per object.

    Returns:
        The share, in [0, 1]; 0 without clicks. The IoUs are compared exactly.
    """
    return _divide([count_drops(record) for record in records]) or 0.0


def _divide(contributions: Sequence[Contribution | None]) -> float | None:
    known = [each for each in contributions if each is not None]
    if len(known) < len(contributions):
        return None
    whole = fsum(each.whole for each in known)
    return fsum(each.part for each in known) / whole if whole else 0.0


def _count_violated(
    record: Record, is_violated: Callable[[int, Sequence[tuple[int, ...]]], bool]
) -> Contribution | None:
    """Count clicks by their number and by what the answers to them and to later clicks violate."""
    violated = [click.violated for click in record.clicks if click.violated is not None]
    if len(violated) < len(record.clicks):
        return None
    found = sum(is_violated(number, violated[number - 1 :]) for number in range(1, len(violated) + 1))
    return Contribution(found, len(violated))


def _list_counts(record: Record) -> list[Counts]:
    return [record.initial, *(click.counts for click in record.clicks)]


def _list_changes(record: Record) -> list[int]:
    """List, for each click, whether the IoU is higher after it (1), lower (-1) or the same (0)."""
    return [_compare(before, after) for before, after in pairwise(_list_counts(record))]


def _compare(before: Counts, after: Counts) -> int:
    """Compare IoUs exactly; that of two empty masks is 1."""
    now, now_whole = (after.tp, after.union) if after.union else (1, 1)
    then, then_whole = (before.tp, before.union) if before.union else (1, 1)
    difference = now * then_whole - then * now_whole
    return (difference > 0) - (difference < 0)
