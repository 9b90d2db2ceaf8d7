"""The run folder: `run.json` says what was run, `records.jsonl` has one line per object.

Where several processes evaluate, the first writes `records.jsonl`, the others `records-1.jsonl` and so on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from iis_core.errors import UserError
from iis_core.evaluation.protocols import Protocol
from iis_core.evaluation.records import Record
from iis_core.evaluation.settings import GIVEN, list_differences, protocol_from_settings

if TYPE_CHECKING:
    from iis_core.evaluation.processes import Rank

FORMAT = 1
_RUN = "run.json"


@dataclass(frozen=True)
class Run:
    """A run folder as read.

    Args:
        path: the folder.
        settings: what the run depends on.
        records: the records so far, in the order of the evaluation list.
    """

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
    """Read a run folder, finished or not.

    Raises:
        UserError: the folder holds no run, or is damaged.
    """
    folder = Path(path)
    with _explain_file_errors(folder):
        settings = _read_settings(folder)
        records = _read_all_records(folder)
    return Run(folder, settings, tuple(sorted(records, key=lambda record: record.index)))


class RunWriter:
    """Appends records to an open run folder.

    Args:
        records: the records that all processes have written before.
        stream: the file of this process, open for appending.
    """

    def __init__(self, records: list[Record], stream: IO[bytes]) -> None:
        self.records = records
        self._stream = stream

    def append(self, record: Record) -> None:
        """Write one line; once this returns, no crash loses it.

        Raises:
            UserError: the file cannot be written.
        """
        try:
            self._stream.write(record.to_json().encode() + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            remedy = "make room and run the same command again; every record before is kept"
            raise UserError(f"{self._stream.name} cannot be written: {error.strerror}; {remedy}") from error
        self.records.append(record)


@contextmanager
def open_run(path: str | Path, settings: Mapping[str, Any], rank: Rank) -> Iterator[RunWriter]:
    """Start a run folder, or resume the run in it; every process of a run writes a file of its own.

    An incomplete last line, left by a process that was killed, is dropped.

    Args:
        path: the run folder.
        settings: what the run depends on.
        rank: the place of this process in the run.

    Raises:
        UserError: another process writes for the same rank or for another number of processes, the run in the folder
            has other settings (the message names them), or the folder is damaged.
    """
    folder = Path(path)
    with ExitStack() as stack:
        with _explain_file_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            stack.callback(_lock(folder, _name_lock(rank)).release)
            for other in _list_other_locks(folder, rank):
                _lock(folder, other).release()
            _start_or_check(folder, settings, rank)
            records = _read_all_records(folder)
            own = folder / _name_records(rank.number)
            stream = stack.enter_context(own.open("ab"))
            stream.truncate(_read_records(own)[1])
        yield RunWriter(records, stream)


def _name_records(number: int) -> str:
    return f"records-{number}.jsonl" if number else "records.jsonl"


def _name_lock(rank: Rank) -> str:
    return f".lock-{rank.number}-of-{rank.of}"


def _lock(folder: Path, name: str) -> FileLock:
    lock = FileLock(folder / name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"another process is writing {folder}: wait for it, or choose another --out") from None
    return lock


def _list_other_locks(folder: Path, rank: Rank) -> list[str]:
    """List the locks of processes that write, or wrote, this run with another number of processes."""
    return [file.name for file in folder.glob(".lock-*") if not file.name.endswith(f"-of-{rank.of}")]


@contextmanager
def _explain_file_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = error.filename or folder
        raise UserError(f"run folder {folder}: {place}: {error.strerror}; choose another --out") from error


def _start_or_check(folder: Path, settings: Mapping[str, Any], rank: Rank) -> None:
    # Look for records before run.json: another process of this run may be writing both right now.
    has_records = any(folder.glob("records*.jsonl"))
    if (folder / _RUN).exists():
        given = [part for part in ("model", "dataset") if GIVEN in settings[part]]
        if given and settings["identity"] is None:
            raise UserError(
                f"{folder} holds a run, and a {' and a '.join(given)} given as an object cannot be told from another: "
                "pass `identity` to resume such runs or to write them with several processes, or choose another --out"
            )
    elif has_records:
        raise UserError(f"{folder} has records but no {_RUN}, so it cannot be resumed: choose another --out")
    else:
        _start(folder, settings, rank)
    different = list_differences(_read_settings(folder), settings)
    if different:
        raise UserError(f"{folder} holds a run with other settings: {'; '.join(different)}; choose another --out")


def _start(folder: Path, settings: Mapping[str, Any], rank: Rank) -> None:
    content = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": settings,
    }
    partial = folder / f"{_RUN}.partial-{rank.number}"
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


def _read_all_records(folder: Path) -> list[Record]:
    """Read the records of every process; two records of one object are an error."""
    records: dict[int, Record] = {}
    for file in sorted(folder.glob("records*.jsonl")):
        for record in _read_records(file)[0]:
            if record.index in records:
                raise UserError(f"{file} is damaged: {record.id} has two records in {folder}; remove one of them")
            records[record.index] = record
    return list(records.values())


def _read_records(file: Path) -> tuple[list[Record], int]:
    """Read the records of one file, and count the bytes that hold them; only the last line may be incomplete."""
    records: list[Record] = []
    intact = 0
    lines = file.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            if not line.endswith(b"\n"):
                raise ValueError("torn")
            records.append(Record.from_json(line.decode()))
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            raise UserError(f"{file}, line {number} is damaged ({error}): remove that line and resume") from error
        intact += len(line)
    return records, intact
