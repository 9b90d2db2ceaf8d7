"""Metrics against plain definitions, and what is undefined."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from toy_runs import run

from iis_core import UserError, load_protocol
from iis_core.evaluation.records import ClickRecord, Record
from iis_core.metrics import (
    area_under_curve,
    boundary_counts,
    boundary_width,
    count,
    dice,
    failures,
    iou,
    iou_drops,
    mean_boundary_iou_at,
    mean_iou_at,
    mean_iou_over_clicks,
    mean_noc,
    never_reached,
    noc,
    precision,
    recall,
    seconds_per_click,
    usual_clicks,
    usual_thresholds,
)
from iis_core.metrics.ratios import iou_reaches
from iis_core.types import Counts

pairs = st.tuples(st.integers(1, 20), st.integers(1, 20)).flatmap(
    lambda shape: st.tuples(
        arrays(bool, shape, elements=st.booleans()),
        arrays(np.int8, shape, elements=st.sampled_from([-1, 0, 1])),
    )
)


@given(pairs)
def test_mask_metrics_agree_with_their_definitions(pair: tuple[np.ndarray, np.ndarray]) -> None:
    prediction, target = pair
    counts = count(prediction, target)
    own, true = prediction[target >= 0], target[target >= 0] == 1
    both = (own & true).sum()
    for ratio, part, whole in [
        (iou, both, (own | true).sum()),
        (dice, 2 * both, own.sum() + true.sum()),
        (precision, both, own.sum()),
        (recall, both, true.sum()),
    ]:
        assert ratio(counts) == (part / whole if whole else 1)


@given(pairs, st.integers(1, 4))
def test_boundary_counts_agree_with_their_definition(pair: tuple[np.ndarray, np.ndarray], width: int) -> None:
    prediction, target = pair
    square = np.ones((2 * width + 1,) * 2)
    certain = prediction & (target != -1)
    own, true = (mask & ~ndimage.binary_erosion(mask, square) for mask in (certain, target == 1))
    assert boundary_counts(prediction, target, width) == (
        (own & true).sum(),
        (own & ~true).sum(),
        (true & ~own).sum(),
    )


@given(pairs)
def test_what_is_predicted_in_ignored_pixels_changes_nothing(pair: tuple[np.ndarray, np.ndarray]) -> None:
    prediction, target = pair
    other = prediction ^ (target == -1)
    assert count(prediction, target) == count(other, target)
    assert boundary_counts(prediction, target, 2) == boundary_counts(other, target, 2)


def test_boundary_width_is_a_fiftieth_of_the_diagonal() -> None:
    assert boundary_width((480, 640)) == 16
    assert boundary_width((1, 1)) == 1


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.sampled_from([0.5, 0.8, 0.85, 0.9, 0.95, 1.0]))
def test_iou_is_compared_exactly(part: int, rest: int, threshold: float) -> None:
    assert iou_reaches(part, part + rest, threshold) == (Fraction(part, part + rest) >= Fraction(str(threshold)))


def test_nine_tenths_reach_nine_tenths_and_two_empty_masks_reach_everything() -> None:
    assert iou_reaches(9, 10, 0.9)
    assert not iou_reaches(899_999_999, 1_000_000_000, 0.9)
    assert iou_reaches(0, 0, 1.0)


def record(*percents: int, end: str = "max_clicks", initial: int = 0) -> Record:
    """A record whose IoUs are these percentages."""

    def counts(percent: int) -> Counts:
        return Counts(percent, 0, 100 - percent)

    clicks = tuple(
        ClickRecord(0, 0, True, counts(p), counts(p // 2), {"model": 0.5, "robot": 0.25, "initialize": 0.1})
        for p in percents
    )
    return Record("a", 0, "a.png", 1, (10, 10), counts(initial), counts(initial), clicks, end, 2.0, 0.4)  # type: ignore[arg-type]


FOUR = load_protocol("ritm", max_clicks=4, stop_iou=None)


def test_noc_is_the_first_click_that_reaches_or_the_limit() -> None:
    assert noc(record(10, 85, 84, 90), 0.85, FOUR) == 2
    assert noc(record(10, 20, 30, 40), 0.85, FOUR) == 4
    assert noc(record(end="no_click", initial=100), 0.85, FOUR) == 0
    assert mean_noc([record(10, 85, 84, 90), record(10, 20, 30, 40)], 0.85, FOUR) == 3


def test_failures_count_a_success_at_the_last_click_and_never_reached_does_not() -> None:
    records = [record(10, 20, 30, 90), record(10, 20, 30, 40), record(90, 90, 90, 90)]
    assert failures(records, 0.9, FOUR) == 2
    assert never_reached(records, 0.9, FOUR) == 1


def test_mean_iou_at_and_area_under_the_curve() -> None:
    records = [record(0, 50, 100, 100), record(100, 100, 100, 100)]
    assert mean_iou_at(records, 2, FOUR) == 0.75
    assert mean_boundary_iou_at(records, 2, FOUR) == 0.375
    assert area_under_curve(records, FOUR) == pytest.approx((0.5 + 2 * 0.75 + 2 * 1 + 1) / 6)
    assert mean_iou_over_clicks(records, FOUR) == pytest.approx((0.5 + 0.75 + 1 + 1) / 4)


def test_after_the_last_error_the_iou_holds() -> None:
    assert mean_iou_at([record(50, 100, end="no_click")], 4, FOUR) == 1


def test_what_an_early_stop_leaves_undefined_is_an_error_with_the_remedy() -> None:
    stopping = load_protocol("ritm")
    stopped = [record(50, 90, end="stop_iou")]
    assert mean_noc(stopped, 0.9, stopping) == 2
    assert mean_iou_at(stopped, 2, stopping) == 0.9
    for undefined in (
        lambda: mean_iou_at(stopped, 3, stopping),
        lambda: area_under_curve(stopped, stopping),
        lambda: mean_iou_over_clicks(stopped, stopping),
        lambda: mean_noc(stopped, 0.95, stopping),
        lambda: failures(stopped, 0.95, stopping),
        lambda: never_reached(stopped, 0.95, stopping),
    ):
        with pytest.raises(UserError, match="--stop-iou none"):
            undefined()


@pytest.mark.parametrize("threshold", [0, 95, -0.5, float("nan"), float("inf"), "0.9"])
def test_an_iou_that_is_none_is_refused(threshold: float) -> None:
    with pytest.raises(UserError, match=r"must be an IoU above 0 and at most 1, e\.g\. 0\.9"):
        mean_noc([record(50)], threshold, FOUR)


@pytest.mark.parametrize("k", [0, 5])
def test_iou_at_a_click_that_the_protocol_does_not_have_is_an_error(k: int) -> None:
    with pytest.raises(UserError, match="1 to 4 clicks"):
        mean_iou_at([record(1, 2, 3, 4)], k, FOUR)


def test_drops_are_counted_from_the_first_prediction_on() -> None:
    assert iou_drops([record(50, 40, 60, 60)]) == 1 / 4
    assert iou_drops([record(50, initial=70)]) == 1


def test_seconds_are_kept_apart() -> None:
    seconds = seconds_per_click([record(50, 60)])
    assert seconds["model"]["mean"] == pytest.approx(0.6 + 0.4 / 2)
    assert seconds["robot"]["p95"] == 0.25
    assert seconds["reading"]["p50"] == 2


def test_a_record_survives_its_line() -> None:
    finished = run(None)
    places = {name: index for index, name in enumerate(finished.ids)}
    for record in finished.records:
        line = record.to_json()
        read = Record.from_json(line, places, finished.protocol)
        assert read is not None
        assert read.to_json() == line
        assert (read.index, read.clicks[-1].counts) == (record.index, record.clicks[-1].counts)
        assert Record.from_json(line, {}, finished.protocol) is None


@pytest.mark.parametrize(
    ("name", "rules", "expected"),
    [
        ("ritm", {}, [0.85, 0.9]),
        ("gto99", {}, [0.85, 0.9]),
        ("sam", {}, [0.85, 0.9, 0.95]),
        ("segnext", {}, [0.85, 0.9, 0.95]),
        ("segnext", {"stop_iou": 0.9}, [0.85, 0.9]),
        ("ritm", {"stop_iou": None}, [0.85, 0.9]),
    ],
)
def test_the_usual_thresholds_are_the_protocols(name: str, rules: dict[str, object], expected: list[float]) -> None:
    assert usual_thresholds(load_protocol(name, **rules)) == expected


@pytest.mark.parametrize(
    ("name", "rules", "expected"),
    [
        ("segnext", {"stop_iou": None}, [5]),
        ("segnext", {}, []),
        ("segnext", {"stop_iou": None, "max_clicks": 4}, []),
        ("sam", {}, []),
    ],
)
def test_the_usual_clicks_are_the_protocols_where_nothing_stops(
    name: str, rules: dict[str, object], expected: list[int]
) -> None:
    assert usual_clicks(load_protocol(name, **rules)) == expected
