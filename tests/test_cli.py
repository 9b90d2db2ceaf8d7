"""The command line: what it prints, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from toy_runs import toy_environment, wait_for

Iis = Callable[..., subprocess.CompletedProcess[str]]
TOY = Path(__file__).parent / "toy"
ARGUMENTS = ("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes")


@pytest.fixture
def finished(iis: Iis, tmp_path: Path) -> Path:
    result = iis(*ARGUMENTS, "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    return tmp_path / "run"


def test_evaluate_prints_the_table_that_report_prints(iis: Iis, tmp_path: Path) -> None:
    result = iis(*ARGUMENTS, "--out", tmp_path / "run")
    assert result.returncode == 0
    assert "NoC@85" in result.stdout
    assert result.stdout == iis("report", tmp_path / "run").stdout
    assert "8/8" in result.stderr


def test_report_as_json_and_csv_hold_the_same_numbers(iis: Iis, finished: Path) -> None:
    (as_json,) = json.loads(iis("report", finished, "--json").stdout)
    (as_csv,) = csv.DictReader(io.StringIO(iis("report", finished, "--csv").stdout))
    assert as_json["protocol"] == "ritm"
    assert as_json["objects"] == 8
    assert float(as_csv["NoC@90"]) == as_json["NoC@90"]
    assert 1 <= as_json["NoC@85"] <= as_json["NoC@90"] <= 20


def test_several_runs_stand_side_by_side_and_departures_are_named(iis: Iis, finished: Path, tmp_path: Path) -> None:
    assert iis(*ARGUMENTS, "--out", tmp_path / "other", "--max-clicks", 3).returncode == 0
    rows = json.loads(iis("report", finished, tmp_path / "other", "--json").stdout)
    assert [row["protocol"] for row in rows] == ["ritm", "ritm*"]
    assert rows[1]["notes"][0] == "ritm*: max_clicks is 3 instead of 20"
    assert "max_clicks is 3 instead of 20" in iis("report", finished, tmp_path / "other").stdout
    (columns, *_) = csv.reader(io.StringIO(iis("report", finished, tmp_path / "other", "--csv").stdout))
    assert columns.index("NoC@90") < columns.index(">=3@85") < columns.index(">=20@85") < columns.index("drops")


def test_what_an_early_stop_leaves_undefined_names_the_remedy(iis: Iis, finished: Path, tmp_path: Path) -> None:
    result = iis("report", finished, "--auc")
    assert result.returncode == 2
    assert "--stop-iou none" in result.stderr
    assert iis(*ARGUMENTS, "--out", tmp_path / "all", "--stop-iou", "none").returncode == 0
    (row,) = json.loads(iis("report", tmp_path / "all", "--auc", "--iou-at", 20, "--noc", 0.95, "--json").stdout)
    assert 0 < row["AuC"] <= row["mIoU@20"] <= 1
    assert row["NoC@95"] >= 1


def test_a_part_of_the_dataset_is_noted(iis: Iis, tmp_path: Path) -> None:
    result = iis(*ARGUMENTS, "--out", tmp_path / "run", "--ids", "shape1,shape2,shape4", "--limit", 2)
    assert result.returncode == 0
    assert "a part of the dataset: 2 of 8 objects" in result.stdout


def test_an_early_stop_below_the_usual_thresholds_reports_what_is_defined(iis: Iis, tmp_path: Path) -> None:
    result = iis(*ARGUMENTS, "--out", tmp_path / "run", "--stop-iou", 0.86)
    assert result.returncode == 0
    assert "NoC@85" in result.stdout
    assert "NoC@90" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*ARGUMENTS, "--model", "toy/disk"), "did you mean 'toy/disks'"),
        ((*ARGUMENTS, "--dataset", "toy/shape"), "did you mean 'toy/shapes'"),
        ((*ARGUMENTS, "--set", "shrnk=1"), "did you mean 'shrink'"),
        ((*ARGUMENTS, "--set", "shrink"), "--set takes KEY=VALUE"),
        ((*ARGUMENTS, "--stop-iou", "no"), "a number or none"),
        ((*ARGUMENTS, "--protocol", "core/rtim"), "did you mean 'core/ritm'"),
        (("report", "nowhere"), "is not a run folder"),
        (("list", "model"), "is not one of"),
        (("show", "toy/disc"), "did you mean 'toy/disks'"),
        (("check", "nothing"), "nothing"),
        (("evaluat",), "No such command"),
    ],
)
def test_a_mistake_is_one_line_and_exit_status_2(iis: Iis, arguments: tuple[str, ...], message: str) -> None:
    result = iis(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_plugins_defect_is_exit_status_3(iis: Iis, install: Callable[..., Path]) -> None:
    source = (TOY / "toy_plugin.py").read_text().replace("toy/", "bad/").replace("toy_parts:Disks", "toy_parts:Dsks")
    install("iis-bad", {"bad": "bad_plugin"}, bad_plugin=source)
    result = iis("evaluate", "--model", "bad/disks", "--dataset", "toy/shapes")
    assert result.returncode == 3
    assert "iis-bad" in result.stderr
    assert "Traceback" not in result.stderr


def test_check_reports_every_check(iis: Iis) -> None:
    result = iis("check", "toy/disks", "--json")
    assert result.returncode == 0
    results = json.loads(result.stdout)
    assert {entry["status"] for entry in results} <= {"passed", "skipped"}


def test_check_counts_what_it_shows(iis: Iis) -> None:
    *lines, total = iis("check", "core/gto99").stdout.splitlines()
    assert [line for line in lines if not line.startswith("  ")] == ["core/gto99 (robots)", "core/gto99 (protocols)"]
    shown = Counter(line.split()[0] for line in lines if line.startswith("  "))
    assert total == f"{shown['passed']} passed, {shown['skipped']} skipped"


def test_check_of_a_package_ends_with_3_where_something_fails(iis: Iis, install: Callable[..., Path]) -> None:
    install("iis-bad", {"bad": "bad_plugin"}, bad_plugin="IIS_API = 99")
    assert iis("check", "iis-toy").returncode == 0
    result = iis("check", "iis-bad")
    assert result.returncode == 3
    assert "failed   check_is_discovered: api: written for IIS_API 99" in result.stdout


def test_an_interruption_leaves_a_run_that_goes_on(iis: Iis, tmp_path: Path) -> None:
    out = tmp_path / "run"
    file = out / "records.jsonl"
    program = f"import pathlib, toy_runs; toy_runs.hold(pathlib.Path({str(file)!r}), 1); import iis_core.__main__"
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", program, *ARGUMENTS, "--out", out],
        env=toy_environment(),
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background makes its children ignore the interruption.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for(file, 1, lambda: process.poll() is None)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert "Run the same command again to go on" in stderr
    assert "Traceback" not in stderr
    assert "unfinished" in iis("report", out).stdout
    assert iis(*ARGUMENTS, "--out", out).returncode == 0
    assert "unfinished" not in iis("report", out).stdout


@pytest.mark.parametrize("command", [[sys.executable, "-P", "-m", "iis_core"], [Path(sys.executable).with_name("iis")]])
def test_it_is_installed_as_a_module_and_as_a_program(command: list[str | Path]) -> None:
    result = subprocess.run([*command, "show", "core/rtim"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: no offer is named 'core/rtim'")


def test_keywords_of_the_dataset_are_given_by_data(iis: Iis, tmp_path: Path) -> None:
    assert iis(*ARGUMENTS, "--out", tmp_path / "run", "--data", "count=2").returncode == 0
    assert len((tmp_path / "run" / "records.jsonl").read_text().splitlines()) == 3
    result = iis(*ARGUMENTS, "--data", "count")
    assert (result.returncode, result.stderr) == (2, "Error: --data takes KEY=VALUE, not 'count'\n")


def test_pictures_and_masks_are_written(iis: Iis, tmp_path: Path) -> None:
    assert iis(*ARGUMENTS, "--out", tmp_path / "run", "--pictures", 1, "--save-masks", "--workers", 2).returncode == 0
    assert len(list((tmp_path / "run" / "pictures").iterdir())) == 1
    assert len(list((tmp_path / "run" / "masks").iterdir())) == 8
