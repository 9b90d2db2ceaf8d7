"""Every reader, given every hostile file: nothing runs, nothing ends raw, nothing hangs, and memory stays bounded."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_contents import GIB
from hostile_readers import READERS, Reader
from hostile_worker import serve

PROCESSES = multiprocessing.get_context("spawn")
PATIENCE = 300
"""Seconds after which a reader hangs; generous, since others may use the machine."""

PAIRS = [(name, content) for name, reader in READERS.items() for content in reader.contents]


class Workers:
    """A process for each package, begun anew where a reader hung, crashed or took too much memory."""

    def __init__(self) -> None:
        self.running: dict[str, Any] = {}

    def ask(self, package: str, *question: Any) -> tuple[str, int]:
        """Ask for how a reader ends, and how much memory it takes."""
        if package not in self.running:
            ours, theirs = PROCESSES.Pipe()
            process = PROCESSES.Process(target=serve, args=(theirs, package), daemon=True)
            process.start()
            theirs.close()
            self.running[package] = process, ours
            self._wait(package)
        self.running[package][1].send(question)
        ended, memory = self._wait(package)
        if memory > GIB:
            self.stop(package)
        return ended, memory

    def stop(self, package: str) -> None:
        process, connection = self.running.pop(package)
        connection.close()
        process.kill()
        process.join()

    def _wait(self, package: str) -> tuple[str, int]:
        process, connection = self.running[package]
        try:
            if connection.poll(PATIENCE):
                answer: tuple[str, int] = connection.recv()
                return answer
            ended = "it hangs"
        except EOFError:
            process.join()
            ended = f"it crashes with {process.exitcode}"
        self.stop(package)
        return ended, 0


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    workers = Workers()
    yield workers
    for package in [*workers.running]:
        workers.stop(package)


def lay_out(folder: Path, reader: Reader, content: str, canary: Path) -> str:
    """Write what a reader is given; returns the text or the name of the file."""
    given = reader.contents[content]
    for name, write in reader.around.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / name, canary)
    if not reader.file:
        return str(given).replace("CANARY", str(canary))
    (folder / reader.file).parent.mkdir(parents=True, exist_ok=True)
    given(folder / reader.file, canary)
    return reader.file


@pytest.mark.parametrize(("name", "content"), PAIRS, ids=[f"{name}: {content}" for name, content in PAIRS])
def test_a_hostile_file_is_read_or_refused(name: str, content: str, workers: Workers, tmp_path: Path) -> None:
    folder, canary = tmp_path / "given", tmp_path / "ran"
    folder.mkdir()
    argument = lay_out(folder, READERS[name], content, canary)
    ended, memory = workers.ask(READERS[name].package, name, folder, argument)
    assert not canary.exists()
    assert ended.startswith(("read", "refused: "))
    assert memory < GIB
