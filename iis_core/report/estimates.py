"""What a report says of runs: numbers with their intervals, and differences between runs of the same objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from iis_core.report.measures import Measure, Numbers, measure_repeats
from iis_core.report.pairing import group_comparable, group_repeats
from iis_core.report.statistics import Interval, bootstrap, correct_by_holm, permute, sum_by_image
from iis_core.report.strata import stratify

if TYPE_CHECKING:
    from iis_core.evaluation import Run

FEWEST_IMAGES = 5
"""With fewer images there are no intervals: drawing so few again says little."""


@dataclass(frozen=True)
class Estimate:
    """A number of a report.

    Args:
        measure: the number.
        interval: its 95 % interval; None where there are too few images, or where all say the same.
    """

    measure: Measure
    interval: Interval | None


@dataclass(frozen=True)
class Entry:
    """What is shown as one: a run, or several that differ in the seed alone.

    Args:
        runs: the runs, of the same objects; of a stratum with the records of its objects alone.
        estimates: their numbers by column name, averaged over the runs.
        images: how many images they have.
        stratum: which objects these are, None for all.
    """

    runs: tuple[Run, ...]
    estimates: Mapping[str, Estimate]
    images: int
    stratum: str | None = None


@dataclass(frozen=True)
class Difference:
    """How a number of one entry differs from that of another one, object by object.

    Args:
        name: the number's column.
        value: the other's minus the first's.
        interval: its 95 % interval, as in `Estimate`.
        p: of the paired permutation test.
        corrected: p after Holm's correction over all comparisons of this number in the report.
        better: on how many objects the other is better.
        worse: on how many it is worse.
        equal: on how many they are equal.
    """

    name: str
    value: float
    interval: Interval | None
    p: float
    corrected: float
    better: int
    worse: int
    equal: int


@dataclass(frozen=True)
class Comparison:
    """An entry against the first one of the same objects.

    Args:
        first: the one that others are compared with.
        other: the one that is compared.
        differences: of their numbers, by column name.
    """

    first: Entry
    other: Entry
    differences: Mapping[str, Difference]


@dataclass(frozen=True)
class Report:
    """What is said of runs that are shown together.

    Args:
        entries: in the order of the runs; after them those of each stratum.
        comparisons: of the entries that can be compared.
        by: what strata are made by, None without strata.
    """

    entries: Sequence[Entry]
    comparisons: Sequence[Comparison]
    by: str | None = None

    @property
    def runs(self) -> list[Run]:
        """All runs, each once."""
        return [run for entry in self.entries if entry.stratum is None for run in entry.runs]


def compute_report(runs: Sequence[Run], numbers: Numbers | None = None, by: str | None = None, seed: int = 0) -> Report:
    """Compute numbers, their intervals, and the differences to the first of the runs on the same objects.

    Args:
        runs: the runs; those that differ in the seed alone become one entry.
        numbers: which numbers, by default those that papers of the protocol report.
        by: what to make strata by, see `stratify`.
        seed: of the draws that intervals and tests are computed from.

    Raises:
        UserError: a run has no records, a number is undefined because objects stopped early, or the records do not say
            what strata are to be made by.
    """
    numbers = Numbers() if numbers is None else numbers
    groups = group_repeats(runs)
    strata: list[tuple[str | None, list[tuple[Run, ...]]]] = [(None, groups)]
    if by is not None:
        strata += stratify(groups, by).items()
    entries: list[Entry] = []
    comparisons: list[Comparison] = []
    for stratum, parts in strata:
        found: dict[int, Entry] = {}
        for comparable in group_comparable(parts):
            own, differences = _compare(comparable, numbers, stratum, seed)
            found |= {id(group): entry for group, entry in zip(comparable, own, strict=True)}
            comparisons += differences
        entries += [found[id(group)] for group in parts]
    return Report(entries, _correct(comparisons), by)


def _compare(
    groups: Sequence[tuple[Run, ...]], numbers: Numbers, stratum: str | None, seed: int
) -> tuple[list[Entry], list[Comparison]]:
    """Measure groups of runs that are all of the same objects, and compare the others with the first."""
    order = groups[0][0]
    images = number_images(order)
    owned = [
        (owner, measure)
        for owner, group in enumerate(groups)
        for measure in measure_repeats([sort_like(order, run) for run in group], numbers)
    ]
    pairs = _list_pairs(owned)
    intervals, p_values = _draw([measure for _, measure in owned], pairs, images, seed)
    entries = []
    for place, group in enumerate(groups):
        own = {
            measure.name: Estimate(measure, interval)
            for (owner, measure), interval in zip(owned, intervals, strict=False)
            if owner == place
        }
        entries.append(Entry(group, own, len({*images.tolist()}), stratum))
    comparisons = []
    for place, entry in enumerate(entries[1:], 1):
        differences = {
            owned[other][1].name: _describe_difference(owned[first][1], owned[other][1], interval, p)
            for (first, other), interval, p in zip(pairs, intervals[len(owned) :], p_values, strict=True)
            if owned[other][0] == place
        }
        comparisons.append(Comparison(entries[0], entry, differences))
    return entries, comparisons


def _list_pairs(owned: Sequence[tuple[int, Measure]]) -> list[tuple[int, int]]:
    """List where each number of the first owner stands, and where the same number of another one does."""
    firsts = {measure.name: place for place, (owner, measure) in enumerate(owned) if owner == 0}
    return [
        (firsts[measure.name], place)
        for place, (owner, measure) in enumerate(owned)
        if owner > 0 and measure.name in firsts
    ]


def _draw(
    measures: Sequence[Measure], pairs: Sequence[tuple[int, int]], images: np.ndarray, seed: int
) -> tuple[list[Interval | None], list[float]]:
    """Return the intervals of all measures, then of the differences of pairs, and the p-values of the differences."""
    parts, wholes = (
        sum_by_image(np.stack([getattr(each, kind) for each in measures]), images) for kind in ("parts", "wholes")
    )
    scaled = [*measures, *(measures[first] for first, _ in pairs)]
    enough = parts.shape[1] >= FEWEST_IMAGES
    found = bootstrap(parts, wholes, pairs, seed) if enough else [None] * len(scaled)
    intervals = [
        None if interval is None else interval.scale(measure.scale)
        for interval, measure in zip(found, scaled, strict=True)
    ]
    return intervals, permute(parts, wholes, pairs, seed) if pairs else []


def sort_like(order: Run, run: Run) -> Run:
    """Return a run with its records in the order of another one's, which is of the same objects."""
    return replace(run, records=tuple(run[record.id] for record in order.records))


def number_images(run: Run) -> np.ndarray:
    """Number the images from 0 in order of appearance; int (objects,), the number of each object's image."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(record.path or record.id, len(numbers)) for record in run.records])


def _describe_difference(first: Measure, other: Measure, interval: Interval | None, p: float) -> Difference:
    gain = (other.by_object - first.by_object) * (-1 if first.lower_is_better else 1)
    better, worse = int((gain > 0).sum()), int((gain < 0).sum())
    value = other.value - first.value
    return Difference(first.name, value, interval, p, p, better, worse, len(gain) - better - worse)


def _correct(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Correct the p-values of each number over all comparisons of it."""
    families = defaultdict(list)
    for comparison in comparisons:
        for name, difference in comparison.differences.items():
            families[name].append(difference.p)
    corrected = {name: iter(correct_by_holm(p_values)) for name, p_values in families.items()}
    return [
        replace(
            comparison,
            differences={
                name: replace(difference, corrected=next(corrected[name]))
                for name, difference in comparison.differences.items()
            },
        )
        for comparison in comparisons
    ]
