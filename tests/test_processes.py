"""Several processes on one run: the same records, whoever dies and however many there are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from toy_runs import essence, kill_after, run, start, toy_environment

from iis_core import UserError, read_run


def torchrun(processes: int, *program: object, **environment: str) -> subprocess.CompletedProcess[str]:
    launcher = ["-P", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes]
    command = [sys.executable, *map(str, [*launcher, *program])]
    return subprocess.run(
        command, env=toy_environment(OMP_NUM_THREADS="1", **environment), capture_output=True, text=True
    )


def as_rank(monkeypatch: pytest.MonkeyPatch, number: int, of: int) -> None:
    monkeypatch.setenv("RANK", str(number))
    monkeypatch.setenv("WORLD_SIZE", str(of))


@pytest.fixture
def whole(tmp_path: Path) -> list[dict[str, Any]]:
    return essence(run(tmp_path / "whole"))


@pytest.mark.parametrize("processes", [1, 2])
def test_torchrun_gives_the_same_records(processes: int, tmp_path: Path, whole: list[dict[str, Any]]) -> None:
    names = ("--model", "toy/disks", "--dataset", "toy/shapes")
    result = torchrun(processes, "-m", "iis_core", "evaluate", *names, "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "NoC@90" in result.stdout
    assert essence(read_run(tmp_path / "run")) == whole
    assert len(list((tmp_path / "run").glob("records*.jsonl"))) == processes


def test_a_process_group_is_followed(tmp_path: Path, whole: list[dict[str, Any]]) -> None:
    script = tmp_path / "script.py"
    lines = [
        "import torch.distributed as dist, iis_core, os",
        "dist.init_process_group('gloo')",
        "os.environ['RANK'] = 'gone'",
        f"iis_core.evaluate('toy/disks', 'toy/shapes', out={str(tmp_path / 'run')!r})",
        "dist.barrier()",
        f"assert iis_core.read_run({str(tmp_path / 'run')!r}).is_complete",
        "dist.destroy_process_group()",
    ]
    script.write_text("\n".join(lines))
    result = torchrun(2, script)
    assert result.returncode == 0, result.stderr
    assert essence(read_run(tmp_path / "run")) == whole


def test_each_process_takes_its_images_into_a_file_of_its_own(
    tmp_path: Path, whole: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (2, 0, 1):
        as_rank(monkeypatch, number, 3)
        finished = run(tmp_path / "run")
    assert essence(finished) == whole
    for number, name in enumerate(["records.jsonl", "records-1.jsonl", "records-2.jsonl"]):
        lines = (tmp_path / "run" / name).read_text().splitlines()
        assert {int(json.loads(line)["path"].removeprefix("shape").removesuffix(".png")) % 3 for line in lines} == {
            number
        }


@pytest.mark.parametrize(("before", "after"), [(3, 1), (1, 2), (2, 3)])
def test_a_run_goes_on_with_another_number_of_processes(
    before: int, after: int, tmp_path: Path, whole: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(before):
        as_rank(monkeypatch, number, before)
        run(tmp_path / "run")
    for file in (tmp_path / "run").glob("records*.jsonl"):
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join(lines[:1]) + lines[-1][:20])
    for number in range(after):
        as_rank(monkeypatch, number, after)
        finished = run(tmp_path / "run")
    assert essence(finished) == whole


def test_a_process_killed_and_started_again_loses_nothing(tmp_path: Path, whole: list[dict[str, Any]]) -> None:
    for records in (1, 2):
        kill_after(tmp_path / "run", records, RANK="1", WORLD_SIZE="2")
    both = [start(tmp_path / "run", RANK=rank, WORLD_SIZE="2") for rank in ("0", "1")]
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert essence(read_run(tmp_path / "run")) == whole


def test_a_rank_that_is_taken_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "run")
    with FileLock(tmp_path / "run" / ".lock-1-of-2"):
        for number, of in ((1, 2), (0, 1), (1, 3), (0, 3)):
            as_rank(monkeypatch, number, of)
            with pytest.raises(UserError, match="another process is writing"):
                run(tmp_path / "run")
        as_rank(monkeypatch, 0, 2)
        run(tmp_path / "run")
    with FileLock(tmp_path / "run" / ".lock-0-of-1"):
        as_rank(monkeypatch, 1, 2)
        with pytest.raises(UserError, match="another process is writing"):
            run(tmp_path / "run")


def test_an_object_with_records_of_two_processes_is_named(tmp_path: Path) -> None:
    folder = run(tmp_path / "run").path
    (folder / "records-1.jsonl").write_bytes((folder / "records.jsonl").read_bytes())
    with pytest.raises(UserError, match=r"records.jsonl is damaged: shape0#1 has two records"):
        read_run(folder)


def test_cuda_is_the_processes_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from iis_core.evaluation.processes import own_device

    assert own_device("cuda") == "cuda"
    monkeypatch.setitem(os.environ, "LOCAL_RANK", "3")
    assert [own_device(device) for device in ("cuda", "cuda:1", "cpu")] == ["cuda:3", "cuda:1", "cpu"]
