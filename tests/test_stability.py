"""Stability against records written by hand, and against plain definitions."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iis_core.evaluation.records import ClickRecord, Record
from iis_core.metrics import iou_drops, stability
from iis_core.metrics.stability import STABILITY, Contribution, count_repeated, count_violated, count_violated_later
from iis_core.types import Counts


def record(*percents: int, initial: int = 0, violated: tuple[tuple[int, ...] | None, ...] = ()) -> Record:
    """A record whose IoUs are these percentages."""

    def counts(percent: int) -> Counts:
        return Counts(percent, 0, 100 - percent)

    clicks = tuple(
        ClickRecord(0, 0, True, counts(percent), counts(0), {"model": 0.5, "robot": 0.25}, wrong)
        for percent, wrong in zip(percents, violated or ((),) * len(percents), strict=True)
    )
    return Record("a", 0, "a.png", 1, (300, 400), counts(initial), counts(0), clicks, "max_clicks", 0, 0)


@given(st.lists(st.lists(st.integers(0, 100), max_size=8), min_size=1, max_size=5))
def test_numbers_agree_with_their_definitions(objects: list[list[int]]) -> None:
    drops, losses, turns, could_turn, regrets = [], [], 0, 0, []
    for percents in objects:
        states = [0, *percents]
        drops += [b < a for a, b in itertools.pairwise(states)]
        losses += [(a - b) / 100 for a, b in itertools.pairwise(states) if b < a]
        ways = [b > a for a, b in itertools.pairwise(states) if b != a]
        turns += sum(a != b for a, b in itertools.pairwise(ways))
        could_turn += max(0, len(ways) - 1)
        regrets += [(max(states[: k + 1]) - states[k]) / 100 for k in range(1, len(states))]

    def mean(values: list[float]) -> float:
        return sum(values) / len(values) if values else 0

    found = stability([record(*percents) for percents in objects])
    assert found["drops"] == pytest.approx(mean(drops)) == iou_drops([record(*percents) for percents in objects])
    assert found["drop depth"] == pytest.approx(mean(losses))
    assert found["turns"] == pytest.approx(turns / could_turn if could_turn else 0)
    assert found["regret"] == pytest.approx(mean(regrets))


def test_drops_are_compared_exactly() -> None:
    almost = replace(record(50), initial=Counts(500_000_001, 0, 499_999_999))
    assert stability([almost])["drops"] == 1
    assert stability([replace(almost, initial=Counts(500_000_000, 0, 500_000_000))])["drops"] == 0
    empty = replace(record(50), initial=Counts(0, 0, 0))
    assert stability([empty])["drops"] == 1


def test_a_click_is_violated_by_its_own_answer_or_by_a_later_one() -> None:
    changing = record(50, 60, 70, violated=((1,), (), (1, 2)))
    assert count_violated(changing) == Contribution(1, 3)
    assert count_violated_later(changing) == Contribution(1, 3)


def test_records_that_do_not_say_what_is_violated_leave_it_open() -> None:
    old = record(50, 60, violated=(None, None))
    assert count_violated(old) is count_violated_later(old) is None
    found = stability([record(50), old])
    assert found["violated"] is found["violated later"] is None
    assert found["drops"] == 0


def test_a_click_is_repeated_where_one_of_its_sign_was_near() -> None:
    """The diagonal has 500 pixels: the same place is within 5."""

    def clicks(*places: tuple[int, int, bool]) -> Record:
        made = record(*[50] * len(places))
        moved = [
            replace(click, row=row, col=col, positive=positive)
            for click, (row, col, positive) in zip(made.clicks, places, strict=True)
        ]
        return replace(made, clicks=tuple(moved))

    assert count_repeated(clicks((10, 10, True), (13, 14, True))) == Contribution(1, 2)
    assert count_repeated(clicks((10, 10, True), (14, 14, True))) == Contribution(0, 2)
    assert count_repeated(clicks((10, 10, True), (10, 10, False))) == Contribution(0, 2)
    assert count_repeated(clicks((10, 10, True), (99, 99, True), (10, 11, True), (11, 11, True))) == Contribution(2, 4)


def test_an_object_without_clicks_has_nothing_to_divide_by() -> None:
    assert stability([record()]) == dict.fromkeys(STABILITY, 0)
