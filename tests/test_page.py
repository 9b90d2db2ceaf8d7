"""The page of a report: what is in it, and that nothing of a run is taken for markup."""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_runs import run

from iis_core import Run, UserError
from iis_core.metrics import mean_boundary_iou_at, mean_iou_at, share_reached
from iis_core.report.estimates import compute_report
from iis_core.report.page.bands import estimate_curves
from iis_core.report.page.content import compute_content
from iis_core.report.page.latency import measure_latency

NASTY = "</script><img src=x onerror=alert(1)>&\"'{{ 7*7 }}"


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run without a stop."""
    return run(tmp_path_factory.mktemp("endless") / "run", overrides={"stop_iou": None, "max_clicks": 5})


@pytest.fixture(scope="module")
def stopping(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("stopping") / "run", model_keywords={"shrink": 0.7})


def read_data(page: str) -> Any:
    (data,) = re.findall(r'<script type="application/json" id="content">(.*?)</script>', page, re.DOTALL)
    return json.loads(data)


def find_chart(content: dict[str, Any], title: str) -> Any:
    return next(chart for chart in content["charts"] if chart["title"] == title)


def test_curves_are_the_means_of_metrics_with_intervals_around_them(endless: Run) -> None:
    (entry,) = compute_report([endless]).entries
    curves = estimate_curves(entry, 0.9)
    records, protocol = endless.records, endless.protocol
    expected = {
        "success": share_reached(records, 0.9, protocol),
        "iou": [mean_iou_at(records, k, protocol) for k in range(1, 6)],
        "boundary": [mean_boundary_iou_at(records, k, protocol) for k in range(1, 6)],
    }
    for name, means in expected.items():
        np.testing.assert_allclose([point.mean for point in curves[name]], means)
        assert all(point.low <= point.mean <= point.high for point in curves[name])
    assert [point.clicks for point in curves["iou"]] == [1, 2, 3, 4, 5]
    assert any(point.low < point.high for point in curves["iou"])


def test_curves_of_seeds_are_averaged(endless: Run) -> None:
    worse = replace(endless, records=tuple(replace(record, clicks=record.clicks[:1]) for record in endless.records))
    both = replace(compute_report([endless]).entries[0], runs=(endless, worse))
    alone = [estimate_curves(replace(both, runs=(each,)), 0.9)["iou"][-1].mean for each in both.runs]
    assert estimate_curves(both, 0.9)["iou"][-1].mean == pytest.approx(sum(alone) / 2)


def test_what_an_early_stop_leaves_undefined_is_named_and_not_drawn(endless: Run, stopping: Run) -> None:
    content = compute_content(compute_report([endless, stopping]))
    chart = find_chart(content, "Mean IoU")
    assert {row["run"] for row in chart["rows"]} == {"A toy/disks"}
    assert "not of B toy/disks: evaluate with --stop-iou none" in chart["text"]
    alone = find_chart(compute_content(compute_report([stopping])), "Mean IoU")
    assert (alone["spec"], alone["rows"]) == (None, [])


def test_the_histogram_adds_up_to_all_objects(endless: Run, stopping: Run) -> None:
    rows = find_chart(compute_content(compute_report([endless, stopping])), "Clicks to IoU 0.9")["rows"]
    for name in ("A toy/disks", "B toy/disks"):
        assert sum(row["share"] for row in rows if row["run"] == name) == pytest.approx(1)


def test_latency_tells_first_clicks_from_later_ones_and_counts_an_image_once(endless: Run) -> None:
    (first, *_), seconds = endless.records, {"model": 0.002, "robot": 0.003}
    clicks = [
        replace(click, seconds={**seconds, **({} if number else {"initialize": 0.5})})
        for number, click in enumerate(first.clicks)
    ]
    records = [
        replace(first, id=str(place), clicks=tuple(clicks), encoding=encoding, reading=0.01)
        for place, encoding in enumerate((0.04, 0.0))
    ]
    latency = measure_latency(records)
    assert {stage: round(each.p50, 6) for stage, each in latency.items()} == {
        "reading": 10,
        "encode": 40,
        "first click": 502,
        "later clicks": 2,
        "robot": 3,
    }
    assert "encode" not in measure_latency([replace(first, encoding=0.0)])


def test_the_page_is_one_file_that_can_load_nothing(tmp_path: Path, iis: Callable, endless: Run) -> None:
    pytest.importorskip("vl_convert")
    result = iis("report", endless.path, "--html", tmp_path / "page.html")
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "page.html").read_text()
    assert "default-src 'none'; script-src 'sha256-" in html.unescape(page)
    markup = re.sub(r"(<script[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)
    assert not re.search(r"<(?:link|iframe)|<[^>]* src=", markup)
    assert len(page) < 2_000_000


def test_what_runs_say_is_text(tmp_path: Path, endless: Run) -> None:
    pytest.importorskip("vl_convert")
    from iis_core.report.page.writing import render_page

    settings = {**endless.settings, "model": {**endless.settings["model"], "name": NASTY}}
    content = compute_content(compute_report([replace(endless, settings=settings)]))
    page = render_page(content)
    assert NASTY not in page
    assert "<img src=x" not in page
    assert read_data(page) == json.loads(json.dumps(content))
    assert content["runs"][0]["name"] == f"A {NASTY}"


@pytest.mark.parametrize("library", ["jinja2", "vl_convert"])
def test_a_missing_library_is_named(library: str, endless: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from iis_core.report.page.writing import render_page

    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=r"pip install 'iis-core\[page\]'"):
        render_page({})


def test_the_page_is_not_written_over_a_file_of_a_run(iis: Callable, endless: Run) -> None:
    assert endless.path is not None
    result = iis("report", endless.path, "--html", endless.path / "run.json")
    assert (result.returncode, "which would be lost" in result.stderr) == (2, True)
