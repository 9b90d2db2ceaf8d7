"""Every reader, given every hostile file: nothing runs, nothing ends raw, nothing hangs, and memory stays bounded."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_contents import GIB
from hostile_readers import READERS
from hostile_worker import serve

PROCESSES = multiprocessing.get_context("spawn")
PATIENCE = 300
"""Seconds after which a reader hangs; generous, since others may use the machine."""

PAIRS = [(name, content) for name, reader in READERS.items() for content in reader.contents]


class Worker:
    """The process that reads, begun anew where a reader hung, crashed or took too much memory."""

    def __init__(self) -> None:
        self.running: tuple[Any, Any] | None = None

    def ask(self, *question: Any) -> tuple[str, int]:
        """Ask for how a reader ends, and how much memory it takes."""
        if self.running is None:
            ours, theirs = PROCESSES.Pipe()
            process = PROCESSES.Process(target=serve, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            self.running = process, ours
            self._wait()
        self.running[1].send(question)
        ended, memory = self._wait()
        if memory > GIB:
            self.stop()
        return ended, memory

    def stop(self) -> None:
        if self.running is not None:
            process, connection = self.running
            self.running = None
            connection.close()
            process.kill()
            process.join()

    def _wait(self) -> tuple[str, int]:
        assert self.running is not None
        process, connection = self.running
        try:
            if connection.poll(PATIENCE):
                answer: tuple[str, int] = connection.recv()
                return answer
            ended = "it hangs"
        except EOFError:
            process.join()
            ended = f"it crashes with {process.exitcode}"
        self.stop()
        return ended, 0


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.stop()


def ask(name: str, given: Any, worker: Worker, folder: Path) -> tuple[str, int, bool]:
    """Give a reader a file or a text; returns how it ended, the memory that it took, and whether anything ran."""
    reader = READERS[name]
    canary, place = folder / "ran", folder / "given"
    for file, write in {**reader.around, **({reader.file: given} if reader.file else {})}.items():
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        write(place / file, canary)
    place.mkdir(exist_ok=True)
    argument = reader.file or str(given).replace("CANARY", str(canary))
    return *worker.ask(name, place, argument), canary.exists()


@pytest.mark.parametrize(("name", "content"), PAIRS, ids=[f"{name}: {content}" for name, content in PAIRS])
def test_what_is_hostile_is_read_or_refused(name: str, content: str, worker: Worker, tmp_path: Path) -> None:
    ended, memory, ran = ask(name, READERS[name].contents[content], worker, tmp_path)
    assert not ran
    assert ended.startswith(("read", "refused: "))
    assert memory < GIB


@pytest.mark.parametrize("name", [name for name, reader in READERS.items() if reader.sound is not None])
def test_what_is_sound_is_read(name: str, worker: Worker, tmp_path: Path) -> None:
    assert ask(name, READERS[name].sound, worker, tmp_path)[0] == "read"
