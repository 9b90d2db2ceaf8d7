"""Run folders: resumable after any death, never mixed up, never written by two."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from toy_runs import essence, kill_after, run

from iis_core import UserError, evaluate, load_dataset, read_run
from iis_core.evaluation.processes import Rank
from iis_core.evaluation.run_folder import open_run

TOY = Path(__file__).parent / "toy"


@pytest.fixture
def whole(tmp_path: Path) -> list[dict[str, Any]]:
    return essence(run(tmp_path / "whole"))


def test_a_run_torn_at_any_place_is_resumed_to_the_same_records(tmp_path: Path, whole: list[dict[str, Any]]) -> None:
    complete = (run(tmp_path / "run").path / "records.jsonl").read_bytes()
    lines = complete.splitlines(keepends=True)
    for kept in range(len(lines) + 1):
        for torn in (0, 1, 40):
            content = b"".join(lines[:kept]) + b"".join(lines[kept : kept + 1])[:torn]
            (tmp_path / "run" / "records.jsonl").write_bytes(content)
            assert essence(run(tmp_path / "run")) == whole


def test_a_run_killed_at_every_record_and_resumed_equals_one_never_killed(
    tmp_path: Path, whole: list[dict[str, Any]]
) -> None:
    for records in range(1, 8):
        kill_after(tmp_path / "run", records)
    assert essence(run(tmp_path / "run")) == whole
    ids = [json.loads(line)["id"] for line in (tmp_path / "run" / "records.jsonl").read_text().splitlines()]
    assert len(ids) == len(set(ids)) == 8


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    run(tmp_path / "run")
    before = (tmp_path / "run" / "records.jsonl").read_bytes()
    run(tmp_path / "run")
    assert (tmp_path / "run" / "records.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"seed": 1}, "seed: 0 in the run, 1 now"),
        ({"batch_size": 2}, "batch_size: 1 in the run, 2 now"),
        ({"overrides": {"threshold": 0.5}}, "protocol.threshold: 0.49 in the run, 0.5 now"),
        ({"model_keywords": {"shrink": 0.5}}, "model.keywords.shrink: 0.8 in the run, 0.5 now"),
        ({"dataset_keywords": {"count": 2}}, "dataset.keywords.count: 6 in the run, 2 now"),
    ],
)
def test_a_run_is_not_resumed_with_other_settings(tmp_path: Path, change: dict[str, Any], difference: str) -> None:
    run(tmp_path / "run")
    with pytest.raises(UserError, match=difference) as caught:
        run(tmp_path / "run", **change)
    assert "choose another folder, or overwrite it" in str(caught.value)


def test_two_processes_cannot_write_one_run(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with FileLock(tmp_path / "run" / ".lock-0-of-1"), pytest.raises(UserError, match="another process is writing"):
        run(tmp_path / "run")


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    file = run(tmp_path / "run").path / "records.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([lines[0], "{}\n", *lines[2:]]))
    with pytest.raises(UserError, match=r"records.jsonl, line 2 is damaged"):
        run(tmp_path / "run")
    with pytest.raises(UserError, match="line 2"):
        read_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not a run folder: it has no run.json"),
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"format": 2}', "is damaged"),
        ('{"format": 2, "settings": [], "ids": []}', "is damaged"),
        ('{"format": 99, "settings": {}}', "has format 99, this version reads format 2"),
    ],
)
def test_a_folder_that_is_no_run_is_explained(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(UserError, match=message):
        read_run(tmp_path)


def test_the_run_says_everything_needed_to_repeat_it(tmp_path: Path) -> None:
    settings = run(tmp_path / "run", overrides={"max_clicks": 3}).settings
    assert settings["model"]["name"] == "toy/disks"
    assert settings["model"]["distribution"] == "iis-toy"
    assert settings["model"]["keywords"] == {"device": "cpu", "shrink": 0.8, "delay": 0.0}
    assert settings["protocol"]["departures"] == {"max_clicks": [20, 3]}
    assert settings["robot"]["name"] == "core/ritm"
    assert settings["robot"]["keywords"] == {"threshold": 0.49, "inclusive": False}
    assert "ignored pixels" in settings["protocol"]["ignore"]
    assert {"python", "torch", "numpy", "opencv-python", "scipy"} <= settings["versions"].keys()


def test_a_run_of_a_given_object_is_resumed_only_by_its_identity(tmp_path: Path) -> None:
    data = load_dataset("toy/shapes")
    evaluate("toy/disks", data, out=tmp_path / "nameless")
    with pytest.raises(UserError, match=r"a dataset given as an object cannot be told from another: pass `identity`"):
        evaluate("toy/disks", data, out=tmp_path / "nameless")
    evaluate("toy/disks", data, out=tmp_path / "named", identity={"version": 1})
    evaluate("toy/disks", data, out=tmp_path / "named", identity={"version": 1})
    with pytest.raises(UserError, match=r"identity\.version: 1 in the run, 2 now"):
        evaluate("toy/disks", data, out=tmp_path / "named", identity={"version": 2})


def test_a_repeated_record_is_named(tmp_path: Path) -> None:
    file = run(tmp_path / "run").path / "records.jsonl"
    first, *others = file.read_text().splitlines(keepends=True)
    file.write_text("".join([first, first, *others]))
    with pytest.raises(UserError, match=r"records.jsonl is damaged: shape0#1 has two records"):
        read_run(tmp_path / "run")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UserError, match=r"run folder .*choose another folder"):
            run(out)
    with pytest.raises(UserError, match="out is empty"):
        run("")  # type: ignore[arg-type]


def test_a_full_disk_leaves_the_run_resumable(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    room = (tmp_path / "whole" / "records.jsonl").stat().st_size // 2
    program = "\n".join(
        [
            "import resource, sys, iis_core",
            "sys.dont_write_bytecode = True  # what is cut short there would stay",
            f"resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))",
            f"iis_core.evaluate('toy/disks', 'toy/shapes', out={str(tmp_path / 'run')!r})",
        ]
    )
    environment = {"PYTHONPATH": str(TOY), "PATH": ""}
    result = subprocess.run([sys.executable, "-P", "-c", program], env=environment, capture_output=True, text=True)
    assert result.returncode == 1
    assert "make room and run the same command again; every record before is kept" in result.stderr
    assert 0 < len(read_run(tmp_path / "run").records) < len(whole.records)
    assert essence(run(tmp_path / "run")) == essence(whole)


def test_a_run_folder_that_is_read_only_is_named_and_can_be_read(tmp_path: Path) -> None:
    finished = run(tmp_path / "run")
    (tmp_path / "run").chmod(0o555)
    user = os.geteuid()
    # Root may write everywhere: give that up, for a user without rights.
    os.seteuid(65534 if user == 0 else user)
    try:
        with (
            pytest.raises(UserError, match=r"run folder .*/run: .*Permission denied; choose another folder"),
            open_run(tmp_path / "run", finished.settings, finished.ids, dict, Rank()),
        ):
            pass
    finally:
        os.seteuid(user)
    assert read_run(tmp_path / "run").is_complete
