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
from toy_runs import essence, install_with, kill_after, run

from iis_core import UserError, evaluate, load_dataset, read_run
from iis_core.evaluation.processes import Rank
from iis_core.evaluation.records import Record
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


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"seed": 1.0}, "seed must be a whole number, not 1.0"),
        ({"seed": float("nan")}, "seed must be a whole number, not nan"),
        ({"seed": True}, "seed must be a whole number, not True"),
        ({"batch_size": 1.5}, "batch_size must be a whole number"),
        ({"workers": "2"}, "workers must be a whole number, not '2'"),
        ({"limit": 2.5}, "limit must be at least 1, a whole number, not 2.5"),
        ({"ids": "shape1"}, r"ids must be a list of ids such as \['shape0#1'\], not 'shape1'"),
        ({"ids": []}, "ids must be a list of ids"),
        ({"model_keywords": {"shrink": float("nan")}}, r"model\.keywords\.shrink is not a number \(NaN\)"),
        ({"identity": {"step": [float("nan")]}}, r"identity\.step is not a number \(NaN\)"),
        ({"overrides": {"threshold": float("nan")}}, r"threshold must lie in \[0, 1\], not nan"),
        ({"overrides": {"stop_iou": float("nan")}}, "stop_iou must be an IoU"),
        ({"overrides": {"inclusive": "no"}}, "inclusive must be true or false, not 'no'"),
    ],
)
def test_a_setting_that_is_no_setting_is_refused(tmp_path: Path, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(tmp_path / "run", **keywords)
    assert not (tmp_path / "run").exists()


def test_an_infinite_setting_is_kept_as_text(tmp_path: Path) -> None:
    for _ in range(2):
        finished = run(tmp_path / "run", identity={"largest": float("inf")}, limit=1)
    assert finished.settings["identity"] == {"largest": "inf"}


def test_resuming_reads_every_record_as_often_whatever_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []

    class Name(str):
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            compared.append(1)
            return str.__eq__(self, other)

    parsed: list[int] = []
    from_json = Record.from_json
    monkeypatch.setattr(Record, "from_json", lambda *arguments: parsed.append(1) or from_json(*arguments))
    for count in (20, 40):
        keywords: dict[str, Any] = {"dataset_keywords": {"count": count}, "overrides": {"max_clicks": 1}}
        ids = run(tmp_path / str(count), **keywords).ids
        compared.clear(), parsed.clear()
        run(tmp_path / str(count), ids=[Name(name) for name in ids], **keywords)
        assert len(parsed) == 2 * len(ids)  # on opening, and for what is returned
        assert len(compared) <= 4 * len(ids)


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
    assert {"python", "torch", "numpy", "opencv", "scipy"} <= settings["versions"].keys()


def test_a_run_says_where_and_how_it_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: Any) -> None:
    checkout = install_with(install, "checked-out", "exact_batches=False")
    git = ["git", "-C", str(checkout), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *arguments], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    (info,) = checkout.glob("*.dist-info")
    (info / "direct_url.json").write_text(json.dumps({"url": checkout.as_uri(), "dir_info": {"editable": True}}))
    monkeypatch.setattr(sys, "argv", ["iis", "evaluate", "--model", "a b"])
    evaluate("checked-out/disks", "toy/shapes", out=tmp_path / "run", limit=1)
    made = json.loads((tmp_path / "run" / "run.json").read_text())
    assert made["command"] == "iis evaluate --model 'a b'"
    assert made["commits"]["iis-checked-out"] == f"{commit}+changes"
    assert "iis-toy" not in made["commits"]
    assert made["machine"].keys() == {"name", "system", "cpu", "cores", "threads", "gpu"}
    assert made["machine"]["gpu"] is None
    monkeypatch.setattr(sys, "argv", ["python"])
    monkeypatch.setattr("platform.node", lambda: "elsewhere")
    again = evaluate("checked-out/disks", "toy/shapes", out=tmp_path / "run", limit=2)
    assert again.is_complete
    assert json.loads((tmp_path / "run" / "run.json").read_text())["command"] == made["command"]


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
