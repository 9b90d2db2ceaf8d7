"""The run folder: `run.json` says what was run, `records.jsonl` has one line per object."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from iis_core.errors import UserError
from iis_core.evaluation.settings import GIVEN, differences, protocol_from_settings
from iis_core.protocols import Protocol
from iis_core.records import Record

FORMAT = 1
_RUN, _RECORDS, _LOCK = "run.json", "records.jsonl", ".lock"


@dataclass(frozen=True)
class Run:
    """A run folder as read: its settings and the records so far, in the order of the evaluation list."""

    path: Path
    settings: Mapping[str, Any]
    records: tuple[Record, ...]

    @property
    def protocol(self) -> Protocol:
        return protocol_from_settings(self.settings["protocol"])

    @property
    def model(self) -> str:
        return str(self.settings["model"]["name"])

    @property
    def dataset(self) -> str:
        return str(self.settings["dataset"]["name"])

    @property
    def objects(self) -> int:
        """How many objects the whole run has."""
        return int(self.settings["dataset"]["objects"])

    @property
    def is_complete(self) -> bool:
        return len(self.records) == self.objects


def read_run(path: str | Path) -> Run:
    """Read a run folder, finished or not. Raises UserError where it is not one, or is damaged."""
    folder = Path(path)
    with _file_errors(folder):
        settings = _read_settings(folder)
        records, _ = _read_records(folder / _RECORDS)
    return Run(folder, settings, tuple(sorted(records, key=lambda record: record.index)))


class RunWriter:
    """Appends records to an open run folder."""

    def __init__(self, records: list[Record], stream: IO[bytes]) -> None:
        self.records = records
        self._stream = stream

    def append(self, record: Record) -> None:
        """Write one line; once this returns, no crash loses it."""
        try:
            self._stream.write(record.to_json().encode() + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            remedy = "make room and run the same command again; every record before is kept"
            raise UserError(f"{self._stream.name} cannot be written: {error.strerror}; {remedy}") from error
        self.records.append(record)


@contextmanager
def open_run(path: str | Path, settings: Mapping[str, Any]) -> Iterator[RunWriter]:
    """Start a run folder, or go on with the one that is there; no two processes at a time.

    Raises UserError where another process writes it, where its settings differ (naming the differences),
    and where it is damaged. A torn last line, left by a kill, is dropped.
    """
    folder = Path(path)
    with _file_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UserError(f"another process is writing {folder}: wait for it, or choose another --out") from None
    try:
        with _file_errors(folder):
            _start_or_check(folder, settings)
            records, intact = _read_records(folder / _RECORDS)
            stream = (folder / _RECORDS).open("ab")
        with stream:
            stream.truncate(intact)
            yield RunWriter(records, stream)
    finally:
        lock.release()


@contextmanager
def _file_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = error.filename or folder
        raise UserError(f"run folder {folder}: {place}: {error.strerror}; choose another --out") from error


def _start_or_check(folder: Path, settings: Mapping[str, Any]) -> None:
    if (folder / _RUN).exists():
        given = [part for part in ("model", "dataset") if GIVEN in settings[part]]
        if given and settings["identity"] is None:
            raise UserError(
                f"{folder} holds a run, and a {' and a '.join(given)} given as an object cannot be told from another: "
                "pass `identity` to resume such runs, or choose another --out"
            )
        different = differences(_read_settings(folder), settings)
        if different:
            raise UserError(f"{folder} holds a run with other settings: {'; '.join(different)}; choose another --out")
        return
    if (folder / _RECORDS).exists():
        raise UserError(f"{folder} has {_RECORDS} but no {_RUN}, so it cannot be resumed: choose another --out")
    content = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": settings,
    }
    partial = folder / f"{_RUN}.partial"
    partial.write_text(json.dumps(content, indent=2) + "\n")
    partial.replace(folder / _RUN)


def _read_settings(folder: Path) -> Mapping[str, Any]:
    file = folder / _RUN
    if not file.exists():
        raise UserError(f"{folder} is not a run folder: it has no {_RUN}")
    try:
        content = json.loads(file.read_text())
        version, settings = content["format"], content["settings"]
        if version == FORMAT:
            protocol_from_settings(settings["protocol"])
            _ = settings["model"]["name"], settings["dataset"]["name"], settings["dataset"]["whole"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is damaged ({error}): restore it, or choose another --out") from error
    if version != FORMAT:
        raise UserError(f"{file} has format {version}, this version reads format {FORMAT}: choose another --out")
    return dict(settings)


def _read_records(file: Path) -> tuple[list[Record], int]:
    """The records, and how many bytes of the file hold them; only the last line may be torn."""
    content = file.read_bytes() if file.exists() else b""
    records: list[Record] = []
    seen: set[int] = set()
    intact = 0
    lines = content.splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            if not line.endswith(b"\n"):
                raise ValueError("torn")
            record = Record.from_json(line.decode())
            if record.index in seen:
                raise ValueError(f"{record.id} has a record already")
            seen.add(record.index)
            records.append(record)
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            raise UserError(f"{file}, line {number} is damaged ({error}): remove that line and resume") from error
        intact += len(line)
    return records, intact
