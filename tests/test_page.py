"""The page of a report: what is in it, and that nothing of a run is taken for markup."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from toy_runs import run

from iis_core import Run, UserError, load_dataset, read_run
from iis_core.datasets import EvaluationObject
from iis_core.evaluation.records import Record
from iis_core.evaluation.replay import Replay
from iis_core.metrics import count, iou, mean_boundary_iou_at, mean_iou_at, share_reached
from iis_core.report.estimates import compute_report
from iis_core.report.page.bands import estimate_curves
from iis_core.report.page.content import compute_content
from iis_core.report.page.latency import measure_latency
from iis_core.report.page.objects import SHOWN, choose_galleries
from iis_core.report.page.pictures import encode_mask, trace
from iis_core.report.page.writing import render_page, write_page
from iis_core.types import Counts

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
    settings = {**endless.settings, "model": {**endless.settings["model"], "name": NASTY}}
    content = compute_content(compute_report([replace(endless, settings=settings)]))
    page = render_page(content)
    assert NASTY not in page
    assert "<img src=x" not in page
    assert read_data(page) == json.loads(json.dumps(content))
    assert content["runs"][0]["name"] == f"A {NASTY}"


@pytest.mark.parametrize("library", ["jinja2", "vl_convert"])
def test_a_missing_library_is_named(
    library: str, endless: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=r"pip install 'iis-core\[page\]'"):
        write_page(compute_report([endless]), tmp_path / "page.html")


def test_the_page_is_not_written_over_a_file_of_a_run(iis: Callable, endless: Run) -> None:
    assert endless.path is not None
    result = iis("report", endless.path, "--html", endless.path / "run.json")
    assert (result.returncode, "which would be lost" in result.stderr) == (2, True)


def write_disks(folder: Path, shrink: float) -> Run:
    return run(folder, overrides={"stop_iou": None, "max_clicks": 5}, model_keywords={"shrink": shrink})


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is in the page of two runs."""
    folder = tmp_path_factory.mktemp("compared")
    return compute_content(compute_report([write_disks(folder / f"{shrink}", shrink) for shrink in (0.8, 0.6)]))


def decode(uri: str) -> np.ndarray:
    """The opacity and the colours of an image, uint8 (H, W, 4)."""
    return np.array(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGBA"))


def test_every_run_shows_its_masks_after_every_click(compared: dict[str, Any]) -> None:
    data = load_dataset("toy/shapes")
    shown = [each for each in compared["objects"] if "picture" in each]
    assert shown
    for described in shown:
        sample = data[int(described["path"].removeprefix("shape").removesuffix(".png"))]
        target = sample.masks[:, :, 0]
        number = int(described["id"].partition("#")[2] or 1)
        for each in described["runs"].values():
            masks = [decode(uri)[:, :, 3] > 0 for uri in each["masks"]]
            assert len(masks) == len(each["ious"]) == len(each["clicks"]) + 1
            assert masks[0].shape == target.shape, "the objects are large, so that the whole image is shown"
            counts = [count(mask, np.where(target == -1, -1, target == number).astype(np.int8)) for mask in masks]
            assert [round(iou(found), 4) for found in counts] == each["ious"]
            assert each["differs_at"] is None


def test_galleries_are_what_they_say(compared: dict[str, Any]) -> None:
    titles = [gallery["title"] for gallery in compared["galleries"]]
    assert titles[:2] == ["Worst of A toy/disks", "Worst of B toy/disks"]
    items = compared["galleries"][0]["items"]
    last = [float(item["caption"].rpartition(" ")[2]) for item in items if "NoC 5" in item["caption"]]
    assert len(last) > 1
    assert last == sorted(last)
    for item in items:
        ious = compared["objects"][item["object"]]["runs"]["A toy/disks"]["ious"]
        assert item["caption"].endswith(f"last IoU {ious[-1]:.3f}")


def test_galleries_have_so_many_objects_at_most(endless: Run) -> None:
    many = [
        replace(record, id=f"{record.id}-{copy}", path=f"{copy}") for copy in range(20) for record in endless.records
    ]
    large = replace(endless, ids=tuple(record.id for record in many), records=tuple(many))
    (entry,) = compute_report([large]).entries
    for entries in (1, 3, 50):
        groups = [{f"{place}": entry} for place in range(entries)]
        galleries = choose_galleries(groups, 0.9)
        assert 0 < sum(len(gallery.captions) for gallery in galleries) <= SHOWN


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (40, 30), (700, 900)])
def test_any_mask_is_encoded_and_traced(size: tuple[int, int]) -> None:
    mask = (np.random.default_rng(0).random(size) > 0.5).astype(np.uint8)
    decoded = decode(encode_mask(mask))
    np.testing.assert_array_equal(decoded[:, :, 3] > 0, mask == 1)
    assert trace(np.zeros(size, np.uint8)) == ""
    assert trace(np.ones(size, np.uint8)).startswith("M0.5,0.5")


