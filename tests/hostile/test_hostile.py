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

PAIRS = [(name, content) for name, (_, reader) in READERS.items() for content in reader.contents]


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


def ask(name: str, given: Any, workers: Workers, folder: Path) -> tuple[str, int, bool]:
    """Give a reader a file or a text; returns how it ended, the memory that it took, and whether anything ran."""
    package, reader = READERS[name]
    canary, place = folder / "ran", folder / "given"
    for file, write in {**reader.around, **({reader.file: given} if reader.file else {})}.items():
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        write(place / file, canary)
    place.mkdir(exist_ok=True)
    argument = reader.file or str(given).replace("CANARY", str(canary))
    return *workers.ask(package, name, place, argument), canary.exists()


@pytest.mark.parametrize(("name", "content"), PAIRS, ids=[f"{name}: {content}" for name, content in PAIRS])
def test_what_is_hostile_is_read_or_refused(name: str, content: str, workers: Workers, tmp_path: Path) -> None:
    ended, memory, ran = ask(name, READERS[name][1].contents[content], workers, tmp_path)
    assert not ran
    assert ended.startswith(("read", "refused: "))
    assert memory < GIB


@pytest.mark.parametrize("name", [name for name, (_, reader) in READERS.items() if reader.sound is not None])
def test_what_is_sound_is_read(name: str, workers: Workers, tmp_path: Path) -> None:
    assert ask(name, READERS[name][1].sound, workers, tmp_path)[0] == "read"
