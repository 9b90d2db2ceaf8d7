"""The report: nothing is cut, nothing is taken for markup, and what differs between runs is said."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toy_parts import DisksModel
from toy_runs import run

from iis_core import Run, evaluate
from iis_core.metrics import mean_iou_at
from iis_core.report.differences import compare_runs, list_differing_settings
from iis_core.report.estimates import compute_report
from iis_core.report.table import compute_row, compute_rows


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("finished") / "run")


def changed(run: Run, **settings: Any) -> Run:
    """The run with other settings; a dict changes a part of them."""
    parts = {key: {**(run.settings[key] or {}), **value} for key, value in settings.items() if isinstance(value, dict)}
    return replace(run, settings={**run.settings, **settings, **parts})


@pytest.mark.parametrize("name", ["x[/y]", "[bold]x", "[link=a]x[/link]", "\\[x", ":smile:"])
def test_a_name_is_no_markup(tmp_path: Path, iis: Callable, name: str) -> None:
    folder = tmp_path / name
    result = evaluate_as(iis, folder, "--limit", 2)
    assert f"{folder} " in result.stdout
    assert f"{folder}: a part of the dataset" in result.stdout
    assert result.stdout == iis("report", folder).stdout


def evaluate_as(iis: Callable, folder: Path, *options: object) -> Any:
    result = iis("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--out", folder, *options)
    assert result.returncode == 0, result.stderr
    return result


def test_the_name_of_a_model_is_no_markup(tmp_path: Path, iis: Callable) -> None:
    model = DisksModel()
    model.name = "mine[/red]"  # type: ignore[attr-defined]
    folder = evaluate(model, "toy/shapes", out=tmp_path / "run", limit=1).path
    assert "mine[/red]" in iis("report", folder).stdout


def test_what_cannot_be_printed_is_escaped(tmp_path: Path, iis: Callable) -> None:
    folder = tmp_path / "two\nlines\x1b[31m\udce9"
    result = evaluate_as(iis, folder, "--limit", 1)
    assert "\x1b" not in result.stdout
    assert r"two\nlines\x1b[31m\udce9" in result.stdout


@pytest.mark.parametrize("columns", [20, 80, 200])
def test_a_pipe_gets_whole_paths(tmp_path: Path, iis: Callable, columns: int) -> None:
    folders = [tmp_path / "long" / (letter * 60) for letter in "ab"]
    for folder in folders:
        evaluate_as(iis, folder, "--limit", 1)
    shown = iis("report", *folders, "--timings", COLUMNS=str(columns)).stdout
    for folder in folders:
        assert shown.count(f"│ {folder} ") == 2
    assert "…" not in shown


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1"}], ids=["pipe", "terminal"])
def test_numbers_of_many_runs_are_never_cut(tmp_path: Path, iis: Callable, environment: dict[str, str]) -> None:
    folders = [tmp_path / f"run{number}" for number in range(14)]
    for number, folder in enumerate(folders):
        evaluate_as(iis, folder, "--set", f"shrink={0.6 + 0.02 * number:.2f}", "--limit", 3)
    shown = iis("report", *folders, COLUMNS="80", **environment).stdout
    rows = json.loads(iis("report", *folders, "--json").stdout)
    for row in rows:
        for key in ("NoC@85", "NoC@90", "drops"):
            assert re.search(rf"[│ ]{row[key]:.4f} │" if row[key] < 1 else rf" {row[key]:.2f} │", shown)
    assert "…" not in shown


def test_runs_that_do_not_fit_side_by_side_are_rows(tmp_path: Path, iis: Callable, finished: Run) -> None:
    wide = iis("report", *[finished.path] * 3, COLUMNS="1000").stdout
    narrow = iis("report", *[finished.path] * 6, COLUMNS="80").stdout
    (table, *_) = wide.split("├")
    assert sum(str(finished.path) in line for line in table.splitlines()) == 1
    assert sum(line.startswith(f"│ {finished.path} ") for line in narrow.splitlines()) == 6


def test_keywords_that_differ_are_shown_and_no_others(tmp_path: Path, iis: Callable, finished: Run) -> None:
    evaluate_as(iis, tmp_path / "other", "--set", "shrink=0.7", "--seed", 3)
    both = finished.path, tmp_path / "other"
    rows = json.loads(iis("report", *both, "--json").stdout)
    assert [row["model.shrink"] for row in rows] == [0.8, 0.7]
    assert [row["seed"] for row in rows] == [0, 3]
    others = set(rows[0]) - set(compute_row(finished))
    assert {name for name in others if not name.endswith((" low", " high"))} == {"model.shrink", "seed", "notes"}
    assert "model.shrink" in iis("report", *both).stdout
    first, _ = csv.DictReader(io.StringIO(iis("report", *both, "--csv").stdout))
    assert list(first)[4:8] == ["objects", "model.shrink", "seed", "NoC@85"]
    assert list_differing_settings([finished]) == [{}]


def test_settings_of_every_kind_can_differ(finished: Run) -> None:
    other = changed(
        finished,
        versions={"torch": "1.0"},
        model={"version": "9"},
        dataset={"keywords": {"count": 3}},
        weights_sha256="0123456789abcdef",
        batch_size=4,
        identity={"epoch": 7},
    )
    _, shown = list_differing_settings([finished, other])
    assert shown == {
        "model.version": "9",
        "dataset.count": 3,
        "identity.epoch": 7,
        "weights_sha256": "0123456789ab",
        "batch_size": 4,
        "versions.torch": "1.0",
    }


def test_keywords_of_different_models_are_not_compared(finished: Run) -> None:
    other = changed(finished, model={"name": "toy/others", "keywords": {"radius": 3}}, weights_sha256="00")
    assert list_differing_settings([finished, other]) == [{}, {}]
    third = changed(other, model={"keywords": {"radius": 5}})
    assert list_differing_settings([finished, other, third]) == [
        {"model.radius": None},
        {"model.radius": 3},
        {"model.radius": 5},
    ]


def test_timings_are_given_on_request(iis: Callable, finished: Run) -> None:
    assert "s/click" not in iis("report", finished.path).stdout
    assert "s/click" not in iis("report", finished.path, "--json").stdout
    shown = iis("report", finished.path, "--timings").stdout
    assert shown.index("drops") < shown.index("model s/click") < shown.index("reading s/object p95")
    (row,) = json.loads(iis("report", finished.path, "--timings", "--json").stdout)
    assert row["robot s/click"] > 0


def test_drops_under_different_stop_rules_are_marked(tmp_path: Path, iis: Callable, finished: Run) -> None:
    evaluate_as(iis, tmp_path / "other", "--stop-iou", "none")
    alone = iis("report", finished.path, finished.path).stdout
    together = iis("report", finished.path, tmp_path / "other").stdout
    assert "†" not in alone
    number = r"[\d.]+ \[[\d.]+, [\d.]+\] †"
    assert re.search(rf"drops +│ {number} +│ {number} +│", together)
    assert "† drops are shares of different clicks, for the stop rules differ" in together
    assert f"{finished.path}: stop at IoU 0.9, at most 20 clicks" in together
    assert f"{tmp_path / 'other'}: no stop, at most 20 clicks" in together
    row, _ = json.loads(iis("report", finished.path, tmp_path / "other", "--json").stdout)
    assert any(note.startswith("drops are shares") for note in row["notes"])
    assert isinstance(row["drops"], float)


def test_a_run_that_never_stops_has_what_the_papers_of_its_protocol_report() -> None:
    rules = {"stop_iou": None}
    whole = run(None, protocol="segnext", overrides=rules, limit=2)
    row = compute_row(whole)
    assert {"NoC@90", "NoC@95", ">=20@95", "never@95", "mIoU@5"} <= row.keys()
    assert row["mIoU@5"] == compute_row(whole, ious_at=[5])["mIoU@5"] == mean_iou_at(whole.records, 5, whole.protocol)
    assert "mIoU@5" not in compute_row(whole, ious_at=[3])
    stopped = compute_row(run(None, protocol="segnext", limit=2))
    assert ">=20@95" in stopped
    assert "mIoU@5" not in stopped
    assert "mIoU@5" not in compute_row(run(None, overrides=rules, limit=2))


def test_runs_of_different_objects_are_noted(tmp_path: Path, finished: Run) -> None:
    part = run(tmp_path / "run", limit=2)
    missing = f"{part.name} has no record of 6 of the objects, the first is 'shape1'"
    assert compare_runs([finished, part]) == [f"{part.name} is not compared with {finished.name}: {missing}"]
    assert compare_runs([finished, finished]) == []


def test_rows_of_several_runs_have_the_same_columns_for_what_differs(finished: Run) -> None:
    rows = compute_rows(compute_report([finished, changed(finished, batch_size=2)]), timings=True)
    assert [row["batch_size"] for row in rows] == [1, 2]
    assert list(rows[0])[-1] == "reading s/object p95"