def test_without_the_files_of_a_dataset_there_is_no_gallery(endless: Run) -> None:
    settings = {**endless.settings, "dataset": {**endless.settings["dataset"], "name": "toy/elsewhere"}}
    content = compute_content(compute_report([replace(endless, settings=settings)]))
    assert content["galleries"] == []
    assert "no masks of A toy/disks: " in content["missing"][0]
    assert not [each for each in content["objects"] if "picture" in each]
    assert len(content["objects"]) == len(endless.records)


def test_masks_that_are_not_those_of_the_run_are_marked(endless: Run) -> None:
    settings = {**endless.settings, "model": {**endless.settings["model"], "keywords": {"shrink": 0.5}}}
    content = compute_content(compute_report([replace(endless, settings=settings)]))
    differing = [each["runs"]["A toy/disks"]["differs_at"] for each in content["objects"] if "picture" in each]
    assert set(differing) - {None}


def test_a_replay_has_no_noc_to_show(endless: Run, tmp_path: Path, iis: Callable) -> None:
    result = iis("replay", endless.path, "--model", "toy/disks", "--set", "shrink=0.5", "--out", tmp_path / "replayed")
    assert result.returncode == 0, result.stderr
    content = compute_content(compute_report([read_run(tmp_path / "replayed")]))
    assert find_chart(content, "Clicks to IoU 0.9")["spec"] is None
    assert content["galleries"][0]["items"][0]["caption"].startswith("last IoU")


@pytest.mark.slow
def test_500_objects_of_which_40_are_shown_stay_below_10_mb(endless: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("vl_convert")
    first, *_ = endless.records
    click = replace(first.clicks[-1], counts=Counts(700, 300, 300))
    long = replace(first, shape=(427, 640), clicks=(click,) * 20, end="max_clicks")
    rng = np.random.default_rng(0)
    records = [
        replace(long, id=f"{place:012}", path=f"{place:012}.jpg", initial=Counts(0, int(rng.integers(99)), 1000))
        for place in range(500)
    ]
    protocol = {**endless.settings["protocol"], "max_clicks": 20}
    runs = [
        replace(
            endless,
            settings={**endless.settings, "protocol": protocol, "model": {"name": f"toy/{name}", "keywords": {}}},
            ids=tuple(record.id for record in records),
            records=tuple(records[::order]),
        )
        for name, order in (("a", 1), ("b", -1))
    ]
    monkeypatch.setattr("iis_core.evaluation.click_masks.masks_after_clicks", make_photographs)
    content = compute_content(compute_report(runs))
    assert len([each for each in content["objects"] if "picture" in each]) == SHOWN
    assert 3_000_000 < len(render_page(content).encode()) < 10_000_000


def make_photographs(run: Run, records: Sequence[Record]) -> Iterator[Replay]:
    """Objects with as much detail as photographs have, and with ragged masks."""
    rng = np.random.default_rng(0)

    def blur(record: Record, step: int, *channels: int) -> np.ndarray:
        height, width = record.shape
        noise = rng.normal(0, 1, (height // step, width // step, *channels)).astype(np.float32)
        return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)

    for record in records:
        image = np.clip(128 + 60 * blur(record, 60, 3) + 20 * blur(record, 2, 3), 0, 255).astype(np.uint8)
        masks = tuple(blur(record, 30) > 0 for _ in range(21))
        evaluated = EvaluationObject(record.id, record.index, record.path, None, image, masks[0].astype(np.int8), None)
        yield Replay(evaluated, record, record, masks)
