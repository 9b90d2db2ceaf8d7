"""Writing a run folder: started or resumed by one process per rank, line by line, so that no crash loses a record."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from iis_core.errors import UserError
from iis_core.evaluation.failures import Failure
from iis_core.evaluation.processes import Rank
from iis_core.evaluation.records import Record
from iis_core.evaluation.run_files import (
    FAILURES,
    FORMAT,
    RECORDS,
    RUN,
    list_files,
    protocol_from_settings,
    read_all_records,
    read_description,
)
from iis_core.evaluation.settings import GIVEN, list_differences
from iis_core.files.lines import LinesFile
from iis_core.files.writing import explain_write_errors, write_json


class RunWriter:
    """Keeps records and failures in memory.

    Args:
        records: the records that were there before.
    """

    def __init__(self, records: Sequence[Record] = ()) -> None:
        self.records = list(records)
        self.failures: list[Failure] = []

    def append(self, record: Record) -> None:
        """Add a record."""
        self.records.append(record)

    def fail(self, failure: Failure) -> None:
        """Add a failure."""
        self.failures.append(failure)


class FolderWriter(RunWriter):
    """Keeps records and failures, and appends them to files: once a call returns, no crash loses what was added.

    Args:
        records: the records that all processes have written before.
        lines: the records file of this process.
        failures_file: where its failures go.
    """

    def __init__(self, records: Sequence[Record], lines: LinesFile, failures_file: Path) -> None:
        super().__init__(records)
        self._lines = lines
        self._failures_file = failures_file

    def append(self, record: Record) -> None:
        """Add a record.

        Raises:
            UserError: the file cannot be written, or is not in its place any more.
        """
        self._lines.append(record.to_json())
        super().append(record)

    def fail(self, failure: Failure) -> None:
        """Add a failure; the errors are those of `append`."""
        with explain_write_errors(self._failures_file), closing(LinesFile(self._failures_file)) as lines:
            lines.append(json.dumps(asdict(failure)))
        super().fail(failure)


@contextmanager
def open_run(
    path: str | Path,
    settings: Mapping[str, Any],
    ids: Sequence[str],
    describe_provenance: Callable[[], Mapping[str, Any]],
    rank: Rank,
    *,
    overwrite: bool = False,
) -> Iterator[RunWriter]:
    """Start a run folder, or resume the run in it; every process of a run writes a file of its own.

    An incomplete last line, left by a process that was killed, is dropped. Records of objects that are on the list are
    taken over, whatever the list was before; those of others stay in the files and count for nothing.

    Args:
        path: the run folder.
        settings: what the run depends on.
        ids: the evaluation list.
        describe_provenance: gives what else to write into a new run.
        rank: the place of this process in the run.
        overwrite: whether to remove the run that the folder holds, and start anew.

    Raises:
        UserError: another process writes for the same rank or for another number of processes, the run in the folder
            has other settings (the message names them), or the folder is damaged or cannot be written.
    """
    folder = Path(path)
    with ExitStack() as stack:
        with _explain_file_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            stack.callback(_lock(folder, f".lock-{rank.number}-of-{rank.of}").release)
            for other in _list_other_locks(folder, rank):
                _lock(folder, other).release()
            if overwrite:
                _remove_run(folder, rank)
            _start_or_check(folder, settings, ids, describe_provenance)
            records = read_all_records(folder, list(ids), protocol_from_settings(settings["protocol"]))
            _remove_failures(folder, rank)
            own = stack.enter_context(closing(LinesFile(folder / _name_file(RECORDS, rank.number))))
        yield FolderWriter(records, own, folder / _name_file(FAILURES, rank.number))


def _name_file(kind: str, number: int) -> str:
    return f"{kind}-{number}.jsonl" if number else f"{kind}.jsonl"


def _lock(folder: Path, name: str) -> FileLock:
    lock = FileLock(folder / name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"another process is writing {folder}: wait for it, or choose another folder") from None
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
        raise UserError(f"run folder {folder}: {place}: {error.strerror}; choose another folder") from error


def _remove_run(folder: Path, rank: Rank) -> None:
    """Remove what an evaluation wrote, and nothing else; a folder without a run is left as it is."""
    if not (folder / RUN).is_file():
        return
    if rank.of > 1:
        raise UserError(f"several processes cannot overwrite {folder} together: remove it before, or choose another")
    for file in (*list_files(folder, RECORDS), *list_files(folder, FAILURES)):
        file.unlink()
    for written in (folder / "masks", folder / "click-masks", folder / "pictures"):
        if written.is_dir() and not written.is_symlink():
            shutil.rmtree(written)
    (folder / RUN).unlink()


def _remove_failures(folder: Path, rank: Rank) -> None:
    """Forget the failures that are tried again now: those of this process, or of all where it is the only one."""
    for file in list_files(folder, FAILURES):
        if rank.of == 1 or file.name == _name_file(FAILURES, rank.number):
            file.unlink()


def _start_or_check(
    folder: Path, settings: Mapping[str, Any], ids: Sequence[str], describe_provenance: Callable[[], Mapping[str, Any]]
) -> None:
    # Look for records before run.json: another process of this run may be writing both right now.
    records = list_files(folder, RECORDS)
    if not (folder / RUN).exists():
        if records:
            raise UserError(f"{folder} has records but no {RUN}, so it cannot be resumed: choose another folder")
        write_json(folder / RUN, {"format": FORMAT, **describe_provenance(), "settings": settings, "ids": list(ids)})
        return
    _refuse_unknown_objects(folder, settings)
    found = read_description(folder)
    different = list_differences(found["settings"], settings)
    if different:
        raise UserError(
            f"{folder} holds a run with other settings: {'; '.join(different)}; choose another folder, or overwrite it "
            "(--overwrite, in Python overwrite=True)"
        )
    if found["ids"] != list(ids) or found["settings"] != settings:
        write_json(folder / RUN, {**found, "settings": settings, "ids": list(ids)})


def _refuse_unknown_objects(folder: Path, settings: Mapping[str, Any]) -> None:
    given = [part for part in ("model", "dataset", "robot") if GIVEN in settings[part]]
    if given and settings["identity"] is None:
        raise UserError(
            f"{folder} holds a run, and a {' and a '.join(given)} given as an object cannot be told from another: "
            "pass `identity` to resume such runs or to write them with several processes, or choose another folder"
        )
