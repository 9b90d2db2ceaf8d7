"""Runs of the toy model on the toy dataset, for the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from iis_core import Run, evaluate


def run(out: Path, **keywords: Any) -> Run:
    return evaluate("toy/disks", "toy/shapes", out=out, **keywords)


def essence(run: Run) -> list[dict[str, Any]]:
    """The records without what may differ between runs: seconds."""
    lines = [json.loads(record.to_json()) for record in run.records]
    for line in lines:
        del line["reading"], line["encoding"]
        for click in line["clicks"]:
            del click["seconds"]
    return lines


def install_with(install: Callable[..., Path], namespace: str, ability: str) -> None:
    """Install the toy plugin once more, its model declaring one more ability."""
    source = (Path(__file__).parent / "toy_plugin.py").read_text().replace("toy/", f"{namespace}/")
    source = source.replace("exact_batches", f"{ability}, exact_batches")
    install(f"iis-{namespace}", {namespace: f"{namespace}_plugin"}, **{f"{namespace}_plugin": source})


def toy_environment(**more: str) -> dict[str, str]:
    """The environment of a process that has the toy plugin installed."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "COLUMNS": "200", **more}


def kill_after(process: subprocess.Popen[bytes], file: Path, records: int) -> None:
    """SIGKILL an evaluation once its records file has that many lines."""
    deadline = time.monotonic() + 120
    while not file.exists() or file.read_bytes().count(b"\n") < records:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
