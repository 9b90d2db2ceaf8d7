"""Runs of the toy model on the toy dataset, for the tests."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from iis_core import Run, evaluate

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["cv2", "scipy.ndimage", "torch", "iis_core.evaluation"])


def run(out: Path | None, **keywords: Any) -> Run:
    return evaluate("toy/disks", "toy/shapes", out=out, **keywords)


def essence(run: Run) -> list[dict[str, Any]]:
    """The records without what may differ between runs: seconds."""
    lines = [json.loads(record.to_json()) for record in run.records]
    for line in lines:
        del line["reading"], line["encoding"]
        for click in line["clicks"]:
            del click["seconds"]
    return lines


def install_with(install: Callable[..., Path], namespace: str, ability: str) -> Path:
    """Install the toy plugin once more, its model declaring one more ability; return the folder."""
    source = (Path(__file__).parent / "toy_plugin.py").read_text().replace("toy/", f"{namespace}/")
    source = source.replace("exact_batches=True", ability)
    module = f"{namespace.replace('-', '_')}_plugin"
    return install(f"iis-{namespace}", {namespace: module}, **{module: source})


def toy_environment(**more: str) -> dict[str, str]:
    """The environment of a process that has the toy plugin installed."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "COLUMNS": "200", **more}


def start(out: Path, *, hold_at: int | None = None, **environment: str) -> BaseProcess:
    """Begin a run in a process of its own; see `hold`."""
    process = PROCESSES.Process(target=_run_there, args=(out, hold_at, environment), daemon=True)
    process.start()
    return process


def _run_there(out: Path, hold_at: int | None, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    if hold_at is not None:
        hold(records_file(out, environment.get("RANK", "0")), hold_at)
    run(out)


def records_file(out: Path, rank: str = "0") -> Path:
    return out / ("records.jsonl" if rank == "0" else f"records-{rank}.jsonl")


def hold(file: Path, records: int) -> None:
    """From now on the toy model waits for the end of this process once the file has so many records."""
    from toy_parts import DisksModel

    answer = DisksModel.__call__

    def held(*arguments: Any) -> Any:
        while written(file) >= records:
            time.sleep(1)
        return answer(*arguments)

    DisksModel.__call__ = held


def wait_for(file: Path, records: int, is_alive: Callable[[], bool]) -> None:
    """Return once the file has so many records; whoever writes them must be alive."""
    while written(file) < records:
        assert is_alive()
        time.sleep(0.01)


def written(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def kill_after(out: Path, records: int, **environment: str) -> None:
    """Begin or go on with a run, and kill it in the object after so many records."""
    process = start(out, hold_at=records, **environment)
    wait_for(records_file(out, environment.get("RANK", "0")), records, process.is_alive)
    process.kill()
    process.join()
